// y = epilogue(x W^T + b), the variant for many rows
// Shapes: x (T, K), W (N, K) in panels, b (N), output (T, N); K and N multiples of 64, only T is ragged.
// Work: a workgroup computes TILE x TILE outputs, each of its SIDE x SIDE invocations 4 x 4 of them: rows 4 r .. 4 r + 3, columns c, c + SIDE,
// c + 2 SIDE, c + 3 SIDE. TILE STEP = 4 SIDE SIDE, so that each brings one quad of x and one of W a step.
// Order of addition over k, the same in every variant: ascending by fma inside chunks of CHUNK, then the chunks' sums, ascending.
// Source: the register-blocked product of Volkov and Demmel 2008 (10.1109/SC.2008.5214359), section 5.

// k is taken STEP at a time: STEP / 4 quads a row, and one more as padding, so that neighbouring rows start in different banks.
const QUADS: u32 = STEP / 4u;
const TILE_STRIDE: u32 = QUADS + 1u;
const SIDE: u32 = TILE / 4u;

var<workgroup> x_tile: array<vec4<f32>, TILE * TILE_STRIDE>;
var<workgroup> weight_tile: array<vec4<f32>, TILE * TILE_STRIDE>;

fn store(sums: vec4<f32>, row: u32, column: u32) {
    if row < params.rows {
        let start = row * params.columns;
        output[start + column] = epilogue(sums.x, row, column);
        output[start + column + SIDE] = epilogue(sums.y, row, column + SIDE);
        output[start + column + 2u * SIDE] = epilogue(sums.z, row, column + 2u * SIDE);
        output[start + column + 3u * SIDE] = epilogue(sums.w, row, column + 3u * SIDE);
    }
}

@compute @workgroup_size(SIDE * SIDE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first_row = group.y * TILE;
    let first_column = group.x * TILE;
    let r = thread / SIDE;
    let c = thread % SIDE;

    // What this invocation brings into the tiles: one quad of x and one of W a step. A row beyond the last is the last: never stored.
    let x_row = thread / QUADS;
    let x_quad = thread % QUADS;
    let x_start = min(first_row + x_row, params.rows - 1u) * (params.depth / 4u) + x_quad;
    let x_slot = x_row * TILE_STRIDE + x_quad;
    let w_row = thread % TILE;
    let w_quad = thread / TILE;
    let w_start = weight_start(first_column + w_row) + w_quad * PANEL;
    let w_slot = w_row * TILE_STRIDE + w_quad;

    var total0 = vec4<f32>();
    var total1 = vec4<f32>();
    var total2 = vec4<f32>();
    var total3 = vec4<f32>();
    for (var chunk = 0u; chunk < params.depth; chunk += CHUNK) {
        var sum0 = vec4<f32>();
        var sum1 = vec4<f32>();
        var sum2 = vec4<f32>();
        var sum3 = vec4<f32>();
        for (var step = chunk; step < chunk + CHUNK; step += STEP) {
            x_tile[x_slot] = x[x_start + step / 4u];
            weight_tile[w_slot] = widen(weight[w_start + step / 4u * PANEL]);
            workgroupBarrier();
            for (var quad = 0u; quad < QUADS; quad++) {
                let w0 = weight_tile[c * TILE_STRIDE + quad];
                let w1 = weight_tile[(c + SIDE) * TILE_STRIDE + quad];
                let w2 = weight_tile[(c + 2u * SIDE) * TILE_STRIDE + quad];
                let w3 = weight_tile[(c + 3u * SIDE) * TILE_STRIDE + quad];
                let k0 = vec4<f32>(w0.x, w1.x, w2.x, w3.x);
                let k1 = vec4<f32>(w0.y, w1.y, w2.y, w3.y);
                let k2 = vec4<f32>(w0.z, w1.z, w2.z, w3.z);
                let k3 = vec4<f32>(w0.w, w1.w, w2.w, w3.w);
                let x0 = x_tile[(4u * r) * TILE_STRIDE + quad];
                let x1 = x_tile[(4u * r + 1u) * TILE_STRIDE + quad];
                let x2 = x_tile[(4u * r + 2u) * TILE_STRIDE + quad];
                let x3 = x_tile[(4u * r + 3u) * TILE_STRIDE + quad];
                sum0 = fma(x0.wwww, k3, fma(x0.zzzz, k2, fma(x0.yyyy, k1, fma(x0.xxxx, k0, sum0))));
                sum1 = fma(x1.wwww, k3, fma(x1.zzzz, k2, fma(x1.yyyy, k1, fma(x1.xxxx, k0, sum1))));
                sum2 = fma(x2.wwww, k3, fma(x2.zzzz, k2, fma(x2.yyyy, k1, fma(x2.xxxx, k0, sum2))));
                sum3 = fma(x3.wwww, k3, fma(x3.zzzz, k2, fma(x3.yyyy, k1, fma(x3.xxxx, k0, sum3))));
            }
            workgroupBarrier();
        }
        total0 += sum0;
        total1 += sum1;
        total2 += sum2;
        total3 += sum3;
    }

    let row = first_row + 4u * r;
    let column = first_column + c;
    store(total0, row, column);
    store(total1, row + 1u, column);
    store(total2, row + 2u, column);
    store(total3, row + 3u, column);
}
