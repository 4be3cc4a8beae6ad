// y = epilogue(x W^T + b), the variant for many rows that reads half as much from the tiles: more registers an invocation
// Shapes: x (T, K), W (N, K) in panels, b (N), output (T, N); K and N multiples of 64, only T is ragged.
// Work: a workgroup computes TILE x TILE outputs, each of its SIDE x SIDE invocations 8 x 8 of them: rows 8 r .. 8 r + 7, columns 4 c .. 4 c + 3 and
// TILE / 2 further. x and W lie in the tiles by k, so that four columns' weights are one quad. TILE STEP = 16 SIDE SIDE, so that each brings four
// quads of x and of W a step.
// Order of addition over k, the same in every variant: ascending by fma inside chunks of CHUNK, then the chunks' sums, ascending.
// Source: the register-blocked product of Volkov and Demmel 2008 (10.1109/SC.2008.5214359), section 5.

const SIDE: u32 = TILE / 8u;
// k is taken STEP at a time: STEP / 4 quads of a row.
const QUADS: u32 = STEP / 4u;
// Quads of rows or columns of one k, and one more as padding.
const TILE_STRIDE: u32 = TILE / 4u + 1u;

var<workgroup> x_tile: array<vec4<f32>, STEP * TILE_STRIDE>;
var<workgroup> weight_tile: array<vec4<f32>, STEP * TILE_STRIDE>;

// Four rows' quads of four k, as four k's quads of four rows.
fn store_turned_x(slot: u32, a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) {
    x_tile[slot] = vec4<f32>(a.x, b.x, c.x, d.x);
    x_tile[slot + TILE_STRIDE] = vec4<f32>(a.y, b.y, c.y, d.y);
    x_tile[slot + 2u * TILE_STRIDE] = vec4<f32>(a.z, b.z, c.z, d.z);
    x_tile[slot + 3u * TILE_STRIDE] = vec4<f32>(a.w, b.w, c.w, d.w);
}

fn store_turned_weight(slot: u32, a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) {
    weight_tile[slot] = vec4<f32>(a.x, b.x, c.x, d.x);
    weight_tile[slot + TILE_STRIDE] = vec4<f32>(a.y, b.y, c.y, d.y);
    weight_tile[slot + 2u * TILE_STRIDE] = vec4<f32>(a.z, b.z, c.z, d.z);
    weight_tile[slot + 3u * TILE_STRIDE] = vec4<f32>(a.w, b.w, c.w, d.w);
}

@compute @workgroup_size(SIDE * SIDE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first_row = group.y * TILE;
    let first_column = group.x * TILE;
    let r = thread / SIDE;
    let c = thread % SIDE;
    let depth_quads = params.depth / 4u;

    // What this invocation brings into the tiles: four rows' quads of x and of W a step, turned so that a quad is of one k.
    let x_rows = 4u * (thread / QUADS);
    let x_quad = thread % QUADS;
    // A row beyond the last is the last: never stored.
    let x_start = min(vec4<u32>(first_row + x_rows) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.rows - 1u)) * depth_quads;
    let x_slot = 4u * x_quad * TILE_STRIDE + x_rows / 4u;
    let w_rows = 4u * (thread % (TILE / 4u));
    let w_quad = thread / (TILE / 4u);
    let w_start = weight_start(first_column + w_rows) + w_quad * PANEL;
    let w_slot = 4u * w_quad * TILE_STRIDE + w_rows / 4u;

    // Of row i and columns 4 c .. 4 c + 3 at 2 i, of those TILE / 2 further at 2 i + 1.
    var total: array<vec4<f32>, 16>;
    for (var i = 0u; i < 16u; i++) {
        total[i] = vec4<f32>();
    }
    for (var chunk = 0u; chunk < params.depth; chunk += CHUNK) {
        var sum: array<vec4<f32>, 16>;
        for (var i = 0u; i < 16u; i++) {
            sum[i] = vec4<f32>();
        }
        for (var step = chunk; step < chunk + CHUNK; step += STEP) {
            let quad = step / 4u + x_quad;
            store_turned_x(x_slot, x[x_start.x + quad], x[x_start.y + quad], x[x_start.z + quad], x[x_start.w + quad]);
            let at = w_start + step / 4u * PANEL;
            store_turned_weight(
                w_slot,
                widen(weight[at]),
                widen(weight[at + 1u]),
                widen(weight[at + 2u]),
                widen(weight[at + 3u]),
            );
            workgroupBarrier();
            for (var k = 0u; k < STEP; k++) {
                let w0 = weight_tile[k * TILE_STRIDE + c];
                let w1 = weight_tile[k * TILE_STRIDE + TILE / 8u + c];
                let x0 = x_tile[k * TILE_STRIDE + 2u * r];
                let x1 = x_tile[k * TILE_STRIDE + 2u * r + 1u];
                for (var i = 0u; i < 4u; i++) {
                    sum[2u * i] = fma(vec4<f32>(x0[i]), w0, sum[2u * i]);
                    sum[2u * i + 1u] = fma(vec4<f32>(x0[i]), w1, sum[2u * i + 1u]);
                    sum[2u * i + 8u] = fma(vec4<f32>(x1[i]), w0, sum[2u * i + 8u]);
                    sum[2u * i + 9u] = fma(vec4<f32>(x1[i]), w1, sum[2u * i + 9u]);
                }
            }
            workgroupBarrier();
        }
        for (var i = 0u; i < 16u; i++) {
            total[i] += sum[i];
        }
    }

    for (var i = 0u; i < 8u; i++) {
        let row = first_row + 8u * r + i;
        if row < params.rows {
            for (var half = 0u; half < 2u; half++) {
                let column = first_column + half * (TILE / 2u) + 4u * c;
                for (var j = 0u; j < 4u; j++) {
                    output[row * params.columns + column + j] = epilogue(total[2u * i + half][j], row, column + j);
                }
            }
        }
    }
}
