#![doc = include_str!("../README.md")]
//!
//! [`Engine`] makes and owns device things, [`Ops`] is the table of contents that a forward pass is written against.
//! [`gpu::GpuEngine`] records WGSL compute shaders through wgpu, natively and in a browser; [`cpu::CpuEngine`] computes on the
//! processor's own vectors and matrix units, natively and in wasm.

mod choices;
pub mod cpu;
mod error;
pub mod gpu;
pub mod int8;
mod noise;
mod ops;
mod packed;
mod probe;
mod proof;
mod rows;

pub use choices::{Activation, Dtype, Pooling};
pub use error::Error;
pub use ops::{Embeddings, Engine, Gathered, Heads, Linear, Norm, Ops, Pending, RelativeBias};
pub use packed::Packed;
pub use probe::{GUARD_BYTES, Probe, Raw, SENTINEL};
pub use rows::{PIECE_BYTES, Piece, Rows, Stored};

/// Widths are padded to a multiple of this, so that of a matrix product's three sizes only the number of rows is ragged.
pub const ALIGNMENT: usize = 64;

/// `width` rounded up to a multiple of [`ALIGNMENT`].
pub const fn padded(width: usize) -> usize {
    width.next_multiple_of(ALIGNMENT)
}
