//! A matrix cut into tiles that different threads may write at the same time.
#![expect(unsafe_code, reason = "tiles of one slice interleave in memory, which `split_at_mut` cannot say")]

use std::marker::PhantomData;
use std::ops::Range;

/// Some columns of some rows of a matrix, nobody else's.
#[derive(Debug)]
pub(super) struct Tile<'a> {
    start: *mut f32,
    stride: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    matrix: PhantomData<&'a mut [f32]>,
}

// SAFETY: a tile is as good as a `&mut [f32]`, which is Send.
unsafe impl Send for Tile<'_> {}

impl Tile<'_> {
    /// Which rows of the matrix.
    pub fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }

    /// Which columns.
    pub fn columns(&self) -> Range<usize> {
        self.columns.clone()
    }

    /// The tile's columns of the matrix's row `row`.
    ///
    /// # Panics
    /// Where the row is none of the tile's.
    pub fn row(&mut self, row: usize) -> &mut [f32] {
        assert!(self.rows.contains(&row), "row {row} is none of {:?}", self.rows);
        // SAFETY: `cut` made sure that the row lies in the matrix, which is borrowed for the tile's life, and that no other
        // tile has these columns of it; the borrow of `self` keeps the tile's own rows apart.
        unsafe {
            let first = self.start.add(row * self.stride + self.columns.start);
            std::slice::from_raw_parts_mut(first, self.columns.len())
        }
    }
}

/// Cuts the matrix `values`, rows of `stride`, at these rows and columns: a tile for each pair, rows before columns.
///
/// # Panics
/// Where ranges overlap, do not ascend or do not lie in the matrix.
pub(super) fn cut<'a>(
    values: &'a mut [f32],
    stride: usize,
    rows: &'a [Range<usize>],
    columns: &'a [Range<usize>],
) -> impl Iterator<Item = Tile<'a>> + Send {
    assert!(ascend(rows, values.len() / stride), "rows {rows:?} of {} in {stride} columns", values.len());
    assert!(ascend(columns, stride), "columns {columns:?} of {stride}");
    let cuts = Cuts { start: values.as_mut_ptr(), stride, rows, columns, matrix: PhantomData };
    // SAFETY: ranges were looked at above; each index comes once.
    (0..rows.len() * columns.len()).map(move |index| unsafe { cuts.tile(index) })
}

fn ascend(ranges: &[Range<usize>], end: usize) -> bool {
    let mut least = 0;
    ranges.iter().all(|range| {
        let follows = range.start >= least && range.end >= range.start;
        least = range.end;
        follows
    }) && least <= end
}

/// A matrix that is borrowed to be cut, and where.
struct Cuts<'a> {
    start: *mut f32,
    stride: usize,
    rows: &'a [Range<usize>],
    columns: &'a [Range<usize>],
    matrix: PhantomData<&'a mut [f32]>,
}

// SAFETY: it is as good as a `&mut [f32]`, which is Send.
unsafe impl Send for Cuts<'_> {}

impl<'a> Cuts<'a> {
    /// One of the tiles, rows before columns.
    ///
    /// # Safety
    /// Ranges ascend and lie in the matrix, and each index is asked for at most once.
    unsafe fn tile(&self, index: usize) -> Tile<'a> {
        let (row, column) = (index / self.columns.len(), index % self.columns.len());
        Tile {
            start: self.start,
            stride: self.stride,
            rows: self.rows[row].clone(),
            columns: self.columns[column].clone(),
            matrix: PhantomData,
        }
    }
}

/// 0 .. `end` in ranges of `step`, the last one as long as it gets.
pub(super) fn ranges(end: usize, step: usize) -> Vec<Range<usize>> {
    (0..end).step_by(step).map(|first| first..(first + step).min(end)).collect()
}

#[cfg(test)]
mod tests {
    use super::{cut, ranges};

    #[test]
    fn every_value_is_in_one_tile() {
        let mut values = vec![0.0; 7 * 12];
        let (rows, columns) = (ranges(7, 3), ranges(12, 5));
        for (index, mut tile) in cut(&mut values, 12, &rows, &columns).enumerate() {
            for row in tile.rows() {
                tile.row(row).iter_mut().for_each(|value| *value += 1.0 + index as f32);
            }
        }
        let of = |row: usize, column: usize| (row / 3 * 3 + column / 5) as f32 + 1.0;
        assert!(values.iter().enumerate().all(|(at, &value)| value == of(at / 12, at % 12)), "{values:?}");
    }

    #[test]
    #[should_panic(expected = "rows [0..3, 2..4]")]
    fn ranges_that_overlap_are_refused() {
        cut(&mut [0.0; 8], 2, &[0..3, 2..4], &ranges(2, 2)).for_each(drop);
    }

    #[test]
    #[should_panic(expected = "row 3 is none")]
    fn another_tiles_rows_are_refused() {
        let (mut values, rows, columns) = ([0.0; 8], ranges(4, 2), ranges(2, 2));
        cut(&mut values, 2, &rows, &columns).next().expect("there are two").row(3);
    }
}
