//! f(x W^T + b), and x W^T + b + residual.
//!
//! Each thread takes a tile of the product, some rows of one panel's columns, and finishes it while it is in L1.

use std::ops::Add;

use fearless_simd::{dispatch, prelude::*};

use super::activation::activate;
use super::product::{vectors, with_workspace};
use super::tiles::{Tile, cut, ranges};
use super::units::{Inputs, Sums, Work, in_steps, multiply};
use super::{Context, CpuEngine, Tensor};
use crate::{Activation, Linear};

/// Bytes of x of a tile, about: its rows stay in L2 while panels go by, and panels come from L3 or memory once for all of them.
const TILE_BYTES: usize = 768 << 10;

/// The fewest rows of a tile, where there are as many.
const FEW_ROWS: usize = 128;

/// The most rows of a tile.
const MOST_ROWS: usize = 512;

/// Rows whose sums are finished together, in L1.
const ROWS_AT_ONCE: usize = 128;

/// What is done with x W^T + b.
#[derive(Debug, Clone, Copy)]
pub(super) enum Epilogue<'a> {
    Bias,
    Activation(Activation),
    Add(&'a Tensor),
}

/// The layer's output.
pub(super) fn compute(context: &Context, x: &Tensor, layer: &Linear<CpuEngine>, epilogue: Epilogue<'_>) -> Tensor {
    let panels = &layer.weight;
    if let Some(observer) = &context.observer {
        observer.0(&panels.name, x.values(), x.stride);
    }
    let mut y = context.tensor(x.rows, panels.outputs);
    let inputs = Inputs::new(context, x, panels);
    let rows = ranges(x.rows, rows_of_a_tile(x.rows, inputs.bytes() / x.rows.max(1)));
    let columns = ranges(y.stride, panels.width);
    let stride = y.stride;
    context.threads.each(cut(y.values_mut(), stride, &rows, &columns), |mut tile| {
        if tile.columns().start >= panels.outputs {
            return tile.rows().for_each(|row| tile.row(row).fill(0.0));
        }
        let panel = tile.columns().start / panels.width;
        for first in tile.rows().step_by(ROWS_AT_ONCE) {
            let work = Work { panels, panel, rows: first..(first + ROWS_AT_ONCE).min(tile.rows().end) };
            with_workspace(work.memory(), |memory| {
                dispatch!(context.instructions.level, simd => {
                    let sums = multiply(simd, &inputs, &work, memory);
                    match vectors_of(simd) {
                        4 => finish::<_, 4>(simd, &mut tile, &work, &sums, layer, epilogue),
                        _ => finish::<_, 2>(simd, &mut tile, &work, &sums, layer, epilogue),
                    }
                });
            });
        }
    });
    y
}

/// Much the same number of rows in each tile, in whole steps of any unit, for rows of x of so many bytes.
fn rows_of_a_tile(rows: usize, bytes: usize) -> usize {
    let most = (TILE_BYTES / bytes.max(1)).clamp(FEW_ROWS, MOST_ROWS);
    let tiles = rows.div_ceil(most).max(1);
    in_steps(rows.div_ceil(tiles).max(1))
}

/// Vectors of a panel's columns.
#[inline(always)]
const fn vectors_of<S: Simd>(_: S) -> usize {
    vectors(S::f32s::LEN)
}

/// What is done with the sums, on the way to where they belong.
#[inline(always)]
fn finish<S: Simd, const VECTORS: usize>(
    simd: S,
    tile: &mut Tile<'_>,
    work: &Work<'_>,
    sums: &Sums<'_>,
    layer: &Linear<CpuEngine>,
    epilogue: Epilogue<'_>,
) {
    let columns = tile.columns();
    let bias = loaded::<S, VECTORS>(simd, &layer.bias.values()[columns.clone()]);
    let inside = columns.len().min(layer.weight.outputs - columns.start);
    for (index, row) in work.rows.clone().enumerate() {
        let mut y = plus(sums.row::<S, VECTORS>(simd, index), bias);
        match epilogue {
            Epilogue::Bias => {}
            Epilogue::Activation(activation) => {
                for y in &mut y {
                    *y = activate(simd, *y, activation);
                }
            }
            Epilogue::Add(residual) => {
                y = plus(y, loaded(simd, &residual.values()[row * residual.stride..][columns.clone()]));
            }
        }
        let place = tile.row(row);
        store(simd, y, place);
        // An activation of nothing may be something.
        if inside < columns.len() {
            place[inside..].fill(0.0);
        }
    }
}

#[inline(always)]
fn store<S: Simd, const VECTORS: usize>(_: S, y: [S::f32s; VECTORS], place: &mut [f32]) {
    for vector in 0..VECTORS {
        y[vector].store_slice(&mut place[vector * S::f32s::LEN..][..S::f32s::LEN]);
    }
}

#[inline(always)]
fn loaded<S: Simd, const VECTORS: usize>(simd: S, values: &[f32]) -> [S::f32s; VECTORS] {
    let mut vectors = [S::f32s::splat(simd, 0.0); VECTORS];
    for vector in 0..VECTORS {
        vectors[vector] = S::f32s::from_slice(simd, &values[vector * S::f32s::LEN..][..S::f32s::LEN]);
    }
    vectors
}

#[inline(always)]
fn plus<V: Copy + Add<Output = V>, const VECTORS: usize>(
    mut first: [V; VECTORS],
    second: [V; VECTORS],
) -> [V; VECTORS] {
    for vector in 0..VECTORS {
        first[vector] = first[vector] + second[vector];
    }
    first
}
