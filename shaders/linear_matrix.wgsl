// y = epilogue(x W^T + b), the variant for devices whose subgroups multiply matrices
// Shapes: x (T, K), W (N, K) in panels, b (N), output (T, N); K and N multiples of 64, only T is ragged.
// Work: a workgroup computes ROWS x COLUMNS outputs, each of its subgroups MATRICES x 4 matrices of them. x is rounded to f16; sums are f32.
// Order of addition over k: ascending by MATRIX, within one as the device adds; another than that of the variants without matrices.
// Matrices have names: in arrays, or handed to functions, drivers have been seen to keep them in memory.
// Source: the tiled product of CUTLASS and of MLX's steel, with a subgroup's matrices as its registers.

const SUBGROUPS_ACROSS: u32 = COLUMNS / (4u * MATRIX);
const SUBGROUPS: u32 = ROWS / (MATRICES * MATRIX) * SUBGROUPS_ACROSS;
const THREADS: u32 = SUBGROUPS * SUBGROUP;
// k is taken STEP at a time: STEP / 4 quads a row, and two more as padding, so that neighbouring rows start in different banks.
const QUADS: u32 = STEP / 4u;
const TILE_STRIDE: u32 = QUADS + 2u;
const VALUES: u32 = MATRIX * MATRIX;

// One matrix of sums a subgroup on its way out.
var<workgroup> sums: array<f32, SUBGROUPS * VALUES>;

/// Gives a subgroup's matrix in `sums` its epilogue and stores it.
fn store(at: u32, lane: u32, first_row: u32, first_column: u32) {
    workgroupBarrier();
    for (var i = lane; i < VALUES; i += SUBGROUP) {
        let row = first_row + i / MATRIX;
        let column = first_column + i % MATRIX;
        if row < params.rows && column < params.columns {
            output[row * params.columns + column] = epilogue(sums[at + i], row, column);
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
    // Where this subgroup's matrices begin within the tile.
    let row = MATRICES * MATRIX * (subgroup / SUBGROUPS_ACROSS);
    let column = 4u * MATRIX * (subgroup % SUBGROUPS_ACROSS);

    var c00 = MatrixC();
    var c01 = MatrixC();
    var c02 = MatrixC();
    var c03 = MatrixC();
    var c10 = MatrixC();
    var c11 = MatrixC();
    var c12 = MatrixC();
    var c13 = MatrixC();
    var c20 = MatrixC();
    var c21 = MatrixC();
    var c22 = MatrixC();
    var c23 = MatrixC();
    var c30 = MatrixC();
    var c31 = MatrixC();
    var c32 = MatrixC();
    var c33 = MatrixC();
    for (var step = 0u; step < params.depth; step += STEP) {
        // A row beyond the last is the last, and a column, too: never stored.
        for (var own = 0u; own < ROWS * QUADS; own += THREADS) {
            let i = own + thread;
            let source = min(first_row + i / QUADS, params.rows - 1u);
            put_x(i / QUADS * TILE_STRIDE + i % QUADS, vec4<f16>(x[source * (params.depth / 4u) + step / 4u + i % QUADS]));
        }
        for (var own = 0u; own < COLUMNS * QUADS; own += THREADS) {
            let i = own + thread;
            let source = weight_start(min(first_column + i % COLUMNS, params.columns - 1u));
            put_weight(i % COLUMNS * TILE_STRIDE + i / COLUMNS, halves(weight[source + (step / 4u + i / COLUMNS) * PANEL]));
        }
        workgroupBarrier();
        for (var quad = 0u; quad < QUADS; quad += MATRIX / 4u) {
            // By columns: a row of W is one of its tile.
            let stride = LOAD_STRIDE;
            let at_b0 = load_at(column * TILE_STRIDE + quad);
            let at_b1 = load_at((column + MATRIX) * TILE_STRIDE + quad);
            let at_b2 = load_at((column + 2u * MATRIX) * TILE_STRIDE + quad);
            let at_b3 = load_at((column + 3u * MATRIX) * TILE_STRIDE + quad);
            let b0 = coopLoad<MatrixB>(&weight_tile[at_b0], stride);
            let b1 = coopLoad<MatrixB>(&weight_tile[at_b1], stride);
            let b2 = coopLoad<MatrixB>(&weight_tile[at_b2], stride);
            let b3 = coopLoad<MatrixB>(&weight_tile[at_b3], stride);
            let at_a0 = load_at(row * TILE_STRIDE + quad);
            let a0 = coopLoadT<MatrixA>(&x_tile[at_a0], stride);
            c00 = coopMultiplyAdd(a0, b0, c00);
            c01 = coopMultiplyAdd(a0, b1, c01);
            c02 = coopMultiplyAdd(a0, b2, c02);
            c03 = coopMultiplyAdd(a0, b3, c03);
            if MATRICES > 1u {
                let at_a1 = load_at((row + MATRIX) * TILE_STRIDE + quad);
                let a1 = coopLoadT<MatrixA>(&x_tile[at_a1], stride);
                c10 = coopMultiplyAdd(a1, b0, c10);
                c11 = coopMultiplyAdd(a1, b1, c11);
                c12 = coopMultiplyAdd(a1, b2, c12);
                c13 = coopMultiplyAdd(a1, b3, c13);
            }
            if MATRICES > 2u {
                let at_a2 = load_at((row + 2u * MATRIX) * TILE_STRIDE + quad);
                let a2 = coopLoadT<MatrixA>(&x_tile[at_a2], stride);
                c20 = coopMultiplyAdd(a2, b0, c20);
                c21 = coopMultiplyAdd(a2, b1, c21);
                c22 = coopMultiplyAdd(a2, b2, c22);
                c23 = coopMultiplyAdd(a2, b3, c23);
                let at_a3 = load_at((row + 3u * MATRIX) * TILE_STRIDE + quad);
                let a3 = coopLoadT<MatrixA>(&x_tile[at_a3], stride);
                c30 = coopMultiplyAdd(a3, b0, c30);
                c31 = coopMultiplyAdd(a3, b1, c31);
                c32 = coopMultiplyAdd(a3, b2, c32);
                c33 = coopMultiplyAdd(a3, b3, c33);
            }
        }
        workgroupBarrier();
    }

    let at = subgroup * VALUES;
    let stride = MATRIX;
    let top = first_row + row;
    let left = first_column + column;
    coopStoreT(c00, &sums[at], stride);
    store(at, lane, top, left);
    coopStoreT(c01, &sums[at], stride);
    store(at, lane, top, left + MATRIX);
    coopStoreT(c02, &sums[at], stride);
    store(at, lane, top, left + 2u * MATRIX);
    coopStoreT(c03, &sums[at], stride);
    store(at, lane, top, left + 3u * MATRIX);
    if MATRICES > 1u {
        coopStoreT(c10, &sums[at], stride);
        store(at, lane, top + MATRIX, left);
        coopStoreT(c11, &sums[at], stride);
        store(at, lane, top + MATRIX, left + MATRIX);
        coopStoreT(c12, &sums[at], stride);
        store(at, lane, top + MATRIX, left + 2u * MATRIX);
        coopStoreT(c13, &sums[at], stride);
        store(at, lane, top + MATRIX, left + 3u * MATRIX);
    }
    if MATRICES > 2u {
        coopStoreT(c20, &sums[at], stride);
        store(at, lane, top + 2u * MATRIX, left);
        coopStoreT(c21, &sums[at], stride);
        store(at, lane, top + 2u * MATRIX, left + MATRIX);
        coopStoreT(c22, &sums[at], stride);
        store(at, lane, top + 2u * MATRIX, left + 2u * MATRIX);
        coopStoreT(c23, &sums[at], stride);
        store(at, lane, top + 2u * MATRIX, left + 3u * MATRIX);
        coopStoreT(c30, &sums[at], stride);
        store(at, lane, top + 3u * MATRIX, left);
        coopStoreT(c31, &sums[at], stride);
        store(at, lane, top + 3u * MATRIX, left + MATRIX);
        coopStoreT(c32, &sums[at], stride);
        store(at, lane, top + 3u * MATRIX, left + 2u * MATRIX);
        coopStoreT(c33, &sums[at], stride);
        store(at, lane, top + 3u * MATRIX, left + 3u * MATRIX);
    }
}
