//! Variants for weights in int8 on devices that add up products of integers, four at a time: what they are multiplied with is rounded, too.

use wembed_shaders::{
    ACTIVATION, EPILOGUE_ACTIVATION, EPILOGUE_ADD, EPILOGUE_BIAS, FINITE, LINEAR_DOTS, LINEAR_DOTS_FEW, LINEAR_LAYER,
    MATH, X_INTEGERS,
};

use super::super::kernel::Need;
use super::PANEL;
use super::variant::{Variant, activations, kernel, variant};
use crate::Activation;

/// Few rows, where reading the weights is the work.
pub static FEW: Variant = variant!(
    "dots_few",
    [X_INTEGERS, LINEAR_DOTS_FEW],
    &[("PANEL", PANEL), ("ROWS", 4), ("COLUMNS", 16), ("LANES", 16)],
    ["ROWS", "COLUMNS"],
    Need::Dots
);

/// Tiles of 32 x 32, 64 threads of 4 x 4: where larger ones would leave a card idle.
pub static NARROW: Variant = variant!(
    "dots_narrow",
    [X_INTEGERS, LINEAR_DOTS],
    &[("PANEL", PANEL), ("TILE", 32), ("STEP", 32)],
    ["TILE", "TILE"],
    Need::Dots
);

/// Tiles of 64 x 64, 256 threads of 4 x 4.
pub static MANY: Variant = variant!(
    "dots",
    [X_INTEGERS, LINEAR_DOTS],
    &[("PANEL", PANEL), ("TILE", 64), ("STEP", 64)],
    ["TILE", "TILE"],
    Need::Dots
);
