// y = epilogue(x W^T + b), the variant for devices whose subgroups multiply matrices
// Shapes: x (T, K), W (N, K) in panels, b (N), output (T, N); K and N multiples of 64, only T is ragged.
// Work: a workgroup computes ROWS x COLUMNS outputs, each of its subgroups 2 x 4 matrices of them. x is rounded to f16; sums are f32.
// Order of addition over k: ascending by MATRIX, within one as the device adds; another than that of the variants without matrices.
// Source: the tiled product of CUTLASS and of MLX's steel, with a subgroup's matrices as its registers.

const SUBGROUPS_ACROSS: u32 = COLUMNS / (4u * MATRIX);
const SUBGROUPS: u32 = ROWS / (2u * MATRIX) * SUBGROUPS_ACROSS;
const THREADS: u32 = SUBGROUPS * SUBGROUP;
// k is taken STEP at a time: STEP / 4 quads a row, and eight values more as padding, so that neighbouring rows start in different banks.
const QUADS: u32 = STEP / 4u;
const TILE_STRIDE: u32 = STEP + 8u;
// W lies in its tile by k, so that neighbouring invocations write neighbouring values.
const WEIGHT_STRIDE: u32 = COLUMNS + 8u;
const VALUES: u32 = MATRIX * MATRIX;

// Scalars: Metal loads matrices from nothing else.
var<workgroup> x_tile: array<f16, ROWS * TILE_STRIDE>;
var<workgroup> weight_tile: array<f16, STEP * WEIGHT_STRIDE>;
// One matrix of sums a subgroup on its way out.
var<workgroup> sums: array<f32, SUBGROUPS * VALUES>;

/// Gives a subgroup's matrix in `sums` its epilogue and stores it.
fn store(subgroup: u32, lane: u32, first_row: u32, first_column: u32) {
    workgroupBarrier();
    for (var i = lane; i < VALUES; i += SUBGROUP) {
        let row = first_row + i / MATRIX;
        let column = first_column + i % MATRIX;
        if row < params.rows && column < params.columns {
            output[row * params.columns + column] = epilogue(sums[subgroup * VALUES + i], row, column);
        }
    }
    workgroupBarrier();
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let first_row = group.y * ROWS;
    let first_column = group.x * COLUMNS;
    let depth_quads = params.depth / 4u;
    // Where this subgroup's matrices begin within the tile.
    let row = 2u * MATRIX * (subgroup / SUBGROUPS_ACROSS);
    let column = 4u * MATRIX * (subgroup % SUBGROUPS_ACROSS);

    var c00 = MatrixC();
    var c01 = MatrixC();
    var c02 = MatrixC();
    var c03 = MatrixC();
    var c10 = MatrixC();
    var c11 = MatrixC();
    var c12 = MatrixC();
    var c13 = MatrixC();
    for (var step = 0u; step < params.depth; step += STEP) {
        // A row beyond the last is the last, and a column, too: never stored.
        for (var i = thread; i < ROWS * QUADS; i += THREADS) {
            let at = min(first_row + i / QUADS, params.rows - 1u) * depth_quads + step / 4u + i % QUADS;
            let slot = i / QUADS * TILE_STRIDE + 4u * (i % QUADS);
            let loaded = vec4<f16>(x[at]);
            x_tile[slot] = loaded.x;
            x_tile[slot + 1u] = loaded.y;
            x_tile[slot + 2u] = loaded.z;
            x_tile[slot + 3u] = loaded.w;
        }
        for (var i = thread; i < COLUMNS * QUADS; i += THREADS) {
            let at = weight_start(min(first_column + i % COLUMNS, params.columns - 1u)) + (step / 4u + i / COLUMNS) * PANEL;
            let slot = 4u * (i / COLUMNS) * WEIGHT_STRIDE + i % COLUMNS;
            let loaded = weight[at];
            weight_tile[slot] = loaded.x;
            weight_tile[slot + WEIGHT_STRIDE] = loaded.y;
            weight_tile[slot + 2u * WEIGHT_STRIDE] = loaded.z;
            weight_tile[slot + 3u * WEIGHT_STRIDE] = loaded.w;
        }
        workgroupBarrier();
        for (var k = 0u; k < STEP; k += MATRIX) {
            let at_x0 = row * TILE_STRIDE + k;
            let at_x1 = (row + MATRIX) * TILE_STRIDE + k;
            let at_w0 = k * WEIGHT_STRIDE + column;
            let at_w1 = at_w0 + MATRIX;
            let at_w2 = at_w0 + 2u * MATRIX;
            let at_w3 = at_w0 + 3u * MATRIX;
            let stride = TILE_STRIDE;
            let weight_stride = WEIGHT_STRIDE;
            let a0 = coopLoadT<MatrixA>(&x_tile[at_x0], stride);
            let a1 = coopLoadT<MatrixA>(&x_tile[at_x1], stride);
            let b0 = coopLoadT<MatrixB>(&weight_tile[at_w0], weight_stride);
            let b1 = coopLoadT<MatrixB>(&weight_tile[at_w1], weight_stride);
            let b2 = coopLoadT<MatrixB>(&weight_tile[at_w2], weight_stride);
            let b3 = coopLoadT<MatrixB>(&weight_tile[at_w3], weight_stride);
            c00 = coopMultiplyAdd(a0, b0, c00);
            c01 = coopMultiplyAdd(a0, b1, c01);
            c02 = coopMultiplyAdd(a0, b2, c02);
            c03 = coopMultiplyAdd(a0, b3, c03);
            c10 = coopMultiplyAdd(a1, b0, c10);
            c11 = coopMultiplyAdd(a1, b1, c11);
            c12 = coopMultiplyAdd(a1, b2, c12);
            c13 = coopMultiplyAdd(a1, b3, c13);
        }
        workgroupBarrier();
    }

    let at = subgroup * VALUES;
    let stride = MATRIX;
    let top = first_row + row;
    let left = first_column + column;
    coopStoreT(c00, &sums[at], stride);
    store(subgroup, lane, top, left);
    coopStoreT(c01, &sums[at], stride);
    store(subgroup, lane, top, left + MATRIX);
    coopStoreT(c02, &sums[at], stride);
    store(subgroup, lane, top, left + 2u * MATRIX);
    coopStoreT(c03, &sums[at], stride);
    store(subgroup, lane, top, left + 3u * MATRIX);
    coopStoreT(c10, &sums[at], stride);
    store(subgroup, lane, top + MATRIX, left);
    coopStoreT(c11, &sums[at], stride);
    store(subgroup, lane, top + MATRIX, left + MATRIX);
    coopStoreT(c12, &sums[at], stride);
    store(subgroup, lane, top + MATRIX, left + 2u * MATRIX);
    coopStoreT(c13, &sums[at], stride);
    store(subgroup, lane, top + MATRIX, left + 3u * MATRIX);
}
