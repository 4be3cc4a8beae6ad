// exp and erfc of our own, so that every driver gives the same few units in the last place: WGSL leaves `exp` loose
// and has no erf. Arguments are clamped; no result is infinite or NaN where the argument is finite.

const LOG2_E: f32 = 1.4426950408889634;
// ln 2 in two parts; the high one has trailing zeros, so that n * LN2_HIGH is exact for |n| < 2^9.
const LN2_HIGH: f32 = 0.693359375;
const LN2_LOW: f32 = -2.12194440054690583e-4;

/// e^x = 2^n e^r with n = round(x / ln 2), |r| <= ln 2 / 2: the Taylor polynomial of degree 7 has error r^8 / 8! < 6e-9.
/// x is clamped to -87..88, where the result is a normal f32.
fn exponential(x: f32) -> f32 {
    let clamped = clamp(x, -87.0, 88.0);
    let n = i32(round(clamped * LOG2_E));
    // The low part takes 2 n: where both products have the same factor a driver may add the constants up first, which
    // costs |x| roundings (lavapipe does).
    let r = fma(f32(2 * n), -0.5 * LN2_LOW, fma(f32(n), -LN2_HIGH, clamped));
    var series = 1.0 / 5040.0;
    series = fma(series, r, 1.0 / 720.0);
    series = fma(series, r, 1.0 / 120.0);
    series = fma(series, r, 1.0 / 24.0);
    series = fma(series, r, 1.0 / 6.0);
    series = fma(series, r, 0.5);
    series = fma(series, r, 1.0);
    series = fma(series, r, 1.0);
    return bitcast<f32>(bitcast<i32>(series) + (n << 23u));
}

/// erfc(z) e^(z^2) for 0 <= z <= 9, as a polynomial in t = 1 / (1 + 0.35 z); relative error below 4e-8.
/// The coefficients come from `fit_erfc.py` beside this folder.
fn erfc_scaled(z: f32) -> f32 {
    let t = 1.0 / fma(0.35, z, 1.0);
    var p = 0.069870934;
    p = fma(p, t, -0.41810408);
    p = fma(p, t, 0.8811047);
    p = fma(p, t, -0.79430795);
    p = fma(p, t, 0.7167314);
    p = fma(p, t, -0.09845615);
    p = fma(p, t, 0.26068905);
    p = fma(p, t, 0.18360841);
    p = fma(p, t, 0.19893137);
    return fma(p, t, -6.770333e-05);
}

/// tanh x = sign(x) (1 - e^(-2|x|)) / (1 + e^(-2|x|)); for |x| < 1/8 the odd Taylor polynomial, where that difference cancels.
fn hyperbolic_tangent(x: f32) -> f32 {
    let magnitude = abs(x);
    if magnitude < 0.125 {
        let square = x * x;
        return x * fma(square, fma(square, fma(square, -17.0 / 315.0, 2.0 / 15.0), -1.0 / 3.0), 1.0);
    }
    let decay = exponential(-2.0 * magnitude);
    return sign(x) * (1.0 - decay) / (1.0 + decay);
}
