//! What an engine multiplies in int8, from the definition: rotated rows, and integers times a scale. Written apart from the kernels,
//! with the same order of additions, for a number that lies between two integers is rounded either way by its last bit.

use half::bf16;
use wembed_kernels::padded;

/// 2^-119.
const LEAST: f32 = f32::from_bits(0x0400_0000);

/// Rows of x as an int8 engine multiplies them, each padded.
pub fn inputs(x: &[f32], columns: usize) -> Vec<f32> {
    rows(x, columns, 1.0, |largest| largest / 127.0, |value, largest, _| value * (127.0 / largest))
}

/// Rows of a weight as an int8 engine multiplies them, each padded.
pub fn weights(weights: &[f32], columns: usize) -> Vec<f32> {
    let part = 1.0 / block(padded(columns)) as f32;
    let scale = |largest: f32| bf16::from_f32((largest / 127.0).max(f32::MIN_POSITIVE)).to_f32();
    rows(weights, columns, part, scale, |value, _, scale| value / scale)
}

/// Rows of x as an engine multiplies them that rounds none: rotated, each padded.
pub fn rotated(x: &[f32], columns: usize) -> Vec<f32> {
    let mut rotated = Vec::new();
    for row in x.chunks_exact(columns) {
        let mut row = row.to_vec();
        row.resize(padded(columns), 0.0);
        rotate(&mut row);
        rotated.extend(row);
    }
    rotated
}

/// Each row times `part`, rotated, in multiples of `scale` of its largest magnitude, which `quotient` divides by.
fn rows(
    values: &[f32],
    columns: usize,
    part: f32,
    scale: impl Fn(f32) -> f32,
    quotient: impl Fn(f32, f32, f32) -> f32,
) -> Vec<f32> {
    let mut rounded = Vec::new();
    for row in values.chunks_exact(columns) {
        let mut row: Vec<f32> = row.iter().map(|value| value * part).collect();
        row.resize(padded(columns), 0.0);
        rotate(&mut row);
        let largest = row.iter().fold(0f32, |largest, value| largest.max(value.abs()));
        let scale = scale(largest);
        let integer = |value| if largest < LEAST { 0.0 } else { quotient(value, largest, scale).round_ties_even() };
        // Exact in f64 only; what an f32 rounds here is half a step in 2^24.
        rounded.extend(row.iter().map(|&value| integer(value).clamp(-127.0, 127.0) * scale));
    }
    rounded
}

/// Signs, and then bit by bit of a column's number: the sum goes where the bit is 0, the difference where it is 1.
fn rotate(row: &mut [f32]) {
    for (_, value) in row.iter_mut().enumerate().filter(|(column, _)| is_flipped(*column)) {
        *value = -*value;
    }
    let block = block(row.len());
    for bit in (0..).map(|place| 1 << place).take_while(|&bit| bit < block) {
        for low in (0..row.len()).filter(|index| index & bit == 0) {
            (row[low], row[low | bit]) = (row[low] + row[low | bit], row[low] - row[low | bit]);
        }
    }
}

fn is_flipped(column: usize) -> bool {
    let hash = (column as u32).wrapping_mul(0x9e37_79b1);
    (hash ^ hash >> 15).wrapping_mul(0x85eb_ca77) >= 1 << 31
}

fn block(columns: usize) -> usize {
    (1..=8).map(|power| 1 << power).filter(|block| columns.is_multiple_of(*block)).max().expect("a row is padded")
}

/// Rows of a weight as a file holds them: integers, a scale for each row, and the rows that they stand for, without padding.
pub fn stored(rows: &[f32], columns: usize) -> (Vec<i8>, Vec<f32>, Vec<f32>) {
    let (mut integers, mut scales, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    for row in weights(rows, columns).chunks_exact(padded(columns)) {
        let largest = row.iter().fold(0f32, |largest, value| largest.max(value.abs()));
        let scale = if largest > 0.0 { bf16::from_f32(largest / 127.0).to_f32() } else { 1.0 };
        integers.extend(row.iter().map(|value| (value / scale).round() as i8));
        scales.push(scale);
        plain.extend_from_slice(&unrotated(row)[..columns]);
    }
    (integers, scales, plain)
}

/// The sum over each block of what a column's number and another's have in common: bits that both have set, an odd number of them a minus.
fn unrotated(row: &[f32]) -> Vec<f32> {
    let block = block(row.len());
    let sign = |minus: bool| if minus { -1.0 } else { 1.0 };
    let value = |column: usize| {
        let first = column - column % block;
        let sum: f64 =
            (0..block).map(|other| f64::from(row[first + other]) * sign((other & column).count_ones() % 2 == 1)).sum();
        (sum * sign(is_flipped(column))) as f32
    };
    (0..row.len()).map(value).collect()
}
