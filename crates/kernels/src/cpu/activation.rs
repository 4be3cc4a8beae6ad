//! The activation functions over vectors: the formulas of `shaders/parts/activation.wgsl`.

use fearless_simd::prelude::*;

use super::math::{erfc_scaled, exponential, hyperbolic_tangent};
use crate::Activation;

/// f(x). What is infinite or NaN stays so.
#[inline(always)]
pub(super) fn activate<S: Simd>(simd: S, x: S::f32s, activation: Activation) -> S::f32s {
    let one = S::f32s::splat(simd, 1.0);
    let y = match activation {
        Activation::Identity => x,
        Activation::Gelu => gelu(simd, x),
        Activation::GeluTanh => gelu_tanh(simd, x),
        Activation::Relu => x.max(0.0),
        Activation::Silu => x / (one + exponential(simd, -x)),
        Activation::Tanh => hyperbolic_tangent(simd, x),
        Activation::Sigmoid => one / (one + exponential(simd, -x)),
    };
    x.is_finite().select(y, x)
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
