#![doc = include_str!("README.md")]

/// One WGSL file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Part {
    /// Its path in this crate.
    pub file: &'static str,
    /// What it holds.
    pub text: &'static str,
}

macro_rules! parts {
    ($($(#[$doc:meta])* $name:ident = $file:literal;)*) => {
        $($(#[$doc])* pub const $name: Part = Part { file: $file, text: include_str!($file) };)*

        /// Every part, for the tests that hold the folder against the registry.
        pub const PARTS: &[Part] = &[$($name),*];
    };
}

parts! {
    /// Embedding sum and layer norm: ids to the first hidden state.
    EMBED_NORM = "embed_norm.wgsl";
    /// Rotation of rows, in front of a linear layer in int8.
    ROTATE = "rotate.wgsl";
    /// Rounding of rows to int8, in front of a linear layer of integers.
    ROUND = "round.wgsl";
    /// Linear layer, many rows.
    LINEAR_TILED = "linear_tiled.wgsl";
    /// Linear layer, many rows, more outputs an invocation.
    LINEAR_WIDE = "linear_wide.wgsl";
    /// Linear layer, on devices whose subgroups multiply matrices.
    LINEAR_MATRIX = "linear_matrix.wgsl";
    /// Linear layer, few rows.
    LINEAR_SMALL = "linear_small.wgsl";
    /// Linear layer, without workgroup memory.
    LINEAR_ROWS = "linear_rows.wgsl";
    /// Linear layer of integers, many rows.
    LINEAR_DOTS = "linear_dots.wgsl";
    /// Linear layer of integers, few rows.
    LINEAR_DOTS_FEW = "linear_dots_few.wgsl";
    /// Attention over packed texts.
    ATTENTION = "attention.wgsl";
    /// Layer norm.
    LAYER_NORM = "layer_norm.wgsl";
    /// Pooling of a text's tokens into one vector.
    POOL = "pool.wgsl";
    /// L2 normalisation.
    NORMALIZE = "normalize.wgsl";
    /// The peak of multiply-adds.
    PROBE_ARITHMETIC = "probe_arithmetic.wgsl";
    /// The peak of products of int8.
    PROBE_DOTS = "probe_dots.wgsl";
    /// The peak of products of matrices.
    PROBE_MATRIX = "probe_matrix.wgsl";
    /// The peak of memory.
    PROBE_MEMORY = "probe_memory.wgsl";
    /// Weights stored and read as f16.
    WEIGHTS_F16 = "parts/weights_f16.wgsl";
    /// Weights stored as f16, unpacked by hand.
    WEIGHTS_F16_PACKED = "parts/weights_f16_packed.wgsl";
    /// Weights stored as f32.
    WEIGHTS_F32 = "parts/weights_f32.wgsl";
    /// Weights stored as int8.
    WEIGHTS_INT8 = "parts/weights_int8.wgsl";
    /// int8 as matrices take them.
    HALVES_INT8 = "parts/halves_int8.wgsl";
    /// Rows of weights without a scale.
    SCALE_NONE = "parts/scale_none.wgsl";
    /// Rows of weights with a scale each.
    SCALE_ROW = "parts/scale_row.wgsl";
    /// Arithmetic in f32.
    NUMBER_F32 = "parts/number_f32.wgsl";
    /// Arithmetic in f16.
    NUMBER_F16 = "parts/number_f16.wgsl";
    /// Whether a value is infinite or no number.
    FINITE = "parts/finite.wgsl";
    /// exp, erfc, tanh.
    MATH = "parts/math.wgsl";
    /// The activation functions.
    ACTIVATION = "parts/activation.wgsl";
    /// The sum over a workgroup.
    REDUCE = "parts/reduce.wgsl";
    /// Layer norm of one row.
    LAYER_NORMALISE = "parts/layer_normalise.wgsl";
    /// Linear layer: what it binds.
    LINEAR_LAYER = "parts/linear_layer.wgsl";
    /// Linear layer: x in f32.
    X_FLOATS = "parts/x_floats.wgsl";
    /// Linear layer: x in int8.
    X_INTEGERS = "parts/x_integers.wgsl";
    /// Linear layer: x read as it lies.
    X_DIRECT = "parts/x_direct.wgsl";
    /// Linear layer: x handed around in a subgroup.
    X_SHUFFLE = "parts/x_shuffle.wgsl";
    /// Matrices of 8 x 8.
    MATRIX_8 = "parts/matrix_8.wgsl";
    /// Matrices of 16 x 16.
    MATRIX_16 = "parts/matrix_16.wgsl";
    /// Tiles of numbers that matrices are loaded from.
    TILE_SCALARS = "parts/tile_scalars.wgsl";
    /// Tiles of four numbers that matrices are loaded from.
    TILE_QUADS = "parts/tile_quads.wgsl";
    /// Linear layer: add the bias.
    EPILOGUE_BIAS = "parts/epilogue_bias.wgsl";
    /// Linear layer: add the bias, apply an activation.
    EPILOGUE_ACTIVATION = "parts/epilogue_activation.wgsl";
    /// Linear layer: add the bias and the residual.
    EPILOGUE_ADD = "parts/epilogue_add.wgsl";
    /// Attention without a position bias.
    BIAS_NONE = "parts/bias_none.wgsl";
    /// Attention with a relative-position bias.
    BIAS_RELATIVE = "parts/bias_relative.wgsl";
}
