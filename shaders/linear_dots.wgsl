// y = epilogue(x W^T + b) of integers, four products at a time, the variant for many rows
// Shapes: x (T, K) in int8 and a scale a row, W (N, K) in panels, b (N), output (T, N); K and N multiples of 64, only T is ragged.
// Work: a workgroup computes TILE x TILE outputs, each of its SIDE x SIDE invocations 4 x 4 of them: rows 4 r .. 4 r + 3, columns c, c + SIDE,
// c + 2 SIDE, c + 3 SIDE. 16 SIDE SIDE = TILE STEP, so that each brings sixteen numbers of x and of W a step.
// Sums are integers and exact: there is no order of addition.
// Source: the register-blocked product of Volkov and Demmel 2008 (10.1109/SC.2008.5214359), section 5.

// k is taken STEP at a time: STEP / 16 vectors a row, and one more as padding, so that neighbouring rows start in different banks.
const VECTORS: u32 = STEP / 16u;
const TILE_STRIDE: u32 = VECTORS + 1u;
const SIDE: u32 = TILE / 4u;

var<workgroup> x_tile: array<vec4<u32>, TILE * TILE_STRIDE>;
var<workgroup> weight_tile: array<vec4<u32>, TILE * TILE_STRIDE>;

fn dot16(a: vec4<u32>, b: vec4<u32>) -> i32 {
    return dot4(a.x, b.x) + dot4(a.y, b.y) + dot4(a.z, b.z) + dot4(a.w, b.w);
}

/// A row's with four columns.
fn dots(row: vec4<u32>, w0: vec4<u32>, w1: vec4<u32>, w2: vec4<u32>, w3: vec4<u32>) -> vec4<i32> {
    return vec4<i32>(dot16(row, w0), dot16(row, w1), dot16(row, w2), dot16(row, w3));
}

fn store(sums: vec4<i32>, row: u32, column: u32) {
    if row < params.rows {
        let start = row * params.columns;
        let products = vec4<f32>(sums) * row_scale(row);
        output[start + column] = epilogue(products.x, row, column);
        output[start + column + SIDE] = epilogue(products.y, row, column + SIDE);
        output[start + column + 2u * SIDE] = epilogue(products.z, row, column + 2u * SIDE);
        output[start + column + 3u * SIDE] = epilogue(products.w, row, column + 3u * SIDE);
    }
}

@compute @workgroup_size(SIDE * SIDE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first_row = group.y * TILE;
    let first_column = group.x * TILE;
    let r = thread / SIDE;
    let c = thread % SIDE;

    // What this invocation brings into the tiles: a vector of x and one of W a step. A row beyond the last is the last: never stored.
    let x_row = thread / VECTORS;
    let x_vector = thread % VECTORS;
    let x_start = min(first_row + x_row, params.rows - 1u) * (params.depth / 16u) + x_vector;
    let x_slot = x_row * TILE_STRIDE + x_vector;
    let w_row = thread % TILE;
    let w_vector = thread / TILE;
    let w_start = weight_start(first_column + w_row) + 4u * w_vector * PANEL;
    let w_slot = w_row * TILE_STRIDE + w_vector;

    var sum0 = vec4<i32>();
    var sum1 = vec4<i32>();
    var sum2 = vec4<i32>();
    var sum3 = vec4<i32>();
    for (var step = 0u; step < params.depth; step += STEP) {
        x_tile[x_slot] = x[x_start + step / 16u];
        let at = w_start + step / 4u * PANEL;
        weight_tile[w_slot] = vec4<u32>(weight[at], weight[at + PANEL], weight[at + 2u * PANEL], weight[at + 3u * PANEL]);
        workgroupBarrier();
        for (var vector = 0u; vector < VECTORS; vector++) {
            let w0 = weight_tile[c * TILE_STRIDE + vector];
            let w1 = weight_tile[(c + SIDE) * TILE_STRIDE + vector];
            let w2 = weight_tile[(c + 2u * SIDE) * TILE_STRIDE + vector];
            let w3 = weight_tile[(c + 3u * SIDE) * TILE_STRIDE + vector];
            sum0 += dots(x_tile[(4u * r) * TILE_STRIDE + vector], w0, w1, w2, w3);
            sum1 += dots(x_tile[(4u * r + 1u) * TILE_STRIDE + vector], w0, w1, w2, w3);
            sum2 += dots(x_tile[(4u * r + 2u) * TILE_STRIDE + vector], w0, w1, w2, w3);
            sum3 += dots(x_tile[(4u * r + 3u) * TILE_STRIDE + vector], w0, w1, w2, w3);
        }
        workgroupBarrier();
    }

    let row = first_row + 4u * r;
    let column = first_column + c;
    store(sum0, row, column);
    store(sum1, row + 1u, column);
    store(sum2, row + 2u, column);
    store(sum3, row + 3u, column);
}
