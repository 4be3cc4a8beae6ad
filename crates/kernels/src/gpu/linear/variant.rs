//! The variants of a linear layer: a kernel for each epilogue, and what of the output a workgroup computes.

use wembed_shaders::{
    ACTIVATION, EPILOGUE_ACTIVATION, EPILOGUE_ADD, EPILOGUE_BIAS, FINITE, LINEAR_LAYER, LINEAR_ROWS, LINEAR_SMALL,
    LINEAR_TILED, LINEAR_WIDE, MATH, Part, X_DIRECT, X_FLOATS,
};

use super::super::kernel::{Constants, Kernel, Need, Reads, Storage};
#[cfg(not(target_family = "wasm"))]
use super::subgroup;
use super::{CHUNK, Epilogue, PANEL, PARAMS, dots};
use crate::proof::{FURTHEST, Proof};
use crate::{Activation, Dtype};

/// One way of computing a linear layer. All that have neither matrices nor dot products of integers add in the same order.
#[derive(Debug)]
pub struct Variant {
    /// As plans, profiles and reports name it.
    pub name: &'static str,
    pub bias: Kernel,
    pub activation: Kernel,
    pub add: Kernel,
    /// The constants that say how many rows and columns a workgroup computes.
    pub(super) tile: [&'static str; 2],
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

    /// What it needs of a device.
    pub fn needs(&self) -> Need {
        self.bias.needs
    }

    /// What a device that takes it is held to by the processor: matrices round activations to f16; products of integers round them to int8, as the processor
    /// does, but for numbers between two integers that a last bit sends the other way.
    pub fn proof(&self, storage: Storage) -> Proof {
        let dtype = if self.needs() == Need::Dots { Dtype::Int8 } else { Dtype::F32 };
        let furthest = match self.needs() {
            Need::Matrices(_) | Need::Dots => 2e-3,
            _ => FURTHEST,
        };
        Proof { dtype, furthest, int8: storage == Storage::Int8 }
    }

    /// Whether it adds over k in the order that another one does.
    pub fn adds_as(&self, other: &Self) -> bool {
        self.needs().adds_as(other.needs())
    }
}

impl PartialEq for Variant {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

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

pub(super) const fn kernel(
    label: &'static str,
    parts: &'static [Part],
    inputs: &'static [&'static str],
    constants: Constants,
    choices: &'static [Constants],
    needs: Need,
) -> Kernel {
    Kernel { label, parts, inputs, weights: Reads::Matrices, params: PARAMS, constants, needs, choices }
}

/// A variant of a name, its WGSL files, its constants and those of them that are its tile; what it needs of a device, and constants that are chosen.
macro_rules! variant {
    ($name:literal, [$($part:expr),+], $constants:expr, $tile:expr) => {
        variant!($name, [$($part),+], $constants, $tile, Need::Nothing)
    };
    ($name:literal, [$($part:expr),+], $constants:expr, $tile:expr, $needs:expr) => {
        variant!($name, [$($part),+], $constants, $tile, $needs, &[&[]], activations!())
    };
    ($name:literal, [$($part:expr),+], $constants:expr, $tile:expr, $needs:expr, $choices:expr, $activations:expr) => {
        Variant {
            name: $name,
            bias: kernel(
                concat!("linear.", $name, ".bias"),
                &[LINEAR_LAYER, EPILOGUE_BIAS, $($part),+],
                &["x", "weight", "bias"],
                $constants,
                $choices,
                $needs,
            ),
            activation: kernel(
                concat!("linear.", $name, ".activation"),
                &[LINEAR_LAYER, FINITE, MATH, ACTIVATION, EPILOGUE_ACTIVATION, $($part),+],
                &["x", "weight", "bias"],
                $constants,
                $activations,
                $needs,
            ),
            add: kernel(
                concat!("linear.", $name, ".add"),
                &[LINEAR_LAYER, EPILOGUE_ADD, $($part),+],
                &["x", "weight", "bias", "residual"],
                $constants,
                $choices,
                $needs,
            ),
            tile: $tile,
        }
    };
}

pub(super) use {activations, variant};

/// Few rows, where reading the weights is the work.
static SMALL: Variant = variant!(
    "small",
    [X_FLOATS, LINEAR_SMALL],
    &[("CHUNK", CHUNK), ("PANEL", PANEL), ("ROWS", 4), ("COLUMNS", 16), ("LANES", 8)],
    ["ROWS", "COLUMNS"]
);

/// Tiles of 8 x 128, 32 threads of 8 x 4 that read x as it lies: where caches serve, and where waiting for a workgroup costs.
static DIRECT: Variant = variant!(
    "direct",
    [X_FLOATS, X_DIRECT, LINEAR_ROWS],
    &[("CHUNK", CHUNK), ("PANEL", PANEL), ("ROWS", 8), ("COLUMNS", 128)],
    ["ROWS", "COLUMNS"]
);

/// Tiles of 32 x 32, 64 threads of 4 x 4: for small cards, and where larger tiles would leave a large one idle.
static NARROW: Variant = variant!(
    "narrow",
    [X_FLOATS, LINEAR_TILED],
    &[("CHUNK", CHUNK), ("PANEL", PANEL), ("TILE", 32), ("STEP", 8)],
    ["TILE", "TILE"]
);

/// Tiles of 64 x 64, 256 threads of 4 x 4: what every device runs well.
static TILED: Variant = variant!(
    "tiled",
    [X_FLOATS, LINEAR_TILED],
    &[("CHUNK", CHUNK), ("PANEL", PANEL), ("TILE", 64), ("STEP", 16)],
    ["TILE", "TILE"]
);

/// Tiles of 64 x 64, 64 threads of 8 x 8: twice the work for what is read from the tiles, where there are registers for it.
static WIDE: Variant = variant!(
    "wide",
    [X_FLOATS, LINEAR_WIDE],
    &[("CHUNK", CHUNK), ("PANEL", PANEL), ("TILE", 64), ("STEP", 16)],
    ["TILE", "TILE"]
);

/// The variant that the others are held against.
pub static PORTABLE: &Variant = &TILED;

/// Every variant: those that every device has, by the rows that they are for, then the others.
pub static VARIANTS: &[&Variant] = &[
    &SMALL,
    &DIRECT,
    &NARROW,
    &TILED,
    &WIDE,
    &dots::FEW,
    &dots::NARROW,
    &dots::MANY,
    #[cfg(not(target_family = "wasm"))]
    &subgroup::SHUFFLE,
    #[cfg(not(target_family = "wasm"))]
    &subgroup::MATRIX8_FEW,
    #[cfg(not(target_family = "wasm"))]
    &subgroup::MATRIX8_SMALL,
    #[cfg(not(target_family = "wasm"))]
    &subgroup::MATRIX8,
    #[cfg(not(target_family = "wasm"))]
    &subgroup::MATRIX16_FEW,
    #[cfg(not(target_family = "wasm"))]
    &subgroup::MATRIX16,
    #[cfg(not(target_family = "wasm"))]
    &subgroup::MATRIX16_DEEP,
];
