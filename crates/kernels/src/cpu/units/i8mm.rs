//! Arm's `smmla`: the product of two rows of x and two columns of W, eight k of each, added to a square of four sums. By its mnemonic, for its intrinsic is not
//! stable. A panel lies as for `sdot`: of two words of k, four columns each, two columns' eight k are what `zip` makes.
//!
//! Source: Arm Architecture Reference Manual for A-profile, C7.2, SMMLA (vector).
#![expect(unsafe_code, reason = "its instructions are behind a feature of the processor that is asked for at run time")]

use std::arch::aarch64::{
    int32x4_t, uint32x2_t, uint32x4_t, vaddq_u32, vcombine_u32, vdupq_n_s32, vget_high_u32, vget_low_u32, vld1_u32,
    vld1q_u32, vreinterpretq_s32_u32, vreinterpretq_u32_s32, vst1q_u32, vzip1q_u32, vzip2q_u32,
};
use std::arch::asm;

use super::dot_products::Words;

/// Columns of a panel, and those of a vector.
const WIDTH: usize = 16;
const LANES: usize = 4;
/// Pairs of columns of a panel.
const PAIRS: usize = WIDTH / 2;
/// Pairs of rows that are multiplied together: eight squares of sums for each, beside two pairs of columns and these rows.
const MOST_PAIRS: usize = 3;
/// Words of a panel's column that stay near while rows go by.
const CHUNK: usize = 384;

pub fn is_there() -> bool {
    std::arch::is_aarch64_feature_detected!("i8mm")
}

/// sums = x panel, or sums += x panel where `add` is set. // (rows, width)
pub fn multiply(x: Words<'_>, panel: &[u32], sums: &mut [u32], add: bool) {
    #[target_feature(enable = "neon,i8mm")]
    fn product(x: Words<'_>, panel: &[u32], sums: &mut [u32], add: bool) {
        for (index, panel) in panel.chunks(CHUNK * WIDTH).enumerate() {
            let (mut row, add) = (0, add || index > 0);
            while row < x.count {
                let rows = Words { words: &x.words[row * x.stride + index * CHUNK..], ..x };
                let sums = &mut sums[row * WIDTH..];
                row += match x.count - row {
                    5.. => block::<MOST_PAIRS>(rows, panel, sums, add, x.count - row),
                    3.. => block::<2>(rows, panel, sums, add, x.count - row),
                    left => block::<1>(rows, panel, sums, add, left),
                };
            }
        }
    }
    assert!(is_there(), "only an engine with i8mm makes this unit's inputs");
    // SAFETY: the processor has the instructions.
    unsafe { product(x, panel, sums, add) }
}

/// Pairs of rows, of which `left` are there; gives how many rows it took.
#[target_feature(enable = "neon,i8mm")]
fn block<const ROWS: usize>(x: Words<'_>, panel: &[u32], sums: &mut [u32], add: bool, left: usize) -> usize {
    let depth = panel.len() / WIDTH;
    // A row that is not there is the one before it.
    let rows: [[&[u32]; 2]; ROWS] =
        std::array::from_fn(|pair| [0, 1].map(|of| &x.words[(2 * pair + of).min(left - 1) * x.stride..][..depth]));
    let mut squares = [[vdupq_n_s32(0); PAIRS]; ROWS];
    for (step, columns) in panel.chunks_exact(2 * WIDTH).enumerate() {
        let (first, second) = columns.split_at(WIDTH);
        let mut x = [vdupq_n_s32(0); ROWS];
        for (pair, x) in x.iter_mut().enumerate() {
            let [upper, lower] = rows[pair];
            *x = vreinterpretq_s32_u32(vcombine_u32(load_two(&upper[2 * step..]), load_two(&lower[2 * step..])));
        }
        for vector in 0..WIDTH / LANES {
            let (first, second) = (load(&first[vector * LANES..]), load(&second[vector * LANES..]));
            let even = vreinterpretq_s32_u32(vzip1q_u32(first, second));
            let odd = vreinterpretq_s32_u32(vzip2q_u32(first, second));
            for row in 0..ROWS {
                squares[row][2 * vector] = multiply_add(squares[row][2 * vector], x[row], even);
                squares[row][2 * vector + 1] = multiply_add(squares[row][2 * vector + 1], x[row], odd);
            }
        }
    }
    let taken = (2 * ROWS).min(left);
    for (row, sums) in sums.chunks_exact_mut(WIDTH).take(taken).enumerate() {
        for (vector, sums) in sums.chunks_exact_mut(LANES).enumerate() {
            let even = vreinterpretq_u32_s32(squares[row / 2][2 * vector]);
            let odd = vreinterpretq_u32_s32(squares[row / 2][2 * vector + 1]);
            let mut value = if row % 2 == 0 {
                vcombine_u32(vget_low_u32(even), vget_low_u32(odd))
            } else {
                vcombine_u32(vget_high_u32(even), vget_high_u32(odd))
            };
            if add {
                value = vaddq_u32(load(sums), value);
            }
            // SAFETY: four words.
            unsafe { vst1q_u32(sums.as_mut_ptr(), value) };
        }
    }
    taken
}

#[target_feature(enable = "neon")]
fn load(words: &[u32]) -> uint32x4_t {
    let four = &words[..LANES];
    // SAFETY: four words.
    unsafe { vld1q_u32(four.as_ptr()) }
}

#[target_feature(enable = "neon")]
fn load_two(words: &[u32]) -> uint32x2_t {
    let two = &words[..2];
    // SAFETY: two words.
    unsafe { vld1_u32(two.as_ptr()) }
}

/// sums + x weights^T of two rows and two columns.
#[target_feature(enable = "neon,i8mm")]
fn multiply_add(mut sums: int32x4_t, x: int32x4_t, weights: int32x4_t) -> int32x4_t {
    // SAFETY: it reads and writes registers alone.
    unsafe {
        asm!(
            ".arch_extension i8mm",
            "smmla {sums:v}.4s, {x:v}.16b, {weights:v}.16b",
            sums = inout(vreg) sums,
            x = in(vreg) x,
            weights = in(vreg) weights,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sums
}
