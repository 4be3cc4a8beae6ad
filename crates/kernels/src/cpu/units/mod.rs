//! What multiplies rows by a panel of weights: one file a unit of the processor.
//!
//! A further one is a file here and a variant of [`Unit`], and the compiler then names what lacks
//! its arm: what it reads of x ([`Inputs::new`]), what is called ([`multiply`]), and whether `auto` takes it (`fastest` in the
//! engine). Nobody names these: its line in [`of_this_processor`]; [`in_steps`], where it takes more than sixteen rows at a time;
//! and in the tests the types that it has kernels for (`dtypes` in `tests/device.rs`). Where weights have to lie in another order
//! it takes a variant of [`super::panels::Format`], too, which the compiler follows through `panels.rs` and `vectors.rs`.

#[cfg(target_arch = "x86_64")]
mod amx;
mod dot_products;
#[cfg(target_arch = "aarch64")]
mod i8mm;
mod int8;
#[cfg(target_arch = "x86_64")]
mod pairs;
mod vectors;

use std::ops::Range;

use fearless_simd::prelude::*;

use super::memory::Buffer;
use super::panels::{Format, Panels};
use super::product::CHUNK;
use super::{Context, Tensor};
use int8::Scaling;

#[cfg(target_arch = "x86_64")]
#[doc(hidden)]
pub use amx::assume as assume_amx;
use dot_products::Words;
#[cfg(target_arch = "aarch64")]
use dot_products::neon;
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
use dot_products::relaxed;
#[cfg(target_arch = "x86_64")]
use dot_products::x86::{avx_vnni, avx512_bf16, avx512_vnni};

/// What multiplies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Fused multiply-add on vectors of f32. What is stored in fewer bits is widened a chunk at a time, into cache.
    Vectors,
    /// AVX512-BF16: two products of bf16 added to each of 16 sums.
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16,
    /// AVX512-VNNI: four products of int8 added to each of 16 sums.
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni,
    /// AVX-VNNI: four products of int8 added to each of 8 sums.
    #[cfg(target_arch = "x86_64")]
    AvxVnni,
    /// AMX: tiles of 16 x 32 and 32 x 16 bf16, or of 16 x 64 and 64 x 16 int8, into one of 16 x 16 sums.
    #[cfg(target_arch = "x86_64")]
    Amx,
    /// Arm's `sdot`: four products of int8 added to each of 4 sums.
    #[cfg(target_arch = "aarch64")]
    Dotprod,
    /// Arm's `smmla`: 2 x 8 and 8 x 2 int8 into 2 x 2 sums.
    #[cfg(target_arch = "aarch64")]
    I8mm,
    /// wasm's relaxed dot product, where it is exact with bytes that have so much more than their integers.
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    Relaxed { bias: u8 },
}

impl Unit {
    /// How the words of x lie that it reads; nothing where it reads f32.
    const fn order(self) -> Option<Order> {
        match self {
            Self::Vectors => None,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16 | Self::Avx512Vnni | Self::AvxVnni => Some(Order::Rows),
            #[cfg(target_arch = "x86_64")]
            Self::Amx => Some(Order::Tiles),
            #[cfg(target_arch = "aarch64")]
            Self::Dotprod | Self::I8mm => Some(Order::Rows),
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Self::Relaxed { .. } => Some(Order::Rows),
        }
    }

    /// What a byte of x has more than its integer: x86's units multiply a byte by an int8.
    pub const fn bias(self) -> u8 {
        match self {
            Self::Vectors => 0,
            #[cfg(target_arch = "x86_64")]
            _ => 128,
            #[cfg(target_arch = "aarch64")]
            _ => 0,
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Self::Relaxed { bias } => bias,
        }
    }
}

/// How rows of words lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// One after another.
    #[cfg_attr(target_arch = "wasm32", allow(dead_code, reason = "without relaxed SIMD there are vectors alone"))]
    Rows,
    /// 16 rows together, 64 bytes of each, one after another: a tile.
    #[cfg(target_arch = "x86_64")]
    Tiles,
}

impl Order {
    /// Words of a step: 64 bytes.
    const WORDS: usize = 16;
    /// Rows that lie together.
    const ROWS: usize = 16;

    /// Where a step of a row begins, `row` and the place counted from the first of 16 rows of so many words.
    const fn place(self, row: usize, step: usize, words: usize) -> usize {
        match self {
            Self::Rows => row * words + step * Self::WORDS,
            #[cfg(target_arch = "x86_64")]
            Self::Tiles => (step * Self::ROWS + row) * Self::WORDS,
        }
    }
}

/// The sets of AVX-512 with units for bf16 or int8, and what AVX2 has with a unit for int8, the best first.
#[cfg(target_arch = "x86_64")]
pub(super) fn of_this_processor() -> Vec<super::instructions::Instructions> {
    let has = Has {
        tiles: amx::is_permitted(),
        bf16: avx512_bf16::is_there(),
        vnni: avx512_vnni::is_there(),
        avx_vnni: avx_vnni::is_there(),
    };
    has.sets()
}

/// What NEON has with units for int8, the best first.
#[cfg(target_arch = "aarch64")]
pub(super) fn of_this_processor() -> Vec<super::instructions::Instructions> {
    use super::instructions::Instructions;
    let level = fearless_simd::Level::new();
    let set = |name, int8| Instructions { name, level, bf16: Unit::Vectors, int8 };
    let i8mm = i8mm::is_there().then(|| set("i8mm", Unit::I8mm));
    let dotprod = neon::is_there().then(|| set("dotprod", Unit::Dotprod));
    i8mm.into_iter().chain(dotprod).collect()
}

/// What relaxed SIMD has where its dot products are exact.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn of_this_processor() -> Vec<super::instructions::Instructions> {
    #[cfg(target_feature = "relaxed-simd")]
    if let Some(bias) = relaxed::bias() {
        use super::instructions::Instructions;
        let level = fearless_simd::Level::new();
        return vec![Instructions { name: "relaxed-simd", level, bf16: Unit::Vectors, int8: Unit::Relaxed { bias } }];
    }
    Vec::new()
}

/// Which units a processor has.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy)]
struct Has {
    tiles: bool,
    bf16: bool,
    vnni: bool,
    avx_vnni: bool,
}

#[cfg(target_arch = "x86_64")]
impl Has {
    fn sets(self) -> Vec<super::instructions::Instructions> {
        use super::instructions::Instructions;
        let best = fearless_simd::Level::new();
        let int8 = if self.vnni { Unit::Avx512Vnni } else { Unit::Vectors };
        let wide = best.as_avx512().map(fearless_simd::Level::Avx512).into_iter().flat_map(|level| {
            let tiles = Instructions { name: "amx", level, bf16: Unit::Amx, int8: Unit::Amx };
            let dot_products = Instructions { name: "avx512-bf16", level, bf16: Unit::Avx512Bf16, int8 };
            let plain = Instructions { name: "avx512", level, bf16: Unit::Vectors, int8 };
            [self.tiles.then_some(tiles), self.bf16.then_some(dot_products), Some(plain)]
        });
        let narrow = best.as_avx2().map(fearless_simd::Level::Avx2).filter(|_| self.avx_vnni);
        let narrow =
            narrow.map(|level| Instructions { name: "avx-vnni", level, bf16: Unit::Vectors, int8: Unit::AvxVnni });
        wide.flatten().chain(narrow).collect()
    }
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
    /// Integers, rotated, and a scale for each row: f32 for vectors, else four neighbouring k a word.
    Int8 { integers: Buffer, scales: Buffer },
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
            Format::Bf16 | Format::Bf16x3 => match panels.unit.order() {
                None => Self::Rounded(vectors::round(context, x)),
                #[cfg(target_arch = "x86_64")]
                Some(order) => {
                    let (high, low) = pairs::split(context, x, order, panels.products().len() > 1);
                    Self::Pairs { high, low }
                }
                #[cfg(not(target_arch = "x86_64"))]
                Some(_) => unreachable!("no unit for bf16"),
            },
            Format::Int8 => {
                let [integers, scales] = int8::round(context, x, &panels.flips, panels.unit);
                Self::Int8 { integers, scales }
            }
        }
    }
}

impl Inputs<'_> {
    /// Bytes that a unit reads.
    pub fn bytes(&self) -> usize {
        match self {
            Self::F32(values) => size_of_val(*values),
            Self::Rounded(buffer) | Self::Int8 { integers: buffer, .. } => size_of_val(buffer.of::<u8>()),
            #[cfg(target_arch = "x86_64")]
            Self::Pairs { high, low } => {
                let bytes = |buffer: &Buffer| size_of_val(buffer.of::<u8>());
                bytes(high) + low.as_ref().map_or(0, bytes)
            }
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
    rows.next_multiple_of(Order::ROWS)
}

/// x panel, as a unit leaves it. // (rows, width)
#[derive(Debug)]
pub(super) struct Sums<'a> {
    values: &'a [f32],
    width: usize,
    /// What they stand for, where they are sums of integers.
    scaling: Option<Scaling<'a>>,
}

impl Sums<'_> {
    /// A row of x panel.
    #[inline(always)]
    pub fn row<S: Simd, const VECTORS: usize>(&self, simd: S, row: usize) -> [S::f32s; VECTORS] {
        let lanes = S::f32s::LEN;
        let values = &self.values[row * self.width..][..VECTORS * lanes];
        let mut sums = [S::f32s::splat(simd, 0.0); VECTORS];
        for vector in 0..VECTORS {
            sums[vector] = S::f32s::from_slice(simd, &values[vector * lanes..][..lanes]);
            if let Some(scaling) = &self.scaling {
                sums[vector] = scaling.apply(simd, sums[vector], row, vector * lanes);
            }
        }
        sums
    }
}

/// x panel, in the beginning of `memory`, which has room for [`Work::memory`].
#[inline(always)]
pub(super) fn multiply<'a, S: Simd>(
    simd: S,
    inputs: &'a Inputs<'_>,
    work: &Work<'a>,
    memory: &'a mut [f32],
) -> Sums<'a> {
    let (sums, space) = memory.split_at_mut(work.sums());
    let mut scaling = None;
    match inputs {
        Inputs::F32(values) => vectors::multiply(simd, values, work, [&mut *sums, space]),
        Inputs::Rounded(values) => vectors::multiply(simd, values.of(), work, [&mut *sums, space]),
        #[cfg(target_arch = "x86_64")]
        Inputs::Pairs { high, low } => {
            let (x, weights) = ([high, low.as_ref().unwrap_or(high)], work.panels.pairs(work.panel));
            for (index, &(x_part, weight_part)) in work.panels.products().iter().enumerate() {
                by_words(x[x_part], work, weights[weight_part], bytemuck::cast_slice_mut(sums), index > 0);
            }
        }
        Inputs::Int8 { integers, scales } => {
            let panel = work.panels.int8(work.panel);
            let are_integers = work.panels.unit != Unit::Vectors;
            scaling = Some(Scaling { rows: &scales.of()[work.rows.clone()], panel, are_integers });
            if are_integers {
                by_words(integers, work, panel.words, bytemuck::cast_slice_mut(sums), false);
            } else {
                vectors::multiply(simd, integers.of(), work, [&mut *sums, space]);
            }
        }
    }
    Sums { values: sums, width: work.panels.width, scaling }
}

/// sums = x panel, or sums += x panel where `add` is set, in words as the unit has them. // (rows, width)
#[cfg_attr(
    all(target_arch = "wasm32", not(target_feature = "relaxed-simd")),
    expect(unused_variables, reason = "there vectors are all there is")
)]
fn by_words(x: &Buffer, work: &Work<'_>, panel: &[u32], sums: &mut [u32], add: bool) {
    let (words, count) = (panel.len() / work.panels.width, work.rows.len());
    let x = Words { words: &x.of()[work.rows.start * words..], stride: words, count };
    match work.panels.unit {
        Unit::Vectors => unreachable!("vectors read no words"),
        #[cfg(target_arch = "x86_64")]
        Unit::Avx512Bf16 => avx512_bf16::multiply(x, panel, sums, add),
        #[cfg(target_arch = "x86_64")]
        Unit::Avx512Vnni => avx512_vnni::multiply(x, panel, sums, add),
        #[cfg(target_arch = "x86_64")]
        Unit::AvxVnni => avx_vnni::multiply(x, panel, sums, add),
        #[cfg(target_arch = "x86_64")]
        Unit::Amx if work.panels.format == Format::Int8 => amx::multiply::<true>(x, panel, sums, add),
        #[cfg(target_arch = "x86_64")]
        Unit::Amx => amx::multiply::<false>(x, panel, sums, add),
        #[cfg(target_arch = "aarch64")]
        Unit::Dotprod => neon::multiply(x, panel, sums, add),
        #[cfg(target_arch = "aarch64")]
        Unit::I8mm => i8mm::multiply(x, panel, sums, add),
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        Unit::Relaxed { .. } => relaxed::multiply(x, panel, sums, add),
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::Has;

    /// A unit that is not there, or not permitted, is in no list.
    #[test]
    fn a_set_is_listed_where_its_unit_is() {
        let names = |tiles, bf16, avx_vnni| {
            Has { tiles, bf16, vnni: true, avx_vnni }.sets().iter().map(|set| set.name).collect::<Vec<_>>()
        };
        let level = fearless_simd::Level::new();
        let (wide, narrow) = (level.as_avx512().is_some(), level.as_avx2().is_some());
        let expected = |sets: &[&'static str]| {
            let there = |set: &&&str| if **set == "avx-vnni" { narrow } else { wide };
            sets.iter().filter(there).copied().collect::<Vec<_>>()
        };
        assert_eq!(names(false, false, false), expected(&["avx512"]));
        assert_eq!(names(true, false, false), expected(&["amx", "avx512"]));
        assert_eq!(names(false, true, true), expected(&["avx512-bf16", "avx512", "avx-vnni"]));
        assert_eq!(names(true, true, true), expected(&["amx", "avx512-bf16", "avx512", "avx-vnni"]));
    }
}
