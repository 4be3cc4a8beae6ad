//! Variants for devices that tell of their subgroups, natively: no browser's wgpu does yet.

use wembed_shaders::{
    ACTIVATION, EPILOGUE_ACTIVATION, EPILOGUE_ADD, EPILOGUE_BIAS, FINITE, LINEAR_LAYER, LINEAR_MATRIX, LINEAR_ROWS,
    MATH, MATRIX_8, MATRIX_16, X_SHUFFLE,
};

use super::super::kernel::Need;
use super::variant::{Variant, activations, kernel, variant};
use super::{CHUNK, PANEL, SUBGROUP};
use crate::Activation;

/// A variant of a name that multiplies matrices: their WGSL and their side, the tile's rows and columns.
macro_rules! matrix_variant {
    ($name:literal, $part:expr, $side:literal, $rows:literal, $columns:literal) => {
        variant!(
            $name,
            [$part, LINEAR_MATRIX],
            &[("PANEL", PANEL), ("ROWS", $rows), ("COLUMNS", $columns), ("STEP", 32)],
            ["ROWS", "COLUMNS"],
            Need::Matrices($side),
            &[&[SUBGROUP]],
            activations!(SUBGROUP)
        )
    };
}

/// Tiles of 8 x 128, 32 threads of 8 x 4 that hand the rows around: for a few rows, where subgroups can.
pub static SHUFFLE: Variant = variant!(
    "shuffle",
    [X_SHUFFLE, LINEAR_ROWS],
    &[("CHUNK", CHUNK), ("PANEL", PANEL), ("ROWS", 8), ("COLUMNS", 128)],
    ["ROWS", "COLUMNS"],
    Need::Subgroups
);

/// Tiles of 64 x 64, eight subgroups of two by four matrices of 8 x 8: what Metal has.
pub static MATRIX8: Variant = matrix_variant!("matrix8", MATRIX_8, 8, 64, 64);

/// The same in tiles of 16 x 64, for few rows.
pub static MATRIX8_FEW: Variant = matrix_variant!("matrix8_few", MATRIX_8, 8, 16, 64);

/// Tiles of 128 x 128, eight subgroups of two by four matrices of 16 x 16: what NVIDIA has.
pub static MATRIX16: Variant = matrix_variant!("matrix16", MATRIX_16, 16, 128, 128);

/// The same in tiles of 32 x 64, for few rows.
pub static MATRIX16_FEW: Variant = matrix_variant!("matrix16_few", MATRIX_16, 16, 32, 64);
