//! The variants of a linear layer: a kernel for each epilogue, and what of the output a workgroup computes.

use wembed_shaders::{
    ACTIVATION, EPILOGUE_ACTIVATION, EPILOGUE_ADD, EPILOGUE_BIAS, FINITE, LINEAR_LAYER, LINEAR_MATRIX, LINEAR_SMALL,
    LINEAR_TILED, LINEAR_WIDE, MATH, MATRIX_8, MATRIX_16, Part,
};

use super::super::kernel::{Constants, Kernel};
use super::{CHUNK, Epilogue, PARAMS};
use crate::Activation;

/// One way of computing a linear layer. All that have no matrices add in the same order.
#[derive(Debug)]
pub struct Variant {
    /// As plans, profiles and reports name it.
    pub name: &'static str,
    pub bias: Kernel,
    pub activation: Kernel,
    pub add: Kernel,
    /// The constants that say how many rows and columns a workgroup computes.
    tile: [&'static str; 2],
}

impl Variant {
    /// The kernel that ends in this epilogue.
    pub fn kernel(&self, epilogue: Epilogue<'_>) -> &Kernel {
        match epilogue {
            Epilogue::Bias => &self.bias,
            Epilogue::Activation(_) => &self.activation,
            Epilogue::Add(_) => &self.add,
        }
    }

    /// Rows and columns that a workgroup computes: what the shader was built with is what the dispatch divides by.
    pub fn tile(&self) -> [u32; 2] {
        self.tile.map(|name| self.bias.constant(name))
    }

    /// All three.
    pub fn kernels(&self) -> [&Kernel; 3] {
        [&self.bias, &self.activation, &self.add]
    }

    /// The side of the matrices that it multiplies.
    pub fn matrix(&self) -> Option<u32> {
        self.bias.matrix
    }

    /// Whether it adds over k in the order that another one does.
    pub fn adds_as(&self, other: &Self) -> bool {
        self.matrix() == other.matrix()
    }
}

impl PartialEq for Variant {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// How many invocations a subgroup has is the device's; for the tests that hold every kernel it is this.
const SUBGROUP: (&str, u32) = ("SUBGROUP", 32);

/// A choice for each activation, with further constants in front.
macro_rules! activations {
    ($($constant:expr)?) => {
        &[
            &[$($constant,)? ("ACTIVATION", Activation::Identity as u32)],
            &[$($constant,)? ("ACTIVATION", Activation::Gelu as u32)],
            &[$($constant,)? ("ACTIVATION", Activation::GeluTanh as u32)],
            &[$($constant,)? ("ACTIVATION", Activation::Relu as u32)],
            &[$($constant,)? ("ACTIVATION", Activation::Silu as u32)],
            &[$($constant,)? ("ACTIVATION", Activation::Tanh as u32)],
            &[$($constant,)? ("ACTIVATION", Activation::Sigmoid as u32)],
        ]
    };
}

const fn kernel(
    label: &'static str,
    parts: &'static [Part],
    inputs: &'static [&'static str],
    constants: Constants,
    choices: &'static [Constants],
    matrix: Option<u32>,
) -> Kernel {
    Kernel { label, parts, inputs, reads_weights: true, params: PARAMS, constants, matrix, choices }
}

/// A variant of a name, its WGSL files, its constants and those of them that are its tile; for matrices their side, and constants that are chosen.
macro_rules! variant {
    ($name:literal, [$($part:expr),+], $constants:expr, $tile:expr) => {
        variant!($name, [$($part),+], $constants, $tile, None, &[&[]], activations!())
    };
    ($name:literal, [$($part:expr),+], $constants:expr, $tile:expr, $matrix:expr, $choices:expr, $activations:expr) => {
        Variant {
            name: $name,
            bias: kernel(
                concat!("linear.", $name, ".bias"),
                &[LINEAR_LAYER, EPILOGUE_BIAS, $($part),+],
                &["x", "weight", "bias"],
                $constants,
                $choices,
                $matrix,
            ),
            activation: kernel(
                concat!("linear.", $name, ".activation"),
                &[LINEAR_LAYER, FINITE, MATH, ACTIVATION, EPILOGUE_ACTIVATION, $($part),+],
                &["x", "weight", "bias"],
                $constants,
                $activations,
                $matrix,
            ),
            add: kernel(
                concat!("linear.", $name, ".add"),
                &[LINEAR_LAYER, EPILOGUE_ADD, $($part),+],
                &["x", "weight", "bias", "residual"],
                $constants,
                $choices,
                $matrix,
            ),
            tile: $tile,
        }
    };
}

/// A variant of a name that multiplies matrices: their WGSL and their side, the tile's rows and columns.
macro_rules! matrix_variant {
    ($name:literal, $part:expr, $side:literal, $rows:literal, $columns:literal) => {
        variant!(
            $name,
            [$part, LINEAR_MATRIX],
            &[("ROWS", $rows), ("COLUMNS", $columns), ("STEP", 32)],
            ["ROWS", "COLUMNS"],
            Some($side),
            &[&[SUBGROUP]],
            activations!(SUBGROUP)
        )
    };
}

/// Few rows, where reading the weights is the work.
static SMALL: Variant = variant!(
    "small",
    [LINEAR_SMALL],
    &[("CHUNK", CHUNK), ("ROWS", 4), ("COLUMNS", 16), ("LANES", 8)],
    ["ROWS", "COLUMNS"]
);

/// Tiles of 32 x 32, 64 threads of 4 x 4: for small cards, and where larger tiles would leave a large one idle.
static NARROW: Variant =
    variant!("narrow", [LINEAR_TILED], &[("CHUNK", CHUNK), ("TILE", 32), ("STEP", 8)], ["TILE", "TILE"]);

/// Tiles of 64 x 64, 256 threads of 4 x 4: what every device runs well.
static TILED: Variant =
    variant!("tiled", [LINEAR_TILED], &[("CHUNK", CHUNK), ("TILE", 64), ("STEP", 16)], ["TILE", "TILE"]);

/// Tiles of 64 x 64, 64 threads of 8 x 8: twice the work for what is read from the tiles, where there are registers for it.
static WIDE: Variant =
    variant!("wide", [LINEAR_WIDE], &[("CHUNK", CHUNK), ("TILE", 64), ("STEP", 16)], ["TILE", "TILE"]);

/// Tiles of 64 x 64, eight subgroups of two by four matrices of 8 x 8: what Metal has.
static MATRIX8: Variant = matrix_variant!("matrix8", MATRIX_8, 8, 64, 64);

/// The same in tiles of 16 x 64, for few rows.
static MATRIX8_FEW: Variant = matrix_variant!("matrix8_few", MATRIX_8, 8, 16, 64);

/// Tiles of 128 x 128, eight subgroups of two by four matrices of 16 x 16: what NVIDIA has.
static MATRIX16: Variant = matrix_variant!("matrix16", MATRIX_16, 16, 128, 128);

/// The same in tiles of 32 x 64, for few rows.
static MATRIX16_FEW: Variant = matrix_variant!("matrix16_few", MATRIX_16, 16, 32, 64);

/// The variant that the others are held against.
pub static PORTABLE: &Variant = &TILED;

/// Every variant, by the rows that it is for.
pub static VARIANTS: [&Variant; 8] = [&SMALL, &NARROW, &TILED, &WIDE, &MATRIX8_FEW, &MATRIX8, &MATRIX16_FEW, &MATRIX16];
