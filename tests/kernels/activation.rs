//! The activation functions alone: through a layer whose weight is the identity, so that their argument is exact.

use pollster::block_on;
use wembed_kernels::{Activation, Dtype, Engine, Linear, Ops, Packed, Probe as _, Stored};
use wembed_tests::device::TestEngine as _;
use wembed_tests::each_way;
use wembed_tests::judge::Judge;
use wembed_tests::matrix::{Matrix, rounded_inputs};
use wembed_tests::oracle::{Expected, activate};
use wembed_tests::tolerance;

const WIDTH: usize = 64;

/// -13 .. 13 in steps of 1/64 (beyond, GELU and tanh are flat in f32), then far out and close to zero, down to
/// the smallest normal f32: below it devices may give zero.
pub fn arguments() -> Vec<f32> {
    let grid = (-13 * 64..=13 * 64).map(|step| step as f32 / 64.0 + 0.001);
    let far = [20.0, 43.9, 87.0, 88.0, 88.8, 89.0, 103.0, 104.0, 1e3, 1e6, 3e9];
    let near = [0.0, 2e-38, 1e-20, 1e-8, 1e-4, 0.01, 0.12, 0.1249, 0.125, 0.1251, 0.13];
    let both = far.into_iter().chain(near).flat_map(|x| [x, -x]);
    let mut arguments: Vec<f32> = grid.chain(both).collect();
    arguments.resize(arguments.len().next_multiple_of(WIDTH), 0.5);
    arguments
}

/// f(x) to a few roundings of itself. Tails that go through e^(-x^2 / 2) lose as many more as the exponent's size, the tanh
/// form of GELU cancels in its left tail, as the same formula does everywhere, and what is 1e-30 of the argument does not matter.
pub fn expected(arguments: &[f32], function: Activation) -> Vec<Expected> {
    let of = |&argument: &f32| {
        let x = f64::from(argument);
        let value = activate(x, function);
        let nothing = 1e-24 * (1.0 + x.abs());
        let unit = match function {
            Activation::Identity | Activation::Relu => 0.0,
            Activation::Gelu => value.abs() * (1.0 + 0.5 * x * x) + nothing,
            Activation::GeluTanh => x.abs() + nothing,
            Activation::Silu | Activation::Tanh | Activation::Sigmoid => value.abs() + nothing,
        };
        Expected { value, unit }
    };
    arguments.iter().map(of).collect()
}

#[test]
fn every_activation_holds_over_its_range() {
    let arguments = arguments();
    let mut judge = Judge::new(tolerance::ACTIVATION);
    let identity: Vec<f32> = (0..WIDTH * WIDTH).map(|at| if at % (WIDTH + 1) == 0 { 1.0 } else { 0.0 }).collect();
    each_way!(|way, engine| {
        // A product with the identity is what it was multiplied with but in int8, where functions are no others.
        if engine.held() == Dtype::Int8 {
            continue;
        }
        let layer = Linear {
            weight: block_on(engine.matrix(Matrix::new("identity", &identity, WIDTH, Stored::F32))).unwrap(),
            bias: engine.vector("zeros", &[0.0; WIDTH]).unwrap(),
        };
        for function in Activation::ALL {
            let mut batch = engine.begin(&Packed::default());
            let x = batch.upload(&arguments, WIDTH);
            let y = batch.linear_activation(&x, &layer, function);
            let raw = block_on(batch.finish_raw(y)).unwrap();
            let arguments = rounded_inputs(&arguments, WIDTH, engine.held());
            judge.hold(&format!("{way}, {function:?}"), &raw, &expected(&arguments, function));
        }
    });
}
