//! The activation functions over vectors: the formulas of `shaders/parts/activation.wgsl`.

use fearless_simd::prelude::*;

use super::math::{erfc_scaled, exponential, hyperbolic_tangent};
use crate::Activation;

/// f(x) for every value of a row. What is infinite or NaN stays so.
#[inline(always)]
pub(super) fn activate<S: Simd>(simd: S, values: &mut [f32], activation: Activation) {
    match activation {
        Activation::Identity => {}
        Activation::Gelu => each(simd, values, gelu),
        Activation::GeluTanh => each(simd, values, gelu_tanh),
        Activation::Relu => each(simd, values, |_, x| x.max(0.0)),
        Activation::Silu => {
            each(simd, values, |simd, x| x / (S::f32s::splat(simd, 1.0) + exponential(simd, -x)));
        }
        Activation::Tanh => each(simd, values, hyperbolic_tangent),
        Activation::Sigmoid => {
            let one = S::f32s::splat(simd, 1.0);
            each(simd, values, |simd, x| one / (one + exponential(simd, -x)));
        }
    }
}

#[inline(always)]
fn each<S: Simd>(simd: S, values: &mut [f32], function: impl Fn(S, S::f32s) -> S::f32s) {
    for values in values.chunks_exact_mut(S::f32s::LEN) {
        let x = S::f32s::from_slice(simd, values);
        x.is_finite().select(function(simd, x), x).store_slice(values);
    }
}

/// x Phi(x), Phi the normal distribution function, through erfc(|x| / sqrt 2) so that neither tail cancels
/// (Hendrycks and Gimpel 2016, arXiv 1606.08415, section 2).
#[inline(always)]
fn gelu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let z = (x.abs() * std::f32::consts::FRAC_1_SQRT_2).min(9.0);
    let tail = erfc_scaled(simd, z) * exponential(simd, -(z * z)) * 0.5;
    x * x.simd_ge(0.0).select(S::f32s::splat(simd, 1.0) - tail, tail)
}

/// The tanh approximation of GELU (arXiv 1606.08415, section 2): x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
#[inline(always)]
fn gelu_tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let inner = (x * x * 0.044715).mul_add(x, x) * 0.797_884_6;
    x * 0.5 * (hyperbolic_tangent(simd, inner) + 1.0)
}
