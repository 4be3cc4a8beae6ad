//! What goes wrong is an error that names the thing, what was expected and what was found.

use pollster::block_on;
use wembed_kernels::gpu::{Adapter, GpuEngine, Options};
use wembed_kernels::{Dtype, Engine, Error, Gathered, Piece, Rows, Stored};
use wembed_tests::device::{open, options};
use wembed_tests::matrix::Matrix;

/// A checkpoint's rows with one value that does not belong.
fn spoilt(value: f32, row: usize, column: usize, columns: usize, stored: Stored) -> Matrix {
    let mut values = vec![0.25; 17 * columns];
    values[row * columns + column] = value;
    Matrix::new("encoder.layer.0.weight", &values, columns, stored)
}

/// The value, where it stands and how it is stored; the widths are with and without padding. Row 13 is in the third piece.
#[test]
fn a_value_that_the_type_cannot_hold_is_named_with_its_place() {
    for dtype in [Dtype::F16, Dtype::F32] {
        let Some(engine) = open(Options { dtype, ..options() }) else { return };
        let spelt = if dtype == Dtype::F16 { "f16" } else { "f32" };
        for columns in [64, 12] {
            for stored in [Stored::F32, Stored::F16, Stored::Bf16] {
                for value in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 70000.0] {
                    let matrix = spoilt(value, 13, 7, columns, stored);
                    let bytes = matrix.bytes().to_vec();
                    let gathered = Gathered { name: "encoder.layer.0.weight", bytes: &bytes, stored, columns };
                    let loaded = [
                        block_on(engine.matrix(matrix.clone())).map(drop),
                        block_on(engine.table(matrix)).map(drop),
                        engine.gathered(gathered).map(drop),
                    ];
                    // As F16 file has no 70000, only infinity.
                    let holds = value == 70000.0 && stored != Stored::F16 && dtype == Dtype::F32;
                    for result in loaded {
                        let place = format!("{value} as {stored:?} in {columns} columns for {spelt}");
                        match result {
                            Ok(()) => assert!(holds, "{place} was taken"),
                            Err(error) => {
                                assert!(!holds, "{place}: {error}");
                                let message = error.to_string();
                                for said in ["`encoder.layer.0.weight`", "row 13", "column 7", spelt] {
                                    assert!(message.contains(said), "{place}: `{message}` does not say `{said}`");
                                }
                            }
                        }
                    }
                }
            }
        }
        for value in [f32::INFINITY, f32::NAN] {
            let error = engine.vector("bias", &[0.0, 1.0, value]).unwrap_err().to_string();
            assert!(error.contains("`bias`") && error.contains("column 2"), "{error}");
        }
    }
}

/// As many rows as it says, none of them there: for a matrix that must be refused before any is read.
struct Huge {
    rows: usize,
}

impl Rows for Huge {
    type Error = Error;

    fn name(&self) -> &str {
        "huge"
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn columns(&self) -> usize {
        1024
    }

    async fn next(&mut self) -> Result<Option<Piece<'_>>, Error> {
        panic!("a matrix that does not fit is not read");
    }
}

#[test]
fn a_matrix_beyond_the_limits_is_refused_before_it_is_read() {
    let Some(engine) = open(Options { default_limits: true, ..options() }) else { return };
    let most = (128 << 20) / (2 * 1024);
    assert!(engine.holds_table(most, 1024));
    assert!(!engine.holds_table(most + 1, 1024));
    let results = [
        block_on(engine.matrix(Huge { rows: most + 1 })).map(drop),
        block_on(engine.table(Huge { rows: most + 1 })).map(drop),
        engine.vector("huge", &vec![0.0; (32 << 20) + 1]).map(drop),
    ];
    for result in results {
        let error = result.unwrap_err();
        assert!(error.is_limit(), "{error}");
        let message = error.to_string();
        for said in ["`huge`", "bytes", "`max_storage_buffer_binding_size`", "134217728"] {
            assert!(message.contains(said), "`{message}` does not say `{said}`");
        }
    }
    assert!(block_on(engine.matrix(spoilt(1.0, 0, 0, 64, Stored::F32))).is_ok(), "the engine still works");
}

#[test]
fn an_adapter_that_does_not_exist_is_answered_with_those_that_do() {
    let there = block_on(wembed_kernels::gpu::devices());
    let wanted = Options { adapter: Adapter::Named("no such card".into()), ..options() };
    let error = block_on(GpuEngine::open(wanted)).map(drop).unwrap_err();
    assert!(error.is_no_adapter());
    let message = error.to_string();
    assert!(message.contains("`no such card`"), "{message}");
    assert!(there.iter().all(|device| message.contains(&format!("`{}`", device.name))), "{message}");
}

/// A name is found by a part of it, in either case; only hardware is taken where only hardware is wanted.
#[test]
fn an_adapter_is_chosen_as_asked() {
    let there = block_on(wembed_kernels::gpu::devices());
    let opened = |adapter| block_on(GpuEngine::open(Options { adapter, ..options() }));
    for device in &there {
        let engine = opened(Adapter::Named(device.name.to_uppercase())).unwrap();
        assert_eq!(engine.info().name, device.name);
    }
    match opened(Adapter::Hardware) {
        Ok(engine) => assert!(!engine.info().software),
        Err(error) => assert!(error.is_no_adapter() && there.iter().all(|device| device.software), "{error}"),
    }
    // The best comes first: no software device before a hardware one.
    assert!(there.is_sorted_by_key(|device| device.software));
}
