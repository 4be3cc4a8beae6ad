//! f(x W^T + b), and x W^T + b + residual.
//!
//! Each thread takes a tile of the product, some rows of one panel's columns, and finishes it while it is in the first cache.

use fearless_simd::{dispatch, prelude::*};

use super::activation::activate;
use super::product::with_workspace;
use super::tiles::{Tile, cut, ranges};
use super::units::{Inputs, multiply, space};
use super::{Context, CpuEngine, Tensor};
use crate::{Activation, Linear};

/// The most rows of a tile: 384 KB of x where K is 768, so that these rows stay in the second cache while panels go by.
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
        if tile.columns.start >= panels.outputs {
            return tile.rows.clone().for_each(|row| tile.row(row).fill(0.0));
        }
        // AMX takes sixteen rows at a time.
        let sums = tile.rows.len().next_multiple_of(16) * panels.width;
        with_workspace(sums + space(panels.width), |memory| {
            let (sums, space) = memory.split_at_mut(sums);
            let panel = tile.columns.start / panels.width;
            dispatch!(context.instructions.level, simd => {
                multiply(simd, &inputs, tile.rows.clone(), panels, panel, sums, space);
                finish(simd, &mut tile, sums, layer, epilogue);
            });
        });
    });
    y
}

/// Much the same number of rows in each tile, in whole steps of the units.
fn rows_of_a_tile(rows: usize) -> usize {
    let tiles = rows.div_ceil(MOST_ROWS).max(1);
    rows.div_ceil(tiles).next_multiple_of(16)
}

#[inline(always)]
fn finish<S: Simd>(simd: S, tile: &mut Tile<'_>, sums: &[f32], layer: &Linear<CpuEngine>, epilogue: Epilogue<'_>) {
    let columns = tile.columns.clone();
    let lanes = S::f32s::LEN;
    let bias = &layer.bias.values()[columns.clone()];
    let beyond = layer.weight.outputs.max(columns.start) - columns.start;
    for (row, sums) in tile.rows.clone().zip(sums.chunks_exact(columns.len())) {
        let y = tile.row(row);
        for ((y, sums), bias) in y.chunks_exact_mut(lanes).zip(sums.chunks_exact(lanes)).zip(bias.chunks_exact(lanes)) {
            (S::f32s::from_slice(simd, sums) + S::f32s::from_slice(simd, bias)).store_slice(y);
        }
        match epilogue {
            Epilogue::Bias => {}
            Epilogue::Activation(activation) => activate(simd, y, activation),
            Epilogue::Add(residual) => {
                let residual = &residual.values()[row * residual.stride..][columns.clone()];
                for (y, residual) in y.chunks_exact_mut(lanes).zip(residual.chunks_exact(lanes)) {
                    (S::f32s::from_slice(simd, y) + S::f32s::from_slice(simd, residual)).store_slice(y);
                }
            }
        }
        // An activation of nothing may be something.
        if beyond < y.len() {
            y[beyond..].fill(0.0);
        }
    }
}
