//! What multiplies rows by a panel of weights: one file a unit of the processor.
//!
//! To add one (int8, another instruction set): a file here, a variant of [`Unit`], a line in [`of_this_processor`], and
//! where weights have to lie in another order, a variant of [`super::panels::Format`].

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod dot_products;
mod vectors;

use std::ops::Range;

use fearless_simd::prelude::*;

use super::memory::Buffer;
use super::panels::{Format, Panels};
use super::product::{CHUNK, Rows};
use super::{Context, Tensor};

#[cfg(target_arch = "x86_64")]
#[doc(hidden)]
pub use amx::assume as assume_amx;

/// What multiplies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Fused multiply-add on vectors of f32. What is stored in fewer bits is widened a chunk at a time, into cache.
    Vectors,
    /// AVX512-BF16: two products of bf16 added to each of 16 sums.
    #[cfg(target_arch = "x86_64")]
    DotProducts,
    /// AMX: tiles of 16 x 32 and 32 x 16 bf16 into one of 16 x 16 sums.
    #[cfg(target_arch = "x86_64")]
    Tiles,
}

/// The sets with a unit for bf16, the best first.
#[cfg(target_arch = "x86_64")]
pub(super) fn of_this_processor() -> Vec<super::instructions::Instructions> {
    use super::instructions::Instructions;
    let Some(level) = fearless_simd::Level::new().as_avx512().map(fearless_simd::Level::Avx512) else {
        return Vec::new();
    };
    let amx = amx::is_permitted().then_some(Instructions { name: "amx", level, bf16: Unit::Tiles });
    let dot_products =
        dot_products::is_there().then_some(Instructions { name: "avx512-bf16", level, bf16: Unit::DotProducts });
    amx.into_iter().chain(dot_products).collect()
}

/// The rows of an activation as a unit reads them.
#[derive(Debug)]
pub(super) enum Inputs<'a> {
    /// As they are.
    F32(&'a [f32]),
    /// Rounded to bf16, but not stored so.
    Rounded(Buffer),
    /// bf16, and what that leaves, in bf16, where three products are made. Two neighbouring k a word.
    #[cfg(target_arch = "x86_64")]
    Pairs { high: Buffer, low: Option<Buffer> },
}

impl<'a> Inputs<'a> {
    /// What `unit` reads of `x` for a product with weights of this format.
    pub fn new(context: &Context, x: &'a Tensor, panels: &Panels) -> Self {
        match (panels.format, panels.unit) {
            (Format::F32 | Format::F16, _) => Self::F32(x.values()),
            (Format::Bf16 | Format::Bf16x3, Unit::Vectors) => Self::Rounded(vectors::round(context, x)),
            #[cfg(target_arch = "x86_64")]
            (format, _) => {
                let (high, low) = dot_products::split(context, x, format == Format::Bf16x3);
                Self::Pairs { high, low }
            }
        }
    }
}

/// sums = x panel, for these rows of x. // (rows, width)
///
/// `space` is [`space`] values of memory.
#[inline(always)]
pub(super) fn multiply<S: Simd>(
    simd: S,
    inputs: &Inputs<'_>,
    rows: Range<usize>,
    panels: &Panels,
    panel: usize,
    sums: &mut [f32],
    space: &mut [f32],
) {
    let depth = panels.depth;
    let values = match inputs {
        Inputs::F32(values) => values,
        Inputs::Rounded(values) => values.of(),
        #[cfg(target_arch = "x86_64")]
        Inputs::Pairs { high, low } => {
            let x = [high, low.as_ref().unwrap_or(high)].map(|half| &half.of::<u32>()[rows.start * depth / 2..]);
            match panels.unit {
                Unit::Tiles => return amx::multiply(x, rows.len(), panels, panel, sums),
                _ => return dot_products::multiply(x, rows.len(), panels, panel, sums),
            }
        }
    };
    let x = Rows { values: &values[rows.start * depth..], stride: depth, count: rows.len() };
    vectors::multiply(simd, x, panels, panel, sums, space);
}

/// Values of memory that [`multiply`] needs for panels of `width`.
pub(super) const fn space(width: usize) -> usize {
    CHUNK * width
}
