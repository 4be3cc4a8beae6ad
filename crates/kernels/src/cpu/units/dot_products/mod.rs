//! Dot products in vectors: each word of a panel holds two or four neighbouring k of a column, a word of x the same k of a row, and one
//! instruction adds their product to each of a vector's sums.
#![cfg_attr(
    all(target_arch = "wasm32", not(target_feature = "relaxed-simd")),
    expect(dead_code, reason = "there it has no instruction")
)]
#![expect(unsafe_code, reason = "its intrinsics are behind features of the processor that are asked for at run time")]

#[cfg(target_arch = "aarch64")]
pub(super) mod neon;
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
pub(super) mod relaxed;
#[cfg(target_arch = "x86_64")]
pub(super) mod x86;

/// The most words that are summed in one chain, and a panel's share of which stays near while rows go by: 1536 numbers of int8. In
/// bf16 these are 768 k, more than those of f32, for a unit that is done with them in half the time.
const CHUNK: usize = 384;

/// What one instruction does.
trait DotProduct {
    /// Sums; words of weights; a word of x in each lane.
    type Vector: Copy;
    /// Words of a vector.
    const LANES: usize;
    /// Rows that there are registers for, beside a panel's vectors of weights and one of x.
    const MOST_ROWS: usize;

    /// # Safety
    /// The processor has the instructions.
    unsafe fn zero() -> Self::Vector;
    /// # Safety
    /// The processor has the instructions, and as many words are there.
    unsafe fn load(words: *const u32) -> Self::Vector;
    /// # Safety
    /// As [`load`](Self::load).
    unsafe fn store(words: *mut u32, vector: Self::Vector);
    /// # Safety
    /// The processor has the instructions.
    unsafe fn splat(word: u32) -> Self::Vector;
    /// # Safety
    /// The processor has the instructions.
    unsafe fn dot(sums: Self::Vector, x: Self::Vector, weights: Self::Vector) -> Self::Vector;
    /// # Safety
    /// The processor has the instructions.
    unsafe fn add(first: Self::Vector, second: Self::Vector) -> Self::Vector;
}

/// Rows of words: `count` of them, the first one at the beginning, `stride` apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'a> {
    pub words: &'a [u32],
    pub stride: usize,
    pub count: usize,
}

/// sums = x panel, or sums += x panel where `add` is set, in panels of so many vectors. // (rows, width)
///
/// # Safety
/// The processor has the instructions.
#[inline(always)]
unsafe fn by_rows<D: DotProduct, const VECTORS: usize>(x: Words<'_>, panel: &[u32], sums: &mut [u32], add: bool) {
    let width = VECTORS * D::LANES;
    for (index, panel) in panel.chunks(CHUNK * width).enumerate() {
        let mut row = 0;
        while row < x.count {
            let rows = Words { words: &x.words[row * x.stride + index * CHUNK..], ..x };
            let (sums, add) = (&mut sums[row * width..], add || index > 0);
            // SAFETY: as this function's.
            row += unsafe {
                match x.count - row {
                    left if left >= D::MOST_ROWS && D::MOST_ROWS == 8 => block::<D, VECTORS, 8>(rows, panel, sums, add),
                    left if left >= D::MOST_ROWS && D::MOST_ROWS == 6 => block::<D, VECTORS, 6>(rows, panel, sums, add),
                    4.. => block::<D, VECTORS, 4>(rows, panel, sums, add),
                    2.. => block::<D, VECTORS, 2>(rows, panel, sums, add),
                    _ => block::<D, VECTORS, 1>(rows, panel, sums, add),
                }
            };
        }
    }
}

/// ROWS rows; gives their number.
///
/// # Safety
/// The processor has the instructions.
#[inline(always)]
unsafe fn block<D: DotProduct, const VECTORS: usize, const ROWS: usize>(
    x: Words<'_>,
    panel: &[u32],
    sums: &mut [u32],
    add: bool,
) -> usize {
    let width = VECTORS * D::LANES;
    let depth = panel.len() / width;
    let mut rows = [x.words; ROWS];
    for (row, x_row) in rows.iter_mut().enumerate() {
        *x_row = &x.words[row * x.stride..][..depth];
    }
    // SAFETY: the processor has the instructions; every vector is one of a chunk that is as long.
    unsafe {
        let mut accumulated = [[D::zero(); VECTORS]; ROWS];
        for (k, columns) in panel.chunks_exact(width).enumerate() {
            let mut weights = [D::zero(); VECTORS];
            for (vector, weights) in weights.iter_mut().enumerate() {
                *weights = D::load(columns[vector * D::LANES..].as_ptr());
            }
            for row in 0..ROWS {
                let value = D::splat(rows[row][k]);
                for vector in 0..VECTORS {
                    accumulated[row][vector] = D::dot(accumulated[row][vector], value, weights[vector]);
                }
            }
        }
        for (accumulated, sums) in accumulated.iter().zip(sums.chunks_exact_mut(width)) {
            for (&value, sums) in accumulated.iter().zip(sums.chunks_exact_mut(D::LANES)) {
                let value = if add { D::add(D::load(sums.as_ptr()), value) } else { value };
                D::store(sums.as_mut_ptr(), value);
            }
        }
    }
    ROWS
}
