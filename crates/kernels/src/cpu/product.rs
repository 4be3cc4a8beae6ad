//! The inner loop of every matrix product: some rows times a panel of columns, sums in registers.
//!
//! A panel is (K, width) in memory, k by k, `width` = [`width`] columns wide: the vectors that a thread can sum for several
//! rows at a time. Each sum is one chain of multiply-adds, k ascending, so its bits do not depend on how many rows are computed
//! beside it; nor on the panel's other columns. They are fused where the instructions are (AVX2 and up, NEON, relaxed SIMD where
//! the processor fuses); with SSE2, SSE4.2 and simd128 a product is rounded before it is added.

use fearless_simd::{Level, dispatch, prelude::*};

use super::memory::Memory;

/// The most k that are summed in one chain. A sum of 3072 then has the error of 96 + 32 additions, and a panel's share of a chunk,
/// 12 KB where vectors are 64 bytes, stays in L1 while rows go by, with the next one on its way.
pub(super) const CHUNK: usize = 96;

/// Rows of a matrix: `count` of them, the first one at the beginning of `values`, `stride` apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    pub values: &'a [f32],
    pub stride: usize,
    pub count: usize,
}

/// Some k of a panel, and what is read after it. // (K, width)
#[derive(Debug, Clone, Copy)]
pub(super) struct Panel<'a> {
    pub values: &'a [f32],
    /// Of any type: only where it lies counts.
    pub ahead: &'a [f32],
}

/// Where sums go: as many rows, `stride` apart.
#[derive(Debug)]
pub(super) struct Sums<'a> {
    pub values: &'a mut [f32],
    pub stride: usize,
}

/// Columns of a panel: two vectors, or four where there are 32 registers of four lanes.
pub(super) const fn vectors(lanes: usize) -> usize {
    if lanes == 4 && cfg!(target_arch = "aarch64") { 4 } else { 2 }
}

/// Columns of a panel.
pub(super) fn width(level: Level) -> usize {
    dispatch!(level, simd => width_of(simd))
}

#[inline(always)]
fn width_of<S: Simd>(_: S) -> usize {
    S::f32s::LEN * vectors(S::f32s::LEN)
}

/// sums = x panel, or sums += x panel where `add` is set. // (rows, width) from (rows, K) and (K, width)
#[inline(always)]
pub(super) fn product<S: Simd>(simd: S, x: Rows<'_>, panel: Panel<'_>, sums: &mut Sums<'_>, add: bool) {
    // As many sums as there are registers for, beside the panel's vectors and one of x: 16 of 32, 12 of 16, 24 of 32; 8 of 16 in
    // wasm without fused multiply-add, whose products take one more and of which V8 keeps one to itself.
    match (S::f32s::LEN, vectors(S::f32s::LEN)) {
        _ if cfg!(all(target_arch = "wasm32", not(target_feature = "relaxed-simd"))) => {
            by_rows::<S, 4, 2>(simd, x, panel, sums, add);
        }
        (16, _) => by_rows::<S, 8, 2>(simd, x, panel, sums, add),
        (_, 4) => by_rows::<S, 6, 4>(simd, x, panel, sums, add),
        _ => by_rows::<S, 6, 2>(simd, x, panel, sums, add),
    }
}

#[inline(always)]
fn by_rows<S: Simd, const MOST: usize, const VECTORS: usize>(
    simd: S,
    x: Rows<'_>,
    panel: Panel<'_>,
    sums: &mut Sums<'_>,
    add: bool,
) {
    let mut row = 0;
    // Each block of rows asks for its share of what is read next. Where there is but one, memory has nothing else to do.
    let blocks = x.count.div_ceil(MOST);
    let share = if blocks > 1 { panel.ahead.len() / blocks } else { 0 };
    let mut ahead = panel.ahead.chunks(share.max(1));
    while row < x.count {
        let ahead = if share > 0 { ahead.next().unwrap_or_default() } else { &[] };
        let panel = Panel { ahead, ..panel };
        let sums = Sums { values: &mut sums.values[row * sums.stride..], ..*sums };
        let rows = Rows { values: &x.values[row * x.stride..], ..x };
        let left = x.count - row;
        row += match left {
            // Rather than six and two: two rows take as long as four, for each sum waits for itself.
            8 if MOST == 6 => block::<S, 4, VECTORS>(simd, rows, panel, sums, add),
            left if left >= MOST => block::<S, MOST, VECTORS>(simd, rows, panel, sums, add),
            4.. => block::<S, 4, VECTORS>(simd, rows, panel, sums, add),
            2.. => block::<S, 2, VECTORS>(simd, rows, panel, sums, add),
            _ => block::<S, 1, VECTORS>(simd, rows, panel, sums, add),
        };
    }
}

/// ROWS rows; gives their number.
///
/// In wasm a function of its own: within its caller's, which is large, V8 holds what the loop counts with in memory.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn block<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    x: Rows<'_>,
    panel: Panel<'_>,
    sums: Sums<'_>,
    add: bool,
) -> usize {
    let lanes = S::f32s::LEN;
    let depth = panel.values.len() / (VECTORS * lanes);
    let step = panel.ahead.len() / depth.max(1);
    let mut rows = [x.values; ROWS];
    for (row, x_row) in rows.iter_mut().enumerate() {
        *x_row = &x.values[row * x.stride..][..depth];
    }
    let mut accumulated = [[S::f32s::splat(simd, 0.0); VECTORS]; ROWS];
    for (k, columns) in panel.values.chunks_exact(VECTORS * lanes).enumerate() {
        super::memory::prefetch(panel.ahead, k * step);
        let mut weights = [S::f32s::splat(simd, 0.0); VECTORS];
        for (weight, columns) in weights.iter_mut().zip(columns.chunks_exact(lanes)) {
            *weight = S::f32s::from_slice(simd, columns);
        }
        for row in 0..ROWS {
            let value = S::f32s::splat(simd, rows[row][k]);
            for vector in 0..VECTORS {
                accumulated[row][vector] = value.mul_add(weights[vector], accumulated[row][vector]);
            }
        }
    }
    for (row, accumulated) in accumulated.iter().enumerate() {
        let sums = &mut sums.values[row * sums.stride..][..VECTORS * lanes];
        for (&value, sums) in accumulated.iter().zip(sums.chunks_exact_mut(lanes)) {
            let value = if add { S::f32s::from_slice(simd, sums) + value } else { value };
            value.store_slice(sums);
        }
    }
    ROWS
}

/// sums = x panel, whatever K is, in chunks of [`CHUNK`].
#[inline(always)]
pub(super) fn chunked_product<S: Simd>(simd: S, x: Rows<'_>, panel: &[f32], sums: &mut Sums<'_>) {
    let width = width_of(simd);
    for (index, panel) in panel.chunks(CHUNK * width).enumerate() {
        let panel = Panel { values: panel, ahead: &[] };
        product(simd, Rows { values: &x.values[index * CHUNK..], ..x }, panel, sums, index > 0);
    }
}

thread_local! {
    static WORKSPACE: std::cell::RefCell<Option<Memory>> = const { std::cell::RefCell::new(None) };
}

/// Gives `work` a thread's own memory for so many values of what it is in the middle of; what it holds is left over.
pub(super) fn with_workspace<T>(values: usize, work: impl FnOnce(&mut [f32]) -> T) -> T {
    WORKSPACE.with_borrow_mut(|memory| {
        let enough = memory.take().filter(|memory| memory.of::<f32>().len() >= values);
        let memory = memory.insert(enough.unwrap_or_else(|| Memory::scratch(4 * values)));
        work(&mut memory.of_mut()[..values])
    })
}
