//! The weight of a linear layer, packed as the units read it.
//!
//! A panel holds `width` columns of the product, rows of the weight as a checkpoint stores it: k by k, so that one row of x
//! and one k meet `width` weights side by side. In bf16 two neighbouring k lie in one word, the order of `vdpbf16ps` and
//! of AMX's tiles, in int8 four; in bf16x3 a panel's rounded numbers come first, and behind them what that leaves; in int8 its columns'
//! scales come last, and what a unit's bias of x makes its sums too large by. K is padded with zeros to a
//! multiple of 64, the last panel to its width.

use std::sync::Mutex;

use fearless_simd::{dispatch, prelude::*};
use half::slice::HalfFloatSliceExt as _;

use super::Context;
use super::halves::widen_f16;
use super::memory::Memory;
use super::product::with_workspace;
use super::units::Unit;
use crate::error::Kind;
use crate::int8::{self, LARGEST_WEIGHT, MOST_COLUMNS, is_flipped};
use crate::{Dtype, Error, Piece, Rows, Stored, padded};

/// How weights are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    F32,
    F16,
    Bf16,
    /// bf16, and beside it what that rounding leaves, in bf16.
    Bf16x3,
    /// Rotated rows, rounded to int8, and a scale for each.
    Int8,
}

/// A weight (M, K).
#[derive(Debug)]
pub struct Panels {
    /// What it was loaded from.
    pub(super) name: String,
    pub(super) format: Format,
    pub(super) unit: Unit,
    /// M.
    pub(super) outputs: usize,
    /// K, padded.
    pub(super) depth: usize,
    /// Columns of a panel.
    pub(super) width: usize,
    /// In int8: what each k is multiplied by before the rotation, 1 or -1.
    pub(super) flips: Vec<f32>,
    memory: Memory,
}

/// A panel in int8.
#[derive(Debug, Clone, Copy)]
pub(super) struct Int8<'a> {
    /// Four k a word. // (K / 4, width)
    pub words: &'a [u32],
    /// What each column's integers stand for. // (width)
    pub scales: &'a [f32],
    /// 128 times the sum of each column's integers. // (width)
    pub offsets: &'a [i32],
}

impl Format {
    /// What an engine of this type holds a weight in. f16 is f32 as long as nobody rounds: what a file stores in half the bits stays so.
    fn of(dtype: Dtype, stored: Option<Stored>) -> Self {
        match (dtype, stored) {
            (Dtype::F16, _) | (Dtype::F32, Some(Stored::F16)) => Self::F16,
            (Dtype::F32, _) => Self::F32,
            (Dtype::Bf16, _) => Self::Bf16,
            (Dtype::Bf16x3, _) => Self::Bf16x3,
            (Dtype::Int8, _) => Self::Int8,
        }
    }

    /// Bytes of a panel.
    const fn bytes(self, depth: usize, width: usize) -> usize {
        let weights = depth.saturating_mul(width);
        match self {
            Self::F32 | Self::Bf16x3 => weights.saturating_mul(4),
            Self::F16 | Self::Bf16 => weights.saturating_mul(2),
            Self::Int8 => weights.saturating_add(8 * width),
        }
    }
}

impl Panels {
    /// Packs the rows that `source` yields.
    pub(super) async fn load<R: Rows>(context: &Context, mut source: R) -> Result<Self, R::Error> {
        let name = source.name().to_owned();
        let (outputs, columns) = (source.rows(), source.columns());
        let (width, depth) = (context.panel_width, padded(columns));
        let format = Format::of(context.dtype, source.stored());
        if format == Format::Int8 && depth > MOST_COLUMNS {
            return Err(
                Error::from(Kind::TooWide { name, columns, most: MOST_COLUMNS, dtype: context.dtype.name() }).into()
            );
        }
        let bytes = format.bytes(depth, width).saturating_mul(outputs.div_ceil(width));
        let (unit, flips) = match format {
            Format::F32 | Format::F16 => (Unit::Vectors, Vec::new()),
            Format::Bf16 | Format::Bf16x3 => (context.instructions.bf16, Vec::new()),
            Format::Int8 => {
                let flips = (0..depth).map(|column| if is_flipped(column) { -1.0 } else { 1.0 }).collect();
                (context.instructions.int8, flips)
            }
        };
        let mut panels = Self {
            memory: Memory::zeroed(&name, bytes)?,
            name: name.clone(),
            format,
            unit,
            outputs,
            depth,
            width,
            flips,
        };
        let mut first = 0;
        while let Some(piece) = source.next().await? {
            first += panels.pack(context, &Source { name: &name, columns }, first, piece)?;
        }
        assert_eq!(first, outputs, "a source yields as many rows as it says");
        Ok(panels)
    }

    /// Packs whole rows of a file, the first of which is `first`; gives their number.
    fn pack(&mut self, context: &Context, source: &Source<'_>, first: usize, piece: Piece<'_>) -> Result<usize, Error> {
        let &Source { name, columns } = source;
        let row_bytes = columns * piece.stored.bytes();
        let Some(count) = piece.bytes.len().checked_div(row_bytes) else {
            // Rows without columns have no bytes to count them by: they are all there.
            return Ok(self.outputs);
        };
        let (format, depth, width) = (self.format, self.depth, self.width);
        let panel_words = format.bytes(depth, width) / 4;
        let panels = self.memory.of_mut::<u32>().chunks_exact_mut(panel_words).enumerate();
        let panels = panels.skip(first / width).take((first + count).div_ceil(width) - first / width);
        let failed: Mutex<Option<(usize, usize, f32)>> = Mutex::new(None);
        let bias = self.unit.bias();
        context.threads.each(panels, |(index, panel)| {
            let rows = (index * width).max(first)..((index + 1) * width).min(first + count);
            let bytes = &piece.bytes[(rows.start - first) * row_bytes..(rows.end - first) * row_bytes];
            with_workspace(rows.len() * columns, |values| {
                dispatch!(context.instructions.level, simd => widen(simd, bytes, piece.stored, values));
                if let Some((at, value)) = unholdable(values, format) {
                    let (row, column) = (rows.start + at / columns, at % columns);
                    let mut failed = failed.lock().expect("nobody panics here");
                    if failed.as_ref().is_none_or(|&(other, ..)| row < other) {
                        *failed = Some((row, column, value));
                    }
                }
                let place = Place { columns, rows: rows.len(), column: rows.start % width, width };
                match format {
                    Format::F32 => place.put(values, bytemuck::cast_slice_mut(panel)),
                    Format::F16 => {
                        let mut rounded = vec![half::f16::ZERO; values.len()];
                        rounded.convert_from_f32_slice(values);
                        place.put(&rounded, bytemuck::cast_slice_mut(panel));
                    }
                    Format::Bf16 => place.put_pairs(&to_bf16(values), panel),
                    Format::Bf16x3 => {
                        let (high, low) = panel.split_at_mut(depth / 2 * width);
                        let rounded = to_bf16(values);
                        place.put_pairs(&rounded, high);
                        for (value, rounded) in values.iter_mut().zip(rounded) {
                            *value -= rounded.to_f32();
                        }
                        place.put_pairs(&to_bf16(values), low);
                    }
                    Format::Int8 => place.put_int8(values, panel, depth, bias),
                }
            });
        });
        match failed.into_inner().expect("nobody panicked") {
            Some((row, column, value)) => {
                Err(Kind::Unholdable { name: name.to_owned(), value, row, column, dtype: context.dtype.name() }.into())
            }
            None => Ok(count),
        }
    }

    /// A panel's numbers.
    pub(super) fn values<T: bytemuck::Pod>(&self, panel: usize) -> &[T] {
        let length = self.format.bytes(self.depth, self.width) / size_of::<T>();
        &self.memory.of()[panel * length..][..length]
    }

    /// A panel's numbers and those of all that come after it.
    pub(super) fn from<T: bytemuck::Pod>(&self, panel: usize) -> &[T] {
        let length = self.format.bytes(self.depth, self.width) / size_of::<T>();
        &self.memory.of()[panel * length..]
    }

    /// A panel's pairs of bf16: the rounded numbers, and where there are three products what that leaves. // (K / 2, width)
    #[cfg(target_arch = "x86_64")]
    pub(super) fn pairs(&self, panel: usize) -> [&[u32]; 2] {
        self.values(panel).split_at(self.depth / 2 * self.width).into()
    }

    /// A panel in int8.
    pub(super) fn int8(&self, panel: usize) -> Int8<'_> {
        let (words, rest) = self.values::<u32>(panel).split_at(self.depth / 4 * self.width);
        let (scales, offsets) = rest.split_at(self.width);
        Int8 { words, scales: bytemuck::cast_slice(scales), offsets: bytemuck::cast_slice(offsets) }
    }

    /// The products of bf16 that are added: which part of x by which part of the weights, 0 being the rounded numbers, 1 what that
    /// leaves. The product of both rests is left out: it is below 2^-18 of the whole, and what two bf16 leave of an f32 is as much.
    #[cfg(target_arch = "x86_64")]
    pub(super) const fn products(&self) -> &'static [(usize, usize)] {
        match self.format {
            Format::F32 | Format::F16 | Format::Int8 => &[],
            Format::Bf16 => &[(0, 0)],
            Format::Bf16x3 => &[(0, 0), (0, 1), (1, 0)],
        }
    }
}

/// What a weight comes from.
struct Source<'a> {
    name: &'a str,
    /// Numbers of a row.
    columns: usize,
}

/// Where some rows of a weight come to lie in a panel.
struct Place {
    /// Numbers of a row.
    columns: usize,
    rows: usize,
    /// The panel's column for the first row.
    column: usize,
    width: usize,
}

impl Place {
    /// Each row becomes a column.
    fn put<T: Copy>(&self, rows: &[T], panel: &mut [T]) {
        for (k, panel) in panel.chunks_exact_mut(self.width).take(self.columns).enumerate() {
            for (row, place) in panel[self.column..][..self.rows].iter_mut().enumerate() {
                *place = rows[row * self.columns + k];
            }
        }
    }

    /// The same with two neighbours of a row in a word.
    fn put_pairs(&self, rows: &[half::bf16], panel: &mut [u32]) {
        for (pair, panel) in panel.chunks_exact_mut(self.width).take(self.columns.div_ceil(2)).enumerate() {
            for (row, place) in panel[self.column..][..self.rows].iter_mut().enumerate() {
                let row = &rows[row * self.columns..][..self.columns];
                let bits = |k: usize| row.get(k).map_or(0, |half| u32::from(half.to_bits()));
                *place = bits(2 * pair) | (bits(2 * pair + 1) << 16);
            }
        }
    }

    /// The same with four, of rows that are rotated and rounded first, and behind them their scales and what the
    /// unit's bias times each sums up to.
    fn put_int8(&self, rows: &[f32], panel: &mut [u32], depth: usize, bias: u8) {
        let (words, rest) = panel.split_at_mut(depth / 4 * self.width);
        let (scales, offsets) = rest.split_at_mut(self.width);
        let (mut values, mut integers) = (vec![0.0; depth], vec![0; depth]);
        for (row, column) in rows.chunks_exact(self.columns).zip(self.column..) {
            values[..self.columns].copy_from_slice(row);
            values[self.columns..].fill(0.0);
            int8::rotate(&mut values);
            scales[column] = int8::round(&values, &mut integers).to_bits();
            let sum: i32 = integers.iter().map(|&integer| i32::from(integer)).sum();
            offsets[column] = (i32::from(bias) * sum).cast_unsigned();
            for (four, words) in integers.as_chunks().0.iter().zip(words.chunks_exact_mut(self.width)) {
                words[column] = u32::from_le_bytes(four.map(i8::cast_unsigned));
            }
        }
    }
}

fn to_bf16(values: &[f32]) -> Vec<half::bf16> {
    let mut rounded = vec![half::bf16::ZERO; values.len()];
    rounded.convert_from_f32_slice(values);
    rounded
}

/// A file's numbers as f32.
#[inline(always)]
pub(super) fn widen<S: Simd>(simd: S, bytes: &[u8], stored: Stored, values: &mut [f32]) {
    match stored {
        Stored::F32 => {
            for (value, bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
                *value = f32::from_le_bytes(*bytes);
            }
        }
        Stored::Bf16 => {
            for (value, &[low, high]) in values.iter_mut().zip(bytes.as_chunks().0) {
                *value = f32::from_le_bytes([0, 0, low, high]);
            }
        }
        Stored::F16 => {
            let one_by_one = |values: &mut [f32]| {
                for (value, &bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
                    *value = half::f16::from_le_bytes(bytes).to_f32();
                }
            };
            match bytemuck::try_cast_slice::<u8, u16>(bytes) {
                Ok(halves) if halves.iter().all(|half| half & 0x7c00 != 0x7c00) => widen_f16(simd, halves, values),
                // A file may begin anywhere; and what is infinite or NaN is to be found as such.
                _ => one_by_one(values),
            }
        }
    }
}

/// The first number that this format would make infinite, or that is infinite or NaN, and where it stands.
fn unholdable(values: &[f32], format: Format) -> Option<(usize, f32)> {
    let largest = match format {
        Format::F32 => f32::MAX,
        // From halfway to the next power of two on, numbers are rounded to infinity.
        Format::F16 => f32::from_bits(65520f32.to_bits() - 1),
        Format::Bf16 | Format::Bf16x3 => f32::from_bits(0x7f7f_7fff),
        Format::Int8 => LARGEST_WEIGHT,
    };
    let holds = |value: &f32| value.abs() <= largest;
    values.iter().position(|value| !holds(value)).map(|at| (at, values[at]))
}
