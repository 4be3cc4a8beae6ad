//! What a kernel is: the WGSL parts it is joined from, what it binds, and the numbers that host and shader share.

use std::fmt::Write as _;

use wembed_shaders::{
    HALVES_INT8, Part, SCALE_NONE, SCALE_ROW, WEIGHTS_F16, WEIGHTS_F16_PACKED, WEIGHTS_F32, WEIGHTS_INT8,
};

use crate::Dtype;

/// One variant of one operation.
///
/// Binding 0 is the uniform `params`, at a dynamic offset; 1 is `output`; from 2 on the read-only `inputs`.
#[derive(Debug)]
pub struct Kernel {
    /// `operation.variant.role`, as profiles and device errors name it.
    pub label: &'static str,
    /// WGSL, in the order in which it is joined. Weights' storage and the constants come in front.
    pub parts: &'static [Part],
    /// Names of the read-only bindings, from binding 2 on.
    pub inputs: &'static [&'static str],
    /// Which inputs hold weights, so that their storage is part of the source.
    pub weights: Reads,
    /// Fields of `Params`, in order.
    pub params: &'static [&'static str],
    /// Constants that every pipeline of this kernel has.
    pub constants: Constants,
    /// What it needs of a device, on top of what every one has.
    pub needs: Need,
    /// Sets of constants that a caller may choose on top, for the tests that hold every kernel; one empty set where there is no choice.
    pub choices: &'static [Constants],
}

/// Weights that a kernel reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// None.
    Nothing,
    /// Tables, whose rows are taken as they are.
    Tables,
    /// A matrix, by whose rows something is multiplied.
    Matrices,
}

/// What not every device has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// Arithmetic in f16.
    F16,
    /// Subgroups whose invocations hand values around.
    Subgroups,
    /// Subgroups that multiply matrices of this side, of f16.
    Matrices(u32),
    /// Instructions that add up products of int8, four at a time: others act them out, slower than f32.
    Dots,
}

impl Need {
    /// What a module that needs it begins with. naga knows subgroups without a word, and refuses the browsers' one.
    const fn directives(self) -> &'static str {
        match self {
            Self::Nothing | Self::Subgroups | Self::Dots => "",
            Self::F16 => "enable f16;\n",
            Self::Matrices(_) => "enable f16;\nenable wgpu_cooperative_matrix;\n",
        }
    }

    /// Whether what needs this adds over k in the order of what needs the other.
    pub fn adds_as(self, other: Self) -> bool {
        self.matrix() == other.matrix() && (self == Self::Dots) == (other == Self::Dots)
    }

    /// The side of the matrices.
    pub const fn matrix(self) -> Option<u32> {
        match self {
            Self::Matrices(side) => Some(side),
            _ => None,
        }
    }
}

/// Named WGSL constants, all u32.
pub type Constants = &'static [(&'static str, u32)];

impl Kernel {
    /// The value of one of its own constants: what the shader was built with is what the dispatch divides by.
    pub const fn constant(&self, name: &str) -> u32 {
        let mut index = 0;
        while index < self.constants.len() {
            let (found, value) = self.constants[index];
            if same(found, name) {
                return value;
            }
            index += 1;
        }
        panic!("the kernel has no constant of this name");
    }

    /// The storages of weights that it is compiled for.
    pub fn storages(&self) -> &'static [Storage] {
        match (self.weights, self.needs) {
            (Reads::Nothing, _) => &[Storage::F16],
            (Reads::Tables, _) => &[Storage::F16, Storage::F16Packed, Storage::F32],
            (Reads::Matrices, Need::Matrices(_)) => &[Storage::F16, Storage::Int8],
            (Reads::Matrices, Need::Dots) => &[Storage::Int8],
            (Reads::Matrices, _) => &Storage::ALL,
        }
    }

    /// The WGSL that reads its weights.
    pub fn storage_parts(&self, storage: Storage) -> Vec<Part> {
        match self.weights {
            Reads::Nothing => Vec::new(),
            Reads::Tables => vec![storage.of_tables().part()],
            Reads::Matrices if storage != Storage::Int8 => vec![storage.part(), SCALE_NONE],
            Reads::Matrices if self.needs.matrix().is_some() => vec![storage.part(), SCALE_ROW, HALVES_INT8],
            Reads::Matrices => vec![storage.part(), SCALE_ROW],
        }
    }

    /// The whole WGSL module.
    pub fn source(&self, storage: Storage, chosen: &[(&str, u32)]) -> String {
        let mut source = self.needs.directives().to_owned();
        for part in self.storage_parts(storage) {
            source.push_str(part.text);
        }
        for (name, value) in self.constants.iter().chain(chosen) {
            writeln!(source, "const {name}: u32 = {value}u;").expect("a string takes all that is written");
        }
        for part in self.parts {
            source.push_str("\n// ");
            source.push_str(part.file);
            source.push('\n');
            source.push_str(part.text);
        }
        source
    }
}

const fn same(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    let mut index = 0;
    while index < left.len() {
        if left[index] != right[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// How weights lie in device memory and how shaders read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Storage {
    /// f16, read as f16: needs the feature `SHADER_F16`.
    F16,
    /// f16, two to a word, unpacked in the shader.
    F16Packed,
    /// f32.
    F32,
    /// Rotated rows in int8, four to a word, then a scale for each row ([`crate::int8`]). Tables are [`Storage::F16Packed`].
    Int8,
}

impl Storage {
    /// Every storage.
    pub const ALL: [Self; 4] = [Self::F16, Self::F16Packed, Self::F32, Self::Int8];

    /// The type that weights have in memory.
    pub const fn dtype(self) -> Dtype {
        match self {
            Self::F16 | Self::F16Packed => Dtype::F16,
            Self::F32 => Dtype::F32,
            Self::Int8 => Dtype::Int8,
        }
    }

    /// The WGSL that reads it.
    pub const fn part(self) -> Part {
        match self {
            Self::F16 => WEIGHTS_F16,
            Self::F16Packed => WEIGHTS_F16_PACKED,
            Self::F32 => WEIGHTS_F32,
            Self::Int8 => WEIGHTS_INT8,
        }
    }

    /// How tables lie beside such matrices.
    pub const fn of_tables(self) -> Self {
        match self {
            Self::Int8 => Self::F16Packed,
            other => other,
        }
    }
}

/// A host struct that mirrors a shader's `Params`: plain 32-bit fields in the same order.
pub(super) trait Params: bytemuck::Pod {
    const FIELDS: &'static [&'static str];
}

macro_rules! params {
    ($name:ident { $($field:ident: $type:ty),* $(,)? }) => {
        #[repr(C)]
        #[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
        struct $name { $($field: $type),* }

        impl $crate::gpu::kernel::Params for $name {
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];
        }
    };
}
pub(super) use params;
