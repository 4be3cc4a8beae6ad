// The activation functions, numbered as `Activation` in the host code; ACTIVATION is the one this module applies.
const IDENTITY: u32 = 0;
const GELU: u32 = 1;
const GELU_TANH: u32 = 2;
const RELU: u32 = 3;
const SILU: u32 = 4;
const TANH: u32 = 5;
const SIGMOID: u32 = 6;

/// x Phi(x), Phi the normal distribution function, through erfc(|x| / sqrt 2) so that neither tail cancels
/// (Hendrycks and Gimpel 2016, arXiv 1606.08415, section 2).
fn gelu(x: f32) -> f32 {
    let z = min(abs(x) * 0.7071067811865476, 9.0);
    let tail = 0.5 * erfc_scaled(z) * exponential(-z * z);
    return x * select(tail, 1.0 - tail, x >= 0.0);
}

/// The tanh approximation of GELU (arXiv 1606.08415, section 2): x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
fn gelu_tanh(x: f32) -> f32 {
    let inner = 0.7978845608028654 * fma(0.044715 * x * x, x, x);
    return 0.5 * x * (1.0 + hyperbolic_tangent(inner));
}

fn activate(x: f32) -> f32 {
    if is_spoilt(x) {
        return x;
    }
    switch ACTIVATION {
        case GELU: { return gelu(x); }
        case GELU_TANH: { return gelu_tanh(x); }
        case RELU: { return max(x, 0.0); }
        case SILU: { return x / (1.0 + exponential(-x)); }
        case TANH: { return hyperbolic_tangent(x); }
        case SIGMOID: { return 1.0 / (1.0 + exponential(-x)); }
        default: { return x; }
    }
}
