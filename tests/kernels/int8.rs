//! Linear layers of a GPU whose weights are in int8: every variant, an epilogue of each kind, and that the memory is int8.

use std::time::Duration;

use half::f16;
use pollster::block_on;
use wembed_kernels::gpu::{GpuEngine, Options, Plan};
use wembed_kernels::int8::block;
use wembed_kernels::{Activation, Dtype, Engine as _, Stored, padded};
use wembed_tests::device::{lacks, open, options};
use wembed_tests::int8;
use wembed_tests::judge::Judge;
use wembed_tests::matrix::Matrix;
use wembed_tests::oracle;
use wembed_tests::tolerance;
use wembed_tests::values::normals;

use crate::linear::{Case, Epilogue, hold_products, of_matrices};
use crate::repetition::{Encoder, bits, sentences};

/// What the weights are multiplied with.
#[derive(Clone, Copy)]
enum Inputs {
    /// Rotated rows.
    Floats,
    /// The same in f16.
    Halves,
    /// The same in int8.
    Integers,
}

impl Inputs {
    fn of(self, x: &[f32], columns: usize) -> Vec<f32> {
        match self {
            Self::Floats => int8::rotated(x, columns),
            Self::Halves => {
                // By a power of two, so that f16 holds sums of as many numbers as a block has.
                let block = block(padded(columns)) as f32;
                let rounded = |x: f32| block * f16::from_f32(x / block).to_f32();
                int8::rotated(x, columns).into_iter().map(rounded).collect()
            }
            Self::Integers => int8::inputs(x, columns),
        }
    }
}

fn int8_options() -> Options {
    Options { dtype: Dtype::Int8, ..options() }
}

fn hold(name: &str, engine: &GpuEngine, inputs_are: Inputs) {
    let tolerance = if matches!(inputs_are, Inputs::Halves) { of_matrices(name) } else { tolerance::LINEAR };
    let epilogues = [Epilogue::Bias, Epilogue::Add, Epilogue::Activation(Activation::Gelu)];
    hold_products(&mut Judge::new(tolerance), name, engine, &epilogues, |inputs| {
        let x = inputs_are.of(&inputs.x, inputs.depth);
        oracle::linear(&x, &inputs.weight.multiplied(Dtype::Int8), &inputs.bias, padded(inputs.depth))
    });
}

#[test]
fn floats_times_int8_hold_every_case() {
    let options = || Options { dots: Some(false), ..int8_options() };
    let Some(engine) = open(options()) else { return };
    for name in engine.variants() {
        let engine = open(Options { linear: Plan::only(name), ..options() }).expect("it was opened before");
        hold(name, &engine, Inputs::Floats);
    }
}

#[test]
fn integers_hold_every_case() {
    let options = || Options { dots: Some(true), ..int8_options() };
    let Some(engine) = open(options()) else { return };
    let names = engine.variants();
    assert!(!names.is_empty() && names.iter().all(|name| name.starts_with("dots")), "{names:?}");
    assert!(engine.arithmetic().contains("dot products of int8"), "{}", engine.arithmetic());
    // What another engine found is not followed.
    let shapes = engine.unplanned();
    engine.follow(&shapes.iter().map(|&shape| (shape, Plan::only("tiled"))).collect::<Vec<_>>());
    assert_eq!(engine.unplanned(), shapes);
    for name in names {
        let engine = open(Options { linear: Plan::only(name), ..options() }).expect("it was opened before");
        hold(name, &engine, Inputs::Integers);
    }
}

#[test]
fn matrices_of_int8_hold_every_case() {
    let options = || Options { matrices: true, ..int8_options() };
    let Some(engine) = open(options()) else { return };
    let names: Vec<_> = engine.variants().into_iter().filter(|name| name.starts_with("matrix")).collect();
    if names.is_empty() {
        return lacks("matrices", &engine.info().name);
    }
    let mut found = Vec::new();
    for name in names {
        let engine = open(Options { linear: Plan::only(name), ..options() }).expect("it was opened before");
        hold(name, &engine, Inputs::Halves);
        let inputs = Case::of(65, 768, 128).inputs();
        found.push(inputs.run(&engine, &inputs.layer(&engine), Epilogue::Bias));
    }
    assert!(found.iter().all(|raw| *raw == found[0]), "tiles of another size, the same bits");
}

/// An encoder gives what the processor gives: with f32 to f32's roundings, with integers but for numbers that a last bit rounds the other way.
#[test]
fn the_device_proves_itself() {
    for dots in [false, true] {
        let Some(_) = open(Options { dots: Some(dots), proof: true, ..int8_options() }) else { return };
    }
}

/// The product's first rows are the same bits however many follow, and whichever variant of an engine computes them.
#[test]
fn rows_do_not_see_each_other() {
    for dots in [false, true] {
        let options = || Options { dots: Some(dots), ..int8_options() };
        let Some(engine) = open(options()) else { return };
        for (depth, columns) in [(192, 65), (832, 64), (3072, 64)] {
            let run = |engine: &GpuEngine, rows| {
                let inputs = Case::of(rows, depth, columns).inputs();
                inputs.run(engine, &inputs.layer(engine), Epilogue::Add)
            };
            let expected = run(&engine, 130);
            for name in engine.variants() {
                let engine = open(Options { linear: Plan::only(name), ..options() }).expect("it was opened before");
                for rows in [1, 4, 5, 33, 65, 130] {
                    let found = run(&engine, rows);
                    let words = rows * found.stride;
                    assert_eq!(found.words[..words], expected.words[..words], "{name}, K {depth}, {rows} rows");
                }
            }
        }
    }
}

/// A text does not see its neighbours, and whatever is measured and chosen, no bit shows it.
#[test]
fn a_text_alone_has_the_bits_it_has_among_others() {
    for dots in [false, true] {
        let Some(engine) = open(Options { dots: Some(dots), ..int8_options() }) else { return };
        let encoder = Encoder::new(&engine);
        let run = |lengths: &[usize]| bits(&block_on(encoder.run(&engine, &sentences(lengths))).expect("it runs"));
        let (alone, among) = (run(&[5]), run(&[5, 1, 40, 17, 70]));
        assert_eq!(alone, among[..alone.len()], "dots: {dots}");
        let tuned = block_on(engine.tune(Duration::from_millis(200))).expect("it is measured");
        assert_eq!(tuned.refused, [""; 0], "dots: {dots}");
        assert_eq!(run(&[5, 1, 40, 17, 70]), among, "dots: {dots}, {:?}", tuned.plans);
    }
}

/// By the driver's own memory, as its allocator has it: a byte a weight, and four a row.
#[test]
fn memory_is_int8() {
    const ROWS: usize = 1536;
    const COLUMNS: usize = 1024;
    for (dtype, expected) in
        [(Dtype::F32, 4 * ROWS * COLUMNS), (Dtype::F16, 2 * ROWS * COLUMNS), (Dtype::Int8, ROWS * COLUMNS + 4 * ROWS)]
    {
        let Some(engine) = open(Options { dtype, ..options() }) else { return };
        let report = || engine.device().generate_allocator_report();
        if report().is_none() {
            return lacks("allocator that reports", &engine.info().name);
        }
        let named = |name: &str| {
            let named = report().into_iter().flat_map(|report| report.allocations);
            let named = named.filter(|allocation| allocation.name == name);
            named.map(|allocation| allocation.size as usize).sum::<usize>()
        };
        assert_eq!(named("weighed"), 0);
        let matrix = Matrix::new("weighed", &normals(ROWS * COLUMNS, 1.0, 1), COLUMNS, Stored::F32);
        let weights = block_on(engine.matrix(matrix)).expect("it loads");
        let found = named("weighed");
        // DirectX rounds a buffer up.
        assert!((expected..expected + (64 << 10)).contains(&found), "{}: {found} bytes, not {expected}", dtype.name());
        drop(weights);
    }
}
