//! How far a value may be from the oracle. One table, a reason each; none is widened to pass.

/// A bound in roundings of f32: multiples of 2^-24 of [`crate::oracle::Expected::unit`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// The operation.
    pub operation: &'static str,
    /// How many roundings.
    pub roundings: f64,
    /// Why so many.
    pub reason: &'static str,
}

/// Half a unit in the last place of an f32 that is 1.
pub const ROUNDING: f64 = 1.0 / (1 << 24) as f64;

macro_rules! tolerances {
    ($($name:ident = $operation:literal, $roundings:literal, $reason:literal;)*) => {
        $(#[doc = $reason] pub const $name: Tolerance =
            Tolerance { operation: $operation, roundings: $roundings, reason: $reason };)*

        /// All of them.
        pub const TOLERANCES: &[Tolerance] = &[$($name),*];
    };
}

tolerances! {
    EMBED_NORM = "embed_norm", 8.0,
        "as the layer norm, and two additions before it";
    LINEAR = "linear", 8.0,
        "at K 3072 chains of 64 and 48 additions of their sums on a GPU, of 96 and 32 on the processor (32 and 96 in AMX): \
         the errors of a few do not cancel; an f16 accumulator is off by thousands";
    LINEAR_MATRICES = "linear by matrices", 48.0,
        "as the linear layer, but NVIDIA's units cut sums where the rest rounds them, which is twice as much, and always towards zero \
         (Fasi et al. 2021, 10.7717/peerj-cs.330, of V100, T4 and A100): 24.1 on an H100 at K 3072";
    LINEAR_BF16X3 = "linear in three products of bf16", 72.0,
        "as the linear layer, and the product of what two bf16 leave: 2^-9 of either, so 2^-18 of the whole";
    ACTIVATION = "activation", 16.0,
        "an exponential, a polynomial of degree nine whose coefficients change sign, and a division (5, by Vulkan's own bound) before it";
    ATTENTION = "attention", 8.0,
        "an exponential, sums of a text's weights whose errors mostly cancel, a division of 5";
    LAYER_NORM = "layer_norm", 8.0,
        "sums of 48 and a tree of 64 invocations, an inverse square root of 4 (Vulkan's own bound), two products";
    POOL = "pool", 12.0,
        "32 values of one sign added one after the other, then their sums, a division of 5";
    NORMALIZE = "normalize", 12.0,
        "half the roundings of a sum of squares, a square root and a division of 5 each (Vulkan's own bounds)";
}
