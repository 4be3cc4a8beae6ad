//! Rows of weights in int8, for products whose inputs are int8, too: rotated first, so that no number stands out.
//!
//! A row of x has a few columns far larger than the rest, and one scale for all would leave the rest a few steps. So the weights of a
//! linear layer and what they are multiplied with are rotated alike, which leaves their product as it is: x W^T = (x R)(W R)^T. R
//! flips [`is_flipped`] columns and applies a Hadamard matrix H of B x B, entries +-1 / sqrt B, to each B = [`block`] neighbours: what
//! stood out in one column is spread over B. It takes additions only: H is left unscaled, and weights are divided by B, a power of two.
//!
//! A row's scale has eight significant bits. A rotated row that is a scale times integers then is in f32, unrotated, without rounding
//! (B <= 256: 7 bits of the integer, 8 of the sum, 8 of the scale), and [`round`] finds the same integers and scale in it again.
//!
//! Source: Ashkboos et al., QuaRot: Outlier-Free 4-Bit Inference in Rotated LLMs, 2024, <https://arxiv.org/abs/2404.00456>.

use crate::ALIGNMENT;

/// The most columns that one block mixes.
const MOST: usize = 256;

/// The most columns of a row: 2^16 products of int8 and a byte are below 2^31.
pub const MOST_COLUMNS: usize = 1 << 16;

/// The largest number of a row.
pub(crate) const LARGEST: f32 = 127.0;

/// The largest weight: a row's largest sum is no larger, and 127 times its scale, which may be rounded up, is an f32 yet.
pub(crate) const LARGEST_WEIGHT: f32 = f32::from_bits(0x7f7f_0000);

/// The least magnitude, 2^-119, that a row's largest number has to have not to be zeros: 127 over less is no f32.
pub(crate) const LEAST: f32 = f32::from_bits(0x0400_0000);

/// 1.5 x 2^23: a number to which an f32 below 2^22 is added lies where neighbours are 1 apart, so that the sum is rounded to an integer,
/// which its lowest bits hold.
pub(crate) const ROUNDER: f32 = 12_582_912.0;

/// How many neighbours of a row of `columns`, a multiple of [`ALIGNMENT`], are mixed: the largest power of two that divides it, at most 256.
pub const fn block(columns: usize) -> usize {
    let power = 1 << columns.trailing_zeros();
    if power < MOST { power } else { MOST }
}

/// Whether column k changes its sign: the top bit of a hash. What all columns have in common, as the inputs of a layer after a GELU
/// have, would else end in each block's first number.
pub const fn is_flipped(column: usize) -> bool {
    let mut hash = (column as u32).wrapping_mul(0x9e37_79b1);
    hash = (hash ^ (hash >> 15)).wrapping_mul(0x85eb_ca77);
    hash >> 31 == 1
}

/// w R of a row of weights; what `unrotate` takes back.
///
/// # Panics
/// Where the row is no multiple of [`ALIGNMENT`] long.
pub fn rotate(row: &mut [f32]) {
    let block = block_of(row);
    let part = 1.0 / block as f32;
    for (column, value) in row.iter_mut().enumerate() {
        *value *= if is_flipped(column) { -part } else { part };
    }
    row.chunks_exact_mut(block).for_each(hadamard);
}

/// w of w R.
///
/// # Panics
/// Where the row is no multiple of [`ALIGNMENT`] long.
pub fn unrotate(row: &mut [f32]) {
    let block = block_of(row);
    row.chunks_exact_mut(block).for_each(hadamard);
    for (column, value) in row.iter_mut().enumerate() {
        if is_flipped(column) {
            *value = -*value;
        }
    }
}

fn block_of(row: &[f32]) -> usize {
    assert!(!row.is_empty() && row.len().is_multiple_of(ALIGNMENT), "a row of {} numbers, padded", row.len());
    block(row.len())
}

/// H x, entries +-1.
fn hadamard(values: &mut [f32]) {
    let mut stride = 1;
    while stride < values.len() {
        for pair in values.chunks_exact_mut(2 * stride) {
            let (first, second) = pair.split_at_mut(stride);
            for (first, second) in first.iter_mut().zip(second) {
                (*first, *second) = (*first + *second, *first - *second);
            }
        }
        stride *= 2;
    }
}

/// The integers nearest to row / scale, and the scale: the eight-bit number nearest to the largest magnitude over 127.
///
/// # Panics
/// Where there are not as many integers as numbers.
pub fn round(row: &[f32], integers: &mut [i8]) -> f32 {
    assert_eq!(row.len(), integers.len(), "an integer for each number");
    let largest = row.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    let scale =
        if largest > 0.0 { half::bf16::from_f32((largest / LARGEST).max(f32::MIN_POSITIVE)).to_f32() } else { 1.0 };
    for (integer, value) in integers.iter_mut().zip(row) {
        *integer = ((value / scale).clamp(-LARGEST, LARGEST) + ROUNDER).to_bits() as i8;
    }
    scale
}

#[cfg(test)]
mod tests {
    use super::{block, is_flipped, rotate, round, unrotate};

    /// Numbers that nobody chose.
    fn row(columns: usize) -> Vec<f32> {
        (0..columns).map(|k| ((k * k + 7 * k) as f32 * 0.37).sin() * if k % 97 == 5 { 40.0 } else { 1.0 }).collect()
    }

    #[test]
    fn blocks_are_powers_of_two() {
        assert_eq!([64, 128, 192, 320, 384, 768, 1024, 3072].map(block), [64, 128, 64, 64, 128, 256, 256, 256]);
    }

    /// About as many columns are flipped as not, in each block.
    #[test]
    fn half_of_the_columns_are_flipped() {
        for block in 0..16 {
            let flipped = (256 * block..256 * (block + 1)).filter(|&column| is_flipped(column)).count();
            assert!((96..160).contains(&flipped), "{flipped} in block {block}");
        }
    }

    /// x R (w R)^T = x w^T: both sides are rotated by the same matrix, whose inverse is its transpose.
    #[test]
    fn a_product_stays_as_it_is() {
        for columns in [64, 192, 384, 768] {
            let (x, w) = (row(columns), row(columns).into_iter().rev().collect::<Vec<_>>());
            let (mut rotated_x, mut rotated_w) = (x.clone(), w.clone());
            rotate(&mut rotated_x);
            rotate(&mut rotated_w);
            let dot = |x: &[f32], w: &[f32]| x.iter().zip(w).map(|(x, w)| f64::from(x * w)).sum::<f64>();
            let (found, expected) = (dot(&rotated_x, &rotated_w) * block(columns) as f64, dot(&x, &w));
            assert!((found - expected).abs() < 1e-3, "{columns}: {found}, expected {expected}");
            unrotate(&mut rotated_x);
            let off = x.iter().zip(&rotated_x).map(|(x, found)| (x - found).abs()).fold(0f32, f32::max);
            assert!(off < 1e-5, "{columns}: {off}");
        }
    }

    /// What was rounded once is rounded to itself, whichever way it went through f32: the file's form and the engine's are the same.
    #[test]
    fn what_is_int8_stays_so() {
        for columns in [64, 384, 768, 3072] {
            for size in [1e-30, 1e-3, 1.0, 3.7e20] {
                let mut values: Vec<_> = row(columns).iter().map(|value| value * size).collect();
                rotate(&mut values);
                let (mut first, mut second) = (vec![0; columns], vec![0; columns]);
                let scale = round(&values, &mut first);
                let mut again: Vec<_> = first.iter().map(|&integer| f32::from(integer) * scale).collect();
                unrotate(&mut again);
                let whole = again.clone();
                rotate(&mut again);
                assert_eq!((round(&again, &mut second), &second), (scale, &first), "{columns} columns, {size}");
                unrotate(&mut again);
                assert_eq!(again, whole, "no bit is lost on the way");
                assert!(first.iter().any(|integer| integer.abs() == 127));
            }
        }
    }

    #[test]
    fn a_row_of_zeros_has_a_scale() {
        let mut integers = [1; 64];
        assert_eq!(round(&[0.0; 64], &mut integers), 1.0);
        assert_eq!(integers, [0; 64]);
    }

    /// Below the least normal number steps are as wide as they are.
    #[test]
    fn the_smallest_numbers_are_no_division_by_zero() {
        let mut integers = [1; 64];
        let scale = round(&[f32::from_bits(3); 64], &mut integers);
        assert!(scale >= f32::MIN_POSITIVE && integers == [0; 64]);
    }
}
