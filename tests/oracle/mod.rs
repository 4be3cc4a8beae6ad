//! What every operation must give: plain loops in f64, written to be read. No product, only tests, rest on these.

mod activation;
mod attention;
mod embed_norm;
mod layer_norm;
mod linear;
mod normalize;
mod pool;

pub use activation::{activate, activation};
pub use attention::{Bias, attention};
pub use embed_norm::embed_norm;
pub use layer_norm::layer_norm;
pub use linear::{add, linear};
pub use normalize::{cut, normalize};
pub use pool::pool;

/// What a value must be, and the size that its rounding errors go with.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Expected {
    /// The value.
    pub value: f64,
    /// What one rounding, relative to 1, does to it at most: the sum of the magnitudes that went into it. Where this is 0 the
    /// value must be exact.
    pub unit: f64,
}

/// Inputs are f32, sums are f64.
fn wide(value: f32) -> f64 {
    f64::from(value)
}
