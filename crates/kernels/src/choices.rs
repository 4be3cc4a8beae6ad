//! What an operation can be asked to do: activations, pooling modes, the type that weights are held in.

/// The function after a linear layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Activation {
    /// x.
    Identity = 0,
    /// x Phi(x), Phi the normal distribution function: GELU with the exact erf.
    Gelu = 1,
    /// x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))): GELU's tanh form.
    GeluTanh = 2,
    /// max(x, 0).
    Relu = 3,
    /// x / (1 + e^-x).
    Silu = 4,
    /// tanh x.
    Tanh = 5,
    /// 1 / (1 + e^-x).
    Sigmoid = 6,
}

impl Activation {
    /// Every activation.
    pub const ALL: [Self; 7] =
        [Self::Identity, Self::Gelu, Self::GeluTanh, Self::Relu, Self::Silu, Self::Tanh, Self::Sigmoid];
}

/// How the vectors x_1 .. x_n of a text's tokens become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Pooling {
    /// sum x_i / n.
    Mean = 0,
    /// x_1.
    Cls = 1,
    /// The largest of each column.
    Max = 2,
    /// sum x_i / sqrt n.
    MeanSqrtLen = 3,
    /// sum i x_i / sum i.
    WeightedMean = 4,
    /// x_n.
    LastToken = 5,
}

impl Pooling {
    /// Every mode.
    pub const ALL: [Self; 6] =
        [Self::Mean, Self::Cls, Self::Max, Self::MeanSqrtLen, Self::WeightedMean, Self::LastToken];
}

/// The type that an engine holds matrices and tables in. Sums are f32 whatever this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// Half precision: half the memory, and what models of this family lose is about 1e-6 of cosine.
    F16,
    /// Single precision.
    F32,
    /// The upper half of single precision, for weights of linear layers and for what they are multiplied with; everything else is f32.
    /// Processors with a unit for it are several times as fast; models of this family lose about 1e-4 of cosine.
    Bf16,
    /// Two bf16 for each f32, and three products for one: vectors as from f32, by a unit for bf16.
    Bf16x3,
    /// Eight bits and a scale for each row, for weights of linear layers and for what they are multiplied with, both rotated first
    /// ([`crate::int8`]); everything else is f32. A quarter of f32's memory; models of this family lose about 1e-3 of cosine.
    Int8,
}

impl Dtype {
    /// Bytes of one weight.
    pub const fn bytes(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 | Self::Bf16x3 => 4,
            Self::Int8 => 1,
        }
    }

    /// As options and errors name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Bf16x3 => "bf16x3",
            Self::Int8 => "int8",
        }
    }
}
