//! Linear layers: every variant, every epilogue.

use half::f16;
use pollster::block_on;
use wembed_kernels::gpu::{GpuEngine, Options, Plan, variants};
use wembed_kernels::{Activation, Dtype, Linear, Ops, Packed, Probe as _, Raw, Stored};
use wembed_tests::device::{TestEngine, WAYS, cpu_ways_and_amx, lacks, open};
use wembed_tests::golden::is_slow;
use wembed_tests::judge::Judge;
use wembed_tests::matrix::{Matrix, multiplied_columns, rounded_inputs};
use wembed_tests::oracle::{self, Expected};
use wembed_tests::skip::skip;
use wembed_tests::tolerance::{self, Tolerance};
use wembed_tests::values::{nasty, normals};

/// What the numbers are like.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    /// As in a model: activations of size 1, weights of size 0.05.
    Normal,
    /// See [`nasty`].
    Nasty,
    /// Weights so small that f16 holds them as subnormals: a device that flushes those gives zeros.
    Subnormal,
    /// Products of +64 in the first half of k and -64 in the second: at K = 3072 the sum runs up to 98304 and back to about
    /// 30. An f16 accumulator is infinite from 65504 on and NaN at the end; f16 sums of the chunks alone are off by 2 each.
    Cancelling,
}

/// T, K, N and what the numbers are like.
#[derive(Debug, Clone, Copy)]
pub struct Case(usize, usize, usize, Values);

/// Rows straddle the small variant's 4, the 8 of `direct` and `shuffle`, the narrow one's 32 and the others' 64, the CPU's 2, 4, 6, 8, 16 and 128; widths the padding's 64; K the CPU's
/// chunks of 96 and, with AVX512-BF16, of 768.
const CASES: &[Case] = &[
    Case(1, 64, 64, Values::Normal),
    Case(2, 64, 64, Values::Normal),
    Case(3, 64, 128, Values::Normal),
    Case(4, 64, 64, Values::Normal),
    Case(5, 128, 64, Values::Normal),
    Case(7, 64, 64, Values::Normal),
    Case(8, 64, 64, Values::Normal),
    Case(9, 64, 64, Values::Normal),
    Case(15, 64, 64, Values::Normal),
    Case(16, 96, 64, Values::Normal),
    Case(9, 128, 33, Values::Normal),
    Case(16, 192, 64, Values::Normal),
    Case(17, 64, 192, Values::Normal),
    Case(31, 64, 64, Values::Normal),
    Case(33, 64, 64, Values::Normal),
    Case(63, 64, 64, Values::Normal),
    Case(64, 64, 64, Values::Normal),
    Case(65, 64, 128, Values::Normal),
    Case(127, 64, 64, Values::Normal),
    Case(128, 64, 64, Values::Normal),
    Case(129, 128, 64, Values::Normal),
    Case(13, 448, 100, Values::Normal),
    Case(5, 1, 1, Values::Normal),
    Case(6, 12, 60, Values::Normal),
    Case(5, 63, 65, Values::Normal),
    Case(5, 65, 63, Values::Normal),
    Case(17, 96, 1, Values::Normal),
    Case(3, 1, 96, Values::Normal),
    Case(11, 60, 12, Values::Normal),
    Case(9, 384, 384, Values::Normal),
    Case(5, 768, 768, Values::Normal),
    Case(5, 832, 64, Values::Normal),
    Case(2, 768, 3072, Values::Normal),
    Case(3, 3072, 768, Values::Normal),
    Case(5, 448, 65, Values::Normal),
    Case(5, 512, 64, Values::Normal),
    Case(5, 576, 64, Values::Normal),
    Case(9, 128, 65, Values::Nasty),
    Case(66, 65, 12, Values::Nasty),
    Case(5, 128, 64, Values::Subnormal),
    Case(65, 3072, 64, Values::Cancelling),
    Case(3, 3072, 65, Values::Cancelling),
];

/// What is done after the product.
#[derive(Debug, Clone, Copy)]
pub enum Epilogue {
    Bias,
    Activation(Activation),
    Add,
}

/// Every epilogue; one activation of all where time is short, since what computes them has tests of its own.
pub fn epilogues() -> impl Iterator<Item = Epilogue> {
    let activations = if is_slow() { vec![Activation::Gelu] } else { Activation::ALL.to_vec() };
    let activations = activations.into_iter().map(Epilogue::Activation);
    [Epilogue::Bias, Epilogue::Add].into_iter().chain(activations)
}

/// One case's numbers.
#[derive(Debug)]
pub struct Inputs {
    pub depth: usize,
    pub columns: usize,
    pub x: Vec<f32>,
    pub weight: Matrix,
    pub bias: Vec<f32>,
    pub residual: Vec<f32>,
}

impl Case {
    pub const CANCELLING: Self = Self(3, 3072, 65, Values::Cancelling);
    pub const NORMAL: Self = Self(5, 768, 64, Values::Normal);

    /// The case with the same numbers in its first rows whatever `rows` is.
    pub const fn of(rows: usize, depth: usize, columns: usize) -> Self {
        Self(rows, depth, columns, Values::Normal)
    }

    pub fn inputs(self) -> Inputs {
        let Self(rows, depth, columns, values) = self;
        let half = |index: usize| if index % depth < depth / 2 { 1.0 } else { -1.0 };
        let x = match values {
            Values::Normal | Values::Subnormal => normals(rows * depth, 1.0, 1),
            Values::Nasty => nasty(rows * depth, 1),
            Values::Cancelling => normals(rows * depth, 0.5, 1).iter().map(|noise| 64.0 + noise).collect(),
        };
        let weight: Vec<f32> = match values {
            Values::Normal => normals(columns * depth, 0.05, 2),
            Values::Nasty => nasty(columns * depth, 2),
            Values::Subnormal => normals(columns * depth, 1e-5, 2),
            Values::Cancelling => (0..columns * depth).map(half).collect(),
        };
        let scale = if matches!(values, Values::Subnormal) { 1e-6 } else { 1.0 };
        Inputs {
            depth,
            columns,
            x,
            weight: Matrix::new("weight", &weight, depth, Stored::F32),
            bias: normals(columns, scale, 3),
            residual: normals(rows * columns, 2.0 * scale, 4),
        }
    }
}

impl Inputs {
    /// The layer on a device.
    pub fn layer<E: TestEngine>(&self, engine: &E) -> Linear<E> {
        Linear {
            weight: block_on(engine.matrix(self.weight.clone())).expect("the weight loads"),
            bias: engine.vector("bias", &self.bias).expect("the bias loads"),
        }
    }

    /// What an engine that holds weights in this type must give.
    pub fn expected(&self, dtype: Dtype) -> Vec<Expected> {
        let x = rounded_inputs(&self.x, self.depth, dtype);
        oracle::linear(&x, &self.weight.multiplied(dtype), &self.bias, multiplied_columns(self.depth, dtype))
    }

    pub fn run<E: TestEngine>(&self, engine: &E, layer: &Linear<E>, epilogue: Epilogue) -> Raw {
        let mut batch = engine.begin(&Packed::default());
        let x = batch.upload(&self.x, self.depth);
        let y = match epilogue {
            Epilogue::Bias => batch.linear(&x, layer),
            Epilogue::Activation(activation) => batch.linear_activation(&x, layer, activation),
            Epilogue::Add => {
                let residual = batch.upload(&self.residual, self.columns);
                batch.linear_add(&x, layer, &residual)
            }
        };
        block_on(batch.finish_raw(y)).expect("the batch runs")
    }
}

/// The oracle's product with an epilogue on top.
pub fn after(product: &[Expected], epilogue: Epilogue, residual: &[f32]) -> Vec<Expected> {
    match epilogue {
        Epilogue::Bias => product.to_vec(),
        Epilogue::Activation(activation) => oracle::activation(product, activation),
        Epilogue::Add => oracle::add(product, residual),
    }
}

/// Every row count takes the variant.
fn holds_every_case(variant: &str) {
    let mut judge = Judge::new(tolerance::LINEAR);
    for way in WAYS {
        let Some(engine) = open(Options { linear: Plan::only(variant), ..way.options() }) else { return };
        hold(&mut judge, &format!("{}, {variant}", way.name), &engine);
    }
}

fn hold(judge: &mut Judge, way: &str, engine: &impl TestEngine) {
    hold_products(judge, way, engine, &epilogues().collect::<Vec<_>>(), |inputs| inputs.expected(engine.held()));
}

/// Every case with these epilogues, on what `product` says of it.
pub fn hold_products(
    judge: &mut Judge,
    way: &str,
    engine: &impl TestEngine,
    epilogues: &[Epilogue],
    product: impl Fn(&Inputs) -> Vec<Expected>,
) {
    for case in CASES {
        let inputs = case.inputs();
        let layer = inputs.layer(engine);
        let product = product(&inputs);
        for &epilogue in epilogues {
            let expected = after(&product, epilogue, &inputs.residual);
            let place = format!("{way}, {case:?}, {epilogue:?}");
            judge.hold(&place, &inputs.run(engine, &layer, epilogue), &expected);
        }
    }
}

/// How near an engine of this type must come.
pub fn tolerance(dtype: Dtype) -> Tolerance {
    if dtype == Dtype::Bf16x3 { tolerance::LINEAR_BF16X3 } else { tolerance::LINEAR }
}

#[test]
fn every_processors_instructions_hold_every_case() {
    for way in cpu_ways_and_amx() {
        let engine = way.open();
        let mut judge = Judge::new(tolerance(engine.held()));
        hold(&mut judge, &way.name, &engine);
    }
}

#[test]
fn small_holds_every_case() {
    holds_every_case("small");
}

#[test]
fn direct_holds_every_case() {
    holds_every_case("direct");
}

/// Where the device's subgroups hand values around.
#[test]
fn shuffle_holds_every_case() {
    let Some(engine) = open(WAYS[0].options()) else { return };
    if !engine.variants().contains(&"shuffle") {
        return skip("the device has no subgroups that hand values around");
    }
    holds_every_case("shuffle");
}

#[test]
fn narrow_holds_every_case() {
    holds_every_case("narrow");
}

#[test]
fn tiled_holds_every_case() {
    holds_every_case("tiled");
}

#[test]
fn wide_holds_every_case() {
    holds_every_case("wide");
}

/// A variant that no test above takes would be one that nothing holds.
#[test]
fn every_variant_is_held() {
    assert_eq!(variants().collect::<Vec<_>>(), ["small", "direct", "narrow", "tiled", "wide"]);
}

/// Where the device has matrices: the product of activations that are rounded to f16, in f32, and a hundred times the same bits.
#[test]
fn matrices_hold_every_case() {
    let options = || Options { matrices: true, ..WAYS[0].options() };
    let Some(engine) = open(options()) else { return };
    let names: Vec<_> = engine.variants().into_iter().filter(|name| name.starts_with("matrix")).collect();
    if names.is_empty() {
        return lacks("matrices", &engine.info().name);
    }
    let mut found = Vec::new();
    for name in names {
        let engine = open(Options { linear: Plan::only(name), ..options() }).expect("it was opened before");
        found.push(matrices_hold(name, &engine));
    }
    assert!(found.iter().all(|raw| *raw == found[0]), "tiles of another size, the same bits");
}

fn matrices_hold(name: &str, engine: &GpuEngine) -> Raw {
    hold_products(&mut Judge::new(of_matrices(name)), name, engine, &epilogues().collect::<Vec<_>>(), |inputs| {
        let x: Vec<f32> = inputs.x.iter().map(|&x| f16::from_f32(x).to_f32()).collect();
        oracle::linear(&x, &inputs.weight.multiplied(engine.held()), &inputs.bias, inputs.depth)
    });
    let inputs = Case::of(65, 768, 128).inputs();
    let layer = inputs.layer(engine);
    let first = inputs.run(engine, &layer, Epilogue::Bias);
    for round in 0..100 {
        assert_eq!(inputs.run(engine, &layer, Epilogue::Bias), first, "round {round}");
    }
    first
}

/// How near a variant by matrices must come: 16 x 16 are a card's, whose units cut sums.
pub fn of_matrices(variant: &str) -> Tolerance {
    if variant.starts_with("matrix16") { tolerance::LINEAR_MATRICES } else { tolerance::LINEAR }
}
