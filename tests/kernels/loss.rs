//! A lost device is an error that says so, whenever it happens, and another engine gives the same bits.

use pollster::block_on;
use wembed_kernels::gpu::{GpuEngine, Options};
use wembed_kernels::{Engine, Error, Gathered, Ops, Packed, Probe as _, Stored};
use wembed_tests::device::{open, options};
use wembed_tests::matrix::Matrix;

use crate::repetition::{Encoder, sentences};

fn opened() -> Option<GpuEngine> {
    open(Options { sentinels: false, ..options() })
}

fn is_lost<T>(result: Result<T, Error>, place: &str) {
    match result {
        Ok(_) => panic!("{place}: worked on a lost device"),
        Err(error) => assert!(error.is_device_lost(), "{place}: {error}"),
    }
}

/// What was submitted before the loss may still come back, but then it is right.
fn lost_or_equal(result: Result<Vec<f32>, Error>, before: &[f32]) {
    match result {
        Ok(values) => assert_eq!(values, before),
        Err(error) => assert!(error.is_device_lost(), "a batch in flight: {error}"),
    }
}

#[test]
fn after_a_loss_operations_say_so_and_a_new_engine_gives_the_same_bits() {
    let Some(engine) = opened() else { return };
    let packed = sentences(&[7, 20, 1]);
    let encoder = Encoder::new(&engine);
    let before = block_on(encoder.run(&engine, &packed)).unwrap();

    engine.device().destroy();
    is_lost(block_on(encoder.run(&engine, &packed)), "a batch");
    is_lost(block_on(encoder.run(&engine, &packed)), "a second batch");
    let matrix = || Matrix::new("weight", &[1.0; 64 * 64], 64, Stored::F32);
    is_lost(block_on(engine.matrix(matrix())), "a matrix");
    is_lost(block_on(engine.table(matrix())), "a table");
    // What is only handed over may go unnoticed, but must not panic.
    drop(engine.vector("bias", &[1.0; 64]));
    drop(engine.gathered(Gathered { name: "words", bytes: matrix().bytes(), stored: Stored::F32, columns: 64 }));

    let again = block_on(engine.reopen()).unwrap();
    assert_eq!(again.info(), engine.info());
    let after = block_on(Encoder::new(&again).run(&again, &packed)).unwrap();
    assert_eq!(before, after);
}

#[test]
fn a_loss_while_a_batch_is_recorded_is_reported() {
    let Some(engine) = opened() else { return };
    let encoder = Encoder::new(&engine);
    let mut batch = engine.begin(&Packed::default());
    let x = batch.upload(&[1.0; 128], 64);
    engine.device().destroy();
    let output = batch.normalize(&x);
    is_lost(block_on(batch.finish(output)), "a batch that was begun before");
    drop(encoder);
}

#[test]
fn a_loss_while_batches_are_in_flight_is_reported_or_comes_too_late() {
    let Some(engine) = opened() else { return };
    let encoder = Encoder::new(&engine);
    let packed = sentences(&[60; 8]);
    let before = block_on(encoder.run(&engine, &packed)).unwrap();
    let pending = [encoder.run(&engine, &packed), encoder.run(&engine, &packed)];
    engine.device().destroy();
    for pending in pending {
        lost_or_equal(block_on(pending), &before);
    }
    is_lost(block_on(encoder.run(&engine, &packed)), "a batch after");
}

#[test]
fn with_kernel_times_and_sentinels_a_loss_is_no_panic_either() {
    let Some(engine) = open(Options { kernel_times: true, ..options() }) else { return };
    let encoder = Encoder::new(&engine);
    let packed = sentences(&[5]);
    let before = block_on(encoder.run(&engine, &packed)).unwrap();
    let pending = encoder.run(&engine, &packed);
    engine.device().destroy();
    lost_or_equal(block_on(pending), &before);
    is_lost(block_on(encoder.run(&engine, &packed)), "a batch after");
}
