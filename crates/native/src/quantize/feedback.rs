//! Weights rounded one column after another, each making up for what the ones before it were off, as far as the inputs allow.
//!
//! What rounding W to Q costs a layer with inputs x is the mean of |(W - Q) x|^2 = tr (W - Q) H (W - Q)^T, H = mean x x^T. With
//! H = (I + U) D (I + U)^T, U strictly upper triangular, the best that can be done column by column is to round
//! w_k + sum_{j < k} (w_j - q_j) U_jk. Where inputs have directions that most of them share, as they have after a few layers, it takes
//! the error out of these.
//!
//! Source: Frantar et al., GPTQ, 2022, <https://arxiv.org/abs/2210.17323>; in this form Chee et al., QuIP, 2023,
//! <https://arxiv.org/abs/2307.13304>, section 3.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::thread;

use wembed_kernels::int8;

/// Added to H's diagonal, as a share of its mean: inputs that a few hundred tokens do not have may still come.
const DAMPING: f64 = 0.01;

/// Columns that are eliminated together, and rows that are rounded together.
const BLOCK: usize = 64;
const ROWS: usize = 16;

/// What is made up for, for inputs of so many columns: U_jk at `[k * columns + j]`.
pub struct Feedback {
    columns: usize,
    upper: Vec<f32>,
}

/// Rows of int8, rotated, and what they are times.
pub struct Rounded {
    pub integers: Vec<i8>,
    pub scales: Vec<f32>,
}

impl Feedback {
    /// For inputs like these: rows of `columns`, rotated.
    pub fn of(inputs: &[f32], columns: usize) -> Self {
        let mut factor = reversed_moments(inputs, columns);
        cholesky(&mut factor, columns);
        let mut upper = vec![0.0; columns * columns];
        // The reversed matrix's factor L is (I + U) sqrt D, reversed.
        let last = columns - 1;
        in_parallel(&mut upper, columns, |k, row| {
            let diagonal = factor[(last - k) * columns + last - k];
            for (j, value) in row[..k].iter_mut().enumerate() {
                *value = (factor[(last - j) * columns + last - k] / diagonal) as f32;
            }
        });
        Self { columns, upper }
    }

    /// Rounds rows of a weight, rotated, to int8. A row's scale is what [`int8::round`] would take, and its largest number stays 127, so
    /// that the scale is found in it again.
    pub fn round(&self, rows: &[f32]) -> Rounded {
        let columns = self.columns;
        let count = rows.len() / columns;
        // An element a row: its scale and its integers.
        let mut rounded = vec![(0.0, Vec::new()); count.next_multiple_of(ROWS)];
        in_parallel(&mut rounded, ROWS, |group, rounded| {
            let first = group * ROWS;
            let there = &rows[first * columns..(first + ROWS).min(count) * columns];
            self.round_group(there, rounded);
        });
        rounded.truncate(count);
        let scales = rounded.iter().map(|(scale, _)| *scale).collect();
        Rounded { integers: rounded.into_iter().flat_map(|(_, integers)| integers).collect(), scales }
    }

    fn round_group(&self, rows: &[f32], rounded: &mut [(f32, Vec<i8>)]) {
        let columns = self.columns;
        let (mut scales, mut largest) = ([1.0; ROWS], [0; ROWS]);
        for (row, (values, rounded)) in rows.chunks_exact(columns).zip(rounded.iter_mut()).enumerate() {
            let mut integers = vec![0; columns];
            scales[row] = int8::round(values, &mut integers);
            largest[row] = integers.iter().position(|integer| integer.abs() == 127).unwrap_or(columns);
            *rounded = (scales[row], integers);
        }
        // Columns of as many rows side by side.
        let mut off = vec![[0f32; ROWS]; columns];
        for k in 0..columns {
            let mut made_up = [0f32; ROWS];
            for (off, upper) in off[..k].iter().zip(&self.upper[k * columns..]) {
                for (made_up, off) in made_up.iter_mut().zip(off) {
                    *made_up += off * upper;
                }
            }
            for (row, values) in rows.chunks_exact(columns).enumerate() {
                let integers = &mut rounded[row].1;
                if k != largest[row] {
                    integers[k] = ((values[k] + made_up[row]) / scales[row]).round().clamp(-127.0, 127.0) as i8;
                }
                off[k][row] = values[k] - f32::from(integers[k]) * scales[row];
            }
        }
    }
}

/// The lower triangle of H, damped, with its rows and columns in reverse.
fn reversed_moments(inputs: &[f32], columns: usize) -> Vec<f64> {
    let count = inputs.len() / columns;
    // One column after another, so that a product of two is one of neighbours.
    let mut by_column = vec![0.0; inputs.len()];
    in_parallel(&mut by_column, count.max(1), |place, column| {
        for (row, value) in column.iter_mut().enumerate() {
            *value = inputs[row * columns + columns - 1 - place];
        }
    });
    let column = |place: usize| &by_column[place * count..(place + 1) * count];
    let mut moments = vec![0.0; columns * columns];
    in_parallel(&mut moments, columns, |row, moments| {
        for (other, moment) in moments[..=row].iter_mut().enumerate() {
            *moment = dot(column(row), column(other)) / count.max(1) as f64;
        }
    });
    let mean = (0..columns).map(|at| moments[at * columns + at]).sum::<f64>() / columns as f64;
    for at in 0..columns {
        moments[at * columns + at] += DAMPING * mean.max(f64::from(f32::MIN_POSITIVE));
    }
    moments
}

/// The lower triangle of a positive matrix becomes L, L L^T being that matrix. (Golub and Van Loan, Matrix Computations, 4.2.)
fn cholesky(matrix: &mut [f64], columns: usize) {
    for first in (0..columns).step_by(BLOCK) {
        let end = (first + BLOCK).min(columns);
        // The block's own rows, then those below, each by what is left of the block.
        for row in first..end {
            let (above, rest) = matrix.split_at_mut(row * columns);
            eliminate(&mut rest[..columns], first..row, |other| &above[other * columns..]);
            let square: f64 = rest[..row].iter().map(|value| value * value).sum();
            rest[row] = (rest[row] - square).max(f64::MIN_POSITIVE).sqrt();
        }
        let (above, below) = matrix.split_at_mut(end * columns);
        in_parallel(below, columns, |_, row| eliminate(row, first..end, |other| &above[other * columns..]));
    }
}

/// Columns `range` of a row of L, from those before them and the rows of these columns.
fn eliminate<'a>(row: &mut [f64], range: Range<usize>, other: impl Fn(usize) -> &'a [f64]) {
    for column in range {
        let pivot = other(column);
        row[column] = (row[column] - dot(&row[..column], &pivot[..column])) / pivot[column];
    }
}

/// The sum of products, in eight sums side by side.
fn dot<T: Copy + Into<f64>>(first: &[T], second: &[T]) -> f64 {
    let ((first, first_rest), (second, second_rest)) = (first.as_chunks::<8>(), second.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (first, second) in first.iter().zip(second) {
        for (sum, (first, second)) in sums.iter_mut().zip(first.iter().zip(second)) {
            *sum += (*first).into() * (*second).into();
        }
    }
    let rest = first_rest.iter().zip(second_rest).map(|(&first, &second)| first.into() * second.into()).sum::<f64>();
    sums.iter().sum::<f64>() + rest
}

/// Does `work` on each piece of so many values, on all threads, pieces dealt out one by one.
fn in_parallel<T: Send>(values: &mut [T], piece: usize, work: impl Fn(usize, &mut [T]) + Sync) {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut dealt: Vec<Vec<_>> = (0..threads).map(|_| Vec::new()).collect();
    for (index, piece) in values.chunks_mut(piece).enumerate() {
        dealt[index % threads].push((index, piece));
    }
    thread::scope(|scope| {
        for pieces in dealt {
            scope.spawn(|| pieces.into_iter().for_each(|(index, piece)| work(index, piece)));
        }
    });
}

#[cfg(test)]
mod tests {
    use wembed_kernels::int8;

    use super::{Feedback, cholesky};

    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        (0..count).map(|_| next() + next() + next()).collect()
    }

    /// L L^T is the matrix, over the edges of a block.
    #[test]
    fn a_factor_times_itself_is_the_matrix() {
        for columns in [1, 63, 64, 65, 130] {
            let root: Vec<f64> = numbers(columns * columns, 3).into_iter().map(f64::from).collect();
            let row = |matrix: &[f64], at: usize| matrix[at * columns..(at + 1) * columns].to_vec();
            let times = |one: &[f64], other: &[f64]| one.iter().zip(other).map(|(one, other)| one * other).sum::<f64>();
            let mut matrix = vec![0.0; columns * columns];
            for at in 0..columns {
                for other in 0..=at {
                    let diagonal = if at == other { 1.0 } else { 0.0 };
                    matrix[at * columns + other] = times(&row(&root, at), &row(&root, other)) + diagonal;
                }
            }
            let mut factor = matrix.clone();
            cholesky(&mut factor, columns);
            for at in 0..columns {
                for other in 0..=at {
                    let (one, two) = (row(&factor, at), row(&factor, other));
                    let found = times(&one[..=other], &two[..=other]);
                    assert!((found - matrix[at * columns + other]).abs() < 1e-9, "{columns}: {at}, {other}");
                }
            }
        }
    }

    /// On inputs that share a direction the error is a tenth of that of rounding to the nearest, on others no larger.
    #[test]
    fn what_inputs_share_is_made_up_for() {
        let (columns, rows, count) = (128, 37, 200);
        for (shared, factor) in [(3.0, 0.1), (0.0, 1.0)] {
            let direction = numbers(columns, 5);
            let mut inputs = numbers(count * columns, 6);
            for row in inputs.chunks_exact_mut(columns) {
                row.iter_mut()
                    .zip(&direction)
                    .for_each(|(value, shared_by)| *value = 0.2 * *value + shared * shared_by);
            }
            let weights = numbers(rows * columns, 7);
            let rounded = Feedback::of(&inputs, columns).round(&weights);
            let mut nearest = vec![0; rows * columns];
            let scales: Vec<f32> = weights
                .chunks_exact(columns)
                .zip(nearest.chunks_exact_mut(columns))
                .map(|(row, integers)| int8::round(row, integers))
                .collect();
            assert_eq!(rounded.scales, scales, "scales are those of the nearest");
            let error = |integers: &[i8]| {
                let mut sum = 0.0;
                for input in inputs.chunks_exact(columns) {
                    for ((row, integers), scale) in
                        weights.chunks_exact(columns).zip(integers.chunks_exact(columns)).zip(&scales)
                    {
                        let off = row.iter().zip(integers).zip(input).map(|((weight, &integer), input)| {
                            f64::from((weight - f32::from(integer) * scale) * input)
                        });
                        sum += off.sum::<f64>().powi(2);
                    }
                }
                sum
            };
            let (found, plain) = (error(&rounded.integers), error(&nearest));
            assert!(found <= factor * plain, "{found} beside {plain}");
            // The scale is found again in what was written.
            for ((integers, scale), _) in rounded.integers.chunks_exact(columns).zip(&scales).zip(0..) {
                let row: Vec<f32> = integers.iter().map(|&integer| f32::from(integer) * scale).collect();
                let mut again = vec![0; columns];
                assert_eq!((int8::round(&row, &mut again), &again[..]), (*scale, integers));
            }
        }
    }
}
