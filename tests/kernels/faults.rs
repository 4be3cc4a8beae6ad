//! What goes wrong is an error that names the thing, what was expected and what was found.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pollster::block_on;
use wembed_kernels::cpu::{self, CpuEngine};
use wembed_kernels::gpu::{Adapter, GpuEngine, Options};
use wembed_kernels::{Dtype, Engine, Error, Gathered, Linear, Ops as _, Packed, Piece, Probe as _, Rows, Stored, int8};
use wembed_tests::device::{TestEngine, WAYS, cpu_ways, open, options};
use wembed_tests::each_way;
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
    each_way!(|way, engine| {
        for columns in [64, 12] {
            for stored in [Stored::F32, Stored::F16, Stored::Bf16] {
                for value in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 70000.0] {
                    hold_value(way, engine, value, columns, stored);
                }
            }
        }
        for value in [f32::INFINITY, f32::NAN] {
            let error = engine.vector("bias", &[0.0, 1.0, value]).unwrap_err().to_string();
            assert!(error.contains("`bias`") && error.contains("column 2"), "{error}");
        }
    });
}

fn hold_value(way: &str, engine: &impl TestEngine, value: f32, columns: usize, stored: Stored) {
    let matrix = spoilt(value, 13, 7, columns, stored);
    let bytes = matrix.bytes().to_vec();
    let gathered = Gathered { name: "encoder.layer.0.weight", bytes: &bytes, stored, columns };
    let loaded = [
        block_on(engine.matrix(matrix.clone())).map(drop),
        block_on(engine.table(matrix)).map(drop),
        engine.gathered(gathered).map(drop),
    ];
    // As F16 file has no 70000, only infinity.
    let holds = value == 70000.0 && stored != Stored::F16 && engine.held() != Dtype::F16;
    for result in loaded {
        let place = format!("{value} as {stored:?} in {columns} columns for {way}");
        match result {
            Ok(()) => assert!(holds, "{place} was taken"),
            Err(error) => {
                assert!(!holds, "{place}: {error}");
                let message = error.to_string();
                for said in ["`encoder.layer.0.weight`", "row 13", "column 7", engine.held().name()] {
                    assert!(message.contains(said), "{place}: `{message}` does not say `{said}`");
                }
            }
        }
    }
}

/// What rounds to infinity is infinite.
#[test]
fn the_largest_f32_is_no_bf16() {
    for way in cpu_ways() {
        let engine = way.open();
        let taken = block_on(engine.matrix(spoilt(f32::MAX, 13, 7, 64, Stored::F32)));
        assert_eq!(taken.is_ok(), engine.dtype() == Dtype::F32, "{}", way.name);
    }
}

/// Several wrong values in one piece: the first one is named, whichever thread finds it.
#[test]
fn the_first_of_several_is_named() {
    for way in cpu_ways() {
        let mut values = vec![0.25; 400 * 64];
        for row in [399, 250, 130, 131] {
            values[row * 64 + 5] = f32::NAN;
        }
        let matrix = Matrix::new("weight", &values, 64, Stored::F32).in_pieces_of(400);
        let message = block_on(way.open().matrix(matrix)).map(drop).unwrap_err().to_string();
        assert!(message.contains("row 130, column 5"), "{}: {message}", way.name);
    }
}

/// Instructions that are not there, a type that needs others, and threads without number.
#[test]
fn a_processor_without() {
    let opened = |dtype, instructions: &str| {
        let instructions = Some(instructions.to_owned());
        CpuEngine::open(cpu::Options { dtype, instructions, ..cpu::Options::default() }).map(drop)
    };
    // Before it is compared with: another test may act out AMX meanwhile.
    let sets = cpu::instruction_sets();
    let message = opened(None, "abacus").unwrap_err().to_string();
    assert!(message.contains("`abacus`") && sets.iter().all(|set| message.contains(set)), "{message}");
    let plain = sets.last().expect("every processor has some");
    let message = opened(Some(Dtype::Bf16x3), plain).unwrap_err().to_string();
    assert!(["bf16x3", plain, "amx"].iter().all(|said| message.contains(said)), "{message}");
    // f32's vectors are never refused, and nobody is given less of them unasked.
    assert!(sets.iter().all(|set| opened(None, set).is_ok()));
    let engine = CpuEngine::open(cpu::Options::default()).unwrap();
    assert!([Dtype::F32, Dtype::Bf16x3].contains(&engine.dtype()), "{:?}", engine.dtype());
    // A GPU has no kernels for bf16.
    let Some(_) = open(options()) else { return };
    let message = block_on(GpuEngine::open(Options { dtype: Dtype::Bf16, ..options() })).map(drop).unwrap_err();
    assert!(message.to_string().contains("no bf16 on "), "{message}");
}

/// 32-bit sums of more columns could overflow.
#[test]
fn a_row_that_is_too_wide_for_int8_is_named() {
    let engine = CpuEngine::open(cpu::Options { dtype: Some(Dtype::Int8), ..cpu::Options::default() }).unwrap();
    let (most, wide) = (int8::MOST_COLUMNS, vec![0.25; int8::MOST_COLUMNS + 64]);
    assert!(block_on(engine.matrix(Matrix::new("weight", &wide[..most], most, Stored::F32))).is_ok());
    let message =
        block_on(engine.matrix(Matrix::new("weight", &wide, wide.len(), Stored::F32))).unwrap_err().to_string();
    assert!(["weight", "65536", "65600", "int8"].iter().all(|said| message.contains(said)), "{message}");
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

    fn stored(&self) -> Option<Stored> {
        None
    }

    async fn next(&mut self) -> Result<Option<Piece<'_>>, Error> {
        panic!("a matrix that does not fit is not read");
    }
}

/// More bytes than a machine has, than addresses reach, and than a number of bytes can say, by which a product of sizes could wrap.
#[test]
fn what_no_memory_holds_is_refused_by_the_processor_before_it_is_read() {
    for way in cpu_ways() {
        let engine = way.open();
        for rows in [usize::MAX >> 20, usize::MAX / 1024 + 1, usize::MAX - 1, usize::MAX] {
            for result in
                [block_on(engine.matrix(Huge { rows })).map(drop), block_on(engine.table(Huge { rows })).map(drop)]
            {
                let error = result.expect_err("there is no such memory");
                assert!(error.is_out_of_memory() && error.to_string().contains("`huge`"), "{}: {error}", way.name);
            }
        }
        assert!(block_on(engine.matrix(spoilt(1.0, 0, 0, 64, Stored::F32))).is_ok(), "the engine still works");
    }
}

/// Behind the columns that are left of a cut tensor lies what was cut off, which would be read for the next row.
#[test]
#[should_panic(expected = "rows of x are as wide as those of a weight")]
fn a_cut_tensor_is_not_multiplied() {
    multiply_what_was_cut(&CpuEngine::open(cpu::Options::default()).unwrap());
}

/// The same on a GPU, where rows that are further apart would be written beyond the memory for them.
#[test]
fn a_cut_tensor_is_not_multiplied_on_a_gpu() {
    for dtype in [Dtype::F16, Dtype::Int8] {
        let Some(engine) = open(Options { dtype, ..options() }) else { return };
        let caught = catch_unwind(AssertUnwindSafe(|| multiply_what_was_cut(&engine))).unwrap_err();
        let message = caught.downcast_ref::<String>().expect("an assertion of two values says more than a word");
        assert!(message.contains("rows of x are as wide as those of a weight"), "{message}");
    }
}

fn multiply_what_was_cut<E: TestEngine>(engine: &E) {
    let layer = Linear {
        weight: block_on(engine.matrix(Matrix::new("weight", &[0.25; 64 * 64], 64, Stored::F32)))
            .expect("the weight loads"),
        bias: engine.vector("bias", &[0.0; 64]).expect("the bias loads"),
    };
    let mut batch = engine.begin(&Packed::default());
    let x = batch.upload(&[1.0; 2 * 128], 128);
    let cut = batch.cut(x, 64);
    batch.linear(&cut, &layer);
}

#[test]
fn a_matrix_beyond_the_limits_is_refused_before_it_is_read() {
    let most = (128 << 20) / (2 * 1024);
    // Tables beside matrices in int8 are f16, too.
    let Some(int8) = open(Options { default_limits: true, dtype: Dtype::Int8, ..options() }) else { return };
    assert_eq!([most, most + 1].map(|rows| int8.holds_table(rows, 1024)), [true, false]);
    let Some(engine) = open(Options { default_limits: true, ..options() }) else { return };
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

#[test]
fn a_device_proves_itself_every_way() {
    for way in WAYS {
        let start = std::time::Instant::now();
        let Some(engine) = open(Options { proof: true, ..way.options() }) else { return };
        println!("{} in {:.2} s: {}", way.name, start.elapsed().as_secs_f64(), engine.info().name);
    }
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
