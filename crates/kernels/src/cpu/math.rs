//! exp, erfc and tanh over vectors: the formulas of `shaders/parts/math.wgsl`, lane by lane.

use fearless_simd::prelude::*;

const LOG2_E: f32 = std::f32::consts::LOG2_E;
// ln 2 in two parts; the high one has trailing zeros, so that n * LN2_HIGH is exact for |n| < 2^9.
const LN2_HIGH: f32 = 355.0 / 512.0;
const LN2_LOW: f32 = -2.121_944_4e-4;

/// e^x = 2^n e^r with n = round(x / ln 2), |r| <= ln 2 / 2: the Taylor polynomial of degree 7 has error r^8 / 8! < 6e-9.
/// x is clamped to -87..88, where the result is a normal f32.
#[inline(always)]
pub(super) fn exponential<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |value| S::f32s::splat(simd, value);
    let clamped = x.max(-87.0).min(88.0);
    let n = (clamped * LOG2_E).round_ties_even();
    let r = n.mul_add(splat(-LN2_LOW), n.mul_add(splat(-LN2_HIGH), clamped));
    let mut series = splat(1.0 / 5040.0);
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        series = series.mul_add(r, splat(coefficient));
    }
    let power: S::i32s = n.to_int();
    (series.bitcast::<S::i32s>() + (power << 23)).bitcast()
}

/// erfc(z) e^(z^2) for 0 <= z <= 9, as a polynomial in t = 1 / (1 + 0.35 z); relative error below 4e-8.
/// The coefficients come from `shaders/fit_erfc.py`.
#[inline(always)]
pub(super) fn erfc_scaled<S: Simd>(simd: S, z: S::f32s) -> S::f32s {
    const COEFFICIENTS: [f32; 9] = [
        -0.418_104_08,
        0.881_104_7,
        -0.794_307_95,
        0.716_731_4,
        -0.098_456_15,
        0.260_689_05,
        0.183_608_41,
        0.198_931_37,
        -6.770_333e-5,
    ];
    let splat = |value| S::f32s::splat(simd, value);
    let t = splat(1.0) / z.mul_add(splat(0.35), splat(1.0));
    let mut p = splat(0.069_870_934);
    for coefficient in COEFFICIENTS {
        p = p.mul_add(t, splat(coefficient));
    }
    p
}

/// tanh x = sign(x) (1 - e^(-2|x|)) / (1 + e^(-2|x|)); for |x| < 1/8 the odd Taylor polynomial, where that difference cancels.
#[inline(always)]
pub(super) fn hyperbolic_tangent<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |value| S::f32s::splat(simd, value);
    let magnitude = x.abs();
    let square = x * x;
    let mut series = splat(-17.0 / 315.0);
    for coefficient in [2.0 / 15.0, -1.0 / 3.0, 1.0] {
        series = series.mul_add(square, splat(coefficient));
    }
    let decay = exponential(simd, magnitude * -2.0);
    let far = ((splat(1.0) - decay) / (splat(1.0) + decay)).copysign(x);
    magnitude.simd_lt(0.125).select(x * series, far)
}
