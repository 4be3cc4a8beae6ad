//! f(x W^T + b), and x W^T + b + residual.
//!
//! Each thread takes a tile of the product, some rows of one panel's columns, and finishes it while it is in L1.

use fearless_simd::{dispatch, prelude::*};

use super::activation::activate;
use super::product::with_workspace;
use super::tiles::{Tile, cut, ranges};
use super::units::{Inputs, Work, in_steps, multiply};
use super::{Context, CpuEngine, Tensor};
use crate::{Activation, Linear};

/// The most rows of a tile: 384 KB of x where K is 768, so that these rows stay in L2 while panels go by.
const MOST_ROWS: usize = 128;

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
    let mut y = context.tensor(x.rows, panels.outputs);
    let inputs = Inputs::new(context, x, panels);
    let rows = ranges(x.rows, rows_of_a_tile(x.rows));
    let columns = ranges(y.stride, panels.width);
    let stride = y.stride;
    context.threads.each(cut(y.values_mut(), stride, &rows, &columns), |mut tile| {
        if tile.columns().start >= panels.outputs {
            return tile.rows().for_each(|row| tile.row(row).fill(0.0));
        }
        let work = Work { panels, panel: tile.columns().start / panels.width, rows: tile.rows() };
        with_workspace(work.memory(), |memory| {
            dispatch!(context.instructions.level, simd => {
                let sums = multiply(simd, &inputs, &work, memory);
                finish(simd, &mut tile, sums, layer, epilogue);
            });
        });
    });
    y
}

/// Much the same number of rows in each tile, in whole steps of any unit.
fn rows_of_a_tile(rows: usize) -> usize {
    let tiles = rows.div_ceil(MOST_ROWS).max(1);
    in_steps(rows.div_ceil(tiles).max(1))
}

/// What is done with the sums, on the way to where they belong.
#[inline(always)]
fn finish<S: Simd>(simd: S, tile: &mut Tile<'_>, sums: &[f32], layer: &Linear<CpuEngine>, epilogue: Epilogue<'_>) {
    let columns = tile.columns();
    let bias = &layer.bias.values()[columns.clone()];
    let inside = columns.len().min(layer.weight.outputs - columns.start);
    for (row, sums) in tile.rows().zip(sums.chunks_exact(columns.len())) {
        let y = tile.row(row);
        match epilogue {
            Epilogue::Bias => add(simd, y, [sums, bias]),
            Epilogue::Activation(activation) => {
                add(simd, y, [sums, bias]);
                activate(simd, y, activation);
            }
            Epilogue::Add(residual) => {
                add(simd, y, [sums, bias, &residual.values()[row * residual.stride..][columns.clone()]]);
            }
        }
        // An activation of nothing may be something.
        if inside < columns.len() {
            y[inside..].fill(0.0);
        }
    }
}

/// y = the sum of the terms, from the first to the last.
#[inline(always)]
fn add<S: Simd, const TERMS: usize>(simd: S, y: &mut [f32], terms: [&[f32]; TERMS]) {
    let lanes = S::f32s::LEN;
    for (index, y) in y.chunks_exact_mut(lanes).enumerate() {
        let mut sum = S::f32s::from_slice(simd, &terms[0][index * lanes..][..lanes]);
        for term in &terms[1..] {
            sum += S::f32s::from_slice(simd, &term[index * lanes..][..lanes]);
        }
        sum.store_slice(y);
    }
}
