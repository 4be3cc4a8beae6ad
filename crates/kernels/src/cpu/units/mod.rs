//! What multiplies rows by a panel of weights: one file a unit of the processor.
//!
//! A further one (int8, another instruction set) is a file here and a variant of [`Unit`], and the compiler then names what lacks
//! its arm: what it reads of x ([`Inputs::new`]), what is called ([`multiply`]), and whether `auto` takes it (`fastest` in the
//! engine). Nobody names these: its line in [`of_this_processor`]; [`in_steps`], where it takes more than sixteen rows at a time;
//! and in the tests the types that it has kernels for (`dtypes` in `tests/device.rs`). Where weights have to lie in another order
//! it takes a variant of [`super::panels::Format`], too, which the compiler follows through `panels.rs` and `vectors.rs`.

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
    with(amx::is_permitted(), dot_products::is_there())
}

/// The sets of a processor as wide as AVX-512 that has these units, or has them not.
#[cfg(target_arch = "x86_64")]
fn with(tiles: bool, dot_products: bool) -> Vec<super::instructions::Instructions> {
    use super::instructions::Instructions;
    let Some(level) = fearless_simd::Level::new().as_avx512().map(fearless_simd::Level::Avx512) else {
        return Vec::new();
    };
    let tiles = tiles.then_some(Instructions { name: "amx", level, bf16: Unit::Tiles });
    let dot_products = dot_products.then_some(Instructions { name: "avx512-bf16", level, bf16: Unit::DotProducts });
    tiles.into_iter().chain(dot_products).collect()
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
    /// What the unit reads of `x` for a product with these weights.
    ///
    /// # Panics
    /// Where rows of `x` are not as far apart as K is wide: the columns of a cut tensor are followed by what was cut off.
    pub fn new(context: &Context, x: &'a Tensor, panels: &Panels) -> Self {
        assert_eq!(x.stride, panels.depth, "rows of x are as wide as those of a weight");
        match panels.format {
            Format::F32 | Format::F16 => Self::F32(x.values()),
            Format::Bf16 | Format::Bf16x3 => match panels.unit {
                Unit::Vectors => Self::Rounded(vectors::round(context, x)),
                #[cfg(target_arch = "x86_64")]
                Unit::DotProducts | Unit::Tiles => {
                    let (high, low) = dot_products::split(context, x, panels.products().len() > 1);
                    Self::Pairs { high, low }
                }
            },
        }
    }
}

/// Some rows of an activation by one panel of a weight.
#[derive(Debug)]
pub(super) struct Work<'a> {
    pub panels: &'a Panels,
    /// Which panel.
    pub panel: usize,
    /// Which rows.
    pub rows: Range<usize>,
}

impl Work<'_> {
    /// Values of memory that [`multiply`] needs: the sums', and behind them a chunk of weights, widened.
    pub const fn memory(&self) -> usize {
        self.sums() + CHUNK * self.panels.width
    }

    /// Sums that a unit may write.
    const fn sums(&self) -> usize {
        in_steps(self.rows.end - self.rows.start) * self.panels.width
    }
}

/// Rows in whole steps of any unit: so many are there to be read, and their sums to be written, where `rows` count; what is in those
/// beyond is of no use. AMX takes sixteen at a time, the others any number.
pub(super) const fn in_steps(rows: usize) -> usize {
    rows.next_multiple_of(16)
}

/// x panel, in the beginning of `memory`, which has room for [`Work::memory`]. // (rows, width)
#[inline(always)]
pub(super) fn multiply<'a, S: Simd>(simd: S, inputs: &Inputs<'_>, work: &Work<'_>, memory: &'a mut [f32]) -> &'a [f32] {
    let (sums, space) = memory.split_at_mut(work.sums());
    let (rows, depth) = (&work.rows, work.panels.depth);
    let values = match inputs {
        Inputs::F32(values) => Some(*values),
        Inputs::Rounded(values) => Some(values.of()),
        #[cfg(target_arch = "x86_64")]
        Inputs::Pairs { high, low } => {
            let x = [high, low.as_ref().unwrap_or(high)].map(|part| &part.of::<u32>()[rows.start * depth / 2..]);
            match work.panels.unit {
                Unit::Vectors => unreachable!("vectors read no pairs"),
                Unit::DotProducts => dot_products::multiply(x, work, sums),
                Unit::Tiles => amx::multiply(x, work, sums),
            }
            None
        }
    };
    if let Some(values) = values {
        let x = Rows { values: &values[rows.start * depth..], stride: depth, count: rows.len() };
        vectors::multiply(simd, x, work, [&mut *sums, space]);
    }
    &sums[..rows.len() * work.panels.width]
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::with;

    /// A unit that is not there, or not permitted, is in no list.
    #[test]
    fn a_set_is_listed_where_its_unit_is() {
        let names = |tiles, dot_products| with(tiles, dot_products).iter().map(|set| set.name).collect::<Vec<_>>();
        assert!(names(false, false).is_empty());
        let wide = fearless_simd::Level::new().as_avx512().is_some();
        let expected: [&[&str]; 3] =
            if wide { [&["amx"], &["avx512-bf16"], &["amx", "avx512-bf16"]] } else { [&[], &[], &[]] };
        assert_eq!([names(true, false), names(false, true), names(true, true)], expected);
    }
}
