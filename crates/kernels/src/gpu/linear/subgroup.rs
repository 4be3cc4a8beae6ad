//! Variants for devices that tell of their subgroups, natively: no browser's wgpu does yet.

use wembed_shaders::{
    ACTIVATION, EPILOGUE_ACTIVATION, EPILOGUE_ADD, EPILOGUE_BIAS, FINITE, LINEAR_LAYER, LINEAR_MATRIX, LINEAR_ROWS,
    MATH, MATRIX_8, MATRIX_16, TILE_QUADS, TILE_SCALARS, X_FLOATS, X_SHUFFLE,
};

use super::super::kernel::Need;
use super::variant::{Variant, activations, kernel, variant};
use super::{CHUNK, PANEL, SUBGROUP};
use crate::Activation;

/// A variant of a name that multiplies matrices: their WGSL and their tiles', their side, how many rows of them a subgroup has, the tile's rows, columns and
/// how much of k it holds.
macro_rules! matrix_variant {
    ($name:literal, $side:literal, [$($part:expr),+], $matrices:literal, $rows:literal x $columns:literal x $step:literal) => {
        variant!(
            $name,
            [X_FLOATS, $($part,)+ LINEAR_MATRIX],
            &[("PANEL", PANEL), ("MATRICES", $matrices), ("ROWS", $rows), ("COLUMNS", $columns), ("STEP", $step)],
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
    [X_FLOATS, X_SHUFFLE, LINEAR_ROWS],
    &[("CHUNK", CHUNK), ("PANEL", PANEL), ("ROWS", 8), ("COLUMNS", 128)],
    ["ROWS", "COLUMNS"],
    Need::Subgroups
);

/// Tiles of 64 x 64, four subgroups of four by four matrices of 8 x 8: what Metal has.
pub static MATRIX8: Variant = matrix_variant!("matrix8", 8, [MATRIX_8, TILE_SCALARS], 4, 64 x 64 x 32);

/// Tiles of 32 x 64, four subgroups of two by four: half the registers.
pub static MATRIX8_SMALL: Variant = matrix_variant!("matrix8_small", 8, [MATRIX_8, TILE_SCALARS], 2, 32 x 64 x 32);

/// Tiles of 8 x 64, two subgroups of one by four, for few rows.
pub static MATRIX8_FEW: Variant = matrix_variant!("matrix8_few", 8, [MATRIX_8, TILE_SCALARS], 1, 8 x 64 x 32);

/// Tiles of 128 x 128, four subgroups of four by four matrices of 16 x 16: what NVIDIA has.
pub static MATRIX16: Variant = matrix_variant!("matrix16", 16, [MATRIX_16, TILE_QUADS], 4, 128 x 128 x 32);

/// The same with twice as much of k at once: half the waiting, where few workgroups share the card.
pub static MATRIX16_DEEP: Variant = matrix_variant!("matrix16_deep", 16, [MATRIX_16, TILE_QUADS], 4, 128 x 128 x 64);

/// Tiles of 32 x 64, two subgroups of one by four, for few rows.
pub static MATRIX16_FEW: Variant = matrix_variant!("matrix16_few", 16, [MATRIX_16, TILE_QUADS], 1, 32 x 64 x 64);
