//! The function after a linear layer.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI};

use wembed_kernels::Activation;

use super::Expected;

/// Every activation's slope is below this (GELU's is 1.129 at sqrt 2).
const STEEPEST: f64 = 1.13;

/// f(y): the errors of y go through f, and f(y) is rounded once more.
pub fn activation(y: &[Expected], function: Activation) -> Vec<Expected> {
    let through = |y: &Expected| {
        let value = activate(y.value, function);
        Expected { value, unit: STEEPEST * y.unit + value.abs() }
    };
    y.iter().map(through).collect()
}

/// f(x).
pub fn activate(x: f64, function: Activation) -> f64 {
    match function {
        Activation::Identity => x,
        // x Phi(x) with Phi(x) = erfc(-x / sqrt 2) / 2, which keeps its digits in the left tail.
        Activation::Gelu => 0.5 * x * libm::erfc(-x * FRAC_1_SQRT_2),
        Activation::GeluTanh => 0.5 * x * (1.0 + (FRAC_2_PI.sqrt() * (x + 0.044715 * x.powi(3))).tanh()),
        Activation::Relu => x.max(0.0),
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
    }
}
