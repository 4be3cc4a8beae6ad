//! How near vectors must be to the reference's, and how that is measured: in f64, worst text.

use std::fmt;

use wembed_kernels::Dtype;

/// A bound on the two distances of a vector from its reference.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    /// 1 - cosine.
    pub angle: f64,
    /// |length / reference length - 1|.
    pub length: f64,
}

/// f32 arithmetic on the reference's own weights. torch's own f32 is 1e-12 from f64 on the real MiniLM; a tanh GELU or
/// the wrong layer-norm epsilon shows from 8e-9 up, so a looser bound would let wrong models pass.
pub const EXACT: Bound = Bound { angle: 1e-9, length: 2e-6 };

/// f16 weights against the unrounded ones on the real MiniLM: the rounding alone gives 1.4e-6 of angle; that model normalises.
pub const ROUNDED_TO_F16: Bound = Bound { angle: 5e-6, length: 2e-6 };

/// Three products of bf16 for one of f32: the angle as f32's, but lengths go with the roundings of two bf16, 2^-17 each.
pub const THREE_BF16: Bound = Bound { angle: 1e-9, length: 5e-5 };

/// Matrices of f16 for linear layers, on weights that f16 holds: activations are rounded to 11 bits.
pub const ROUNDED_ACTIVATIONS: Bound = Bound { angle: 2e-6, length: 2e-4 };

/// bf16 against the published weights on the real MiniLM: what linear layers multiply is rounded to 8 bits, both sides.
pub const ROUNDED_TO_BF16: Bound = Bound { angle: 4e-4, length: 2e-3 };

/// int8 against f32: what linear layers multiply is rounded to 8 bits and a scale, both sides.
pub const ROUNDED_TO_INT8: Bound = Bound { angle: 5e-3, length: 5e-2 };

impl Bound {
    /// What an engine that holds weights in this type must keep to, on weights that the type can hold.
    pub const fn of(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F32 | Dtype::F16 => EXACT,
            Dtype::Bf16 => ROUNDED_TO_BF16,
            Dtype::Bf16x3 => THREE_BF16,
            Dtype::Int8 => ROUNDED_TO_INT8,
        }
    }
}

/// How far a vector is from its reference.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Distance {
    /// 1 - cosine.
    pub angle: f64,
    /// |length / reference length - 1|.
    pub length: f64,
}

impl Distance {
    /// Between a vector and its reference.
    ///
    /// 1 - cosine is taken as half the squared distance of the unit vectors, which does not cancel.
    pub fn between(vector: &[f32], reference: &[f64]) -> Self {
        assert_eq!(vector.len(), reference.len(), "a vector has its reference's width");
        let vector: Vec<f64> = vector.iter().copied().map(f64::from).collect();
        let norm = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>().sqrt();
        let (length, reference_length) = (norm(&vector), norm(reference));
        let difference = |(value, expected): (&f64, &f64)| (value / length - expected / reference_length).powi(2);
        Self {
            angle: 0.5 * vector.iter().zip(reference).map(difference).sum::<f64>(),
            length: (length / reference_length - 1.0).abs(),
        }
    }

    /// Whether it is within the bound; a NaN is not.
    pub fn is_within(self, bound: Bound) -> bool {
        self.angle <= bound.angle && self.length <= bound.length
    }
}

impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1 - cosine {:.1e}, length off by {:.1e}", self.angle, self.length)
    }
}

/// The farthest vectors in either distance, or the first text that is out of bounds.
///
/// # Errors
/// Where a vector is not within `bound`.
pub fn judge(
    texts: &[String],
    vectors: &[Vec<f32>],
    references: &[Vec<f64>],
    bound: Bound,
) -> Result<Distance, String> {
    assert_eq!((vectors.len(), references.len()), (texts.len(), texts.len()), "one vector a text");
    let mut worst = Distance::default();
    for ((text, vector), reference) in texts.iter().zip(vectors).zip(references) {
        if vector.len() != reference.len() {
            return Err(format!("{text:?}: {} dimensions, not {}", vector.len(), reference.len()));
        }
        let distance = Distance::between(vector, reference);
        if !distance.is_within(bound) {
            return Err(format!(
                "{text:?}: {distance}; allowed: 1 - cosine {:e}, length {:e}",
                bound.angle, bound.length
            ));
        }
        worst = Distance { angle: worst.angle.max(distance.angle), length: worst.length.max(distance.length) };
    }
    Ok(worst)
}
