// y = epilogue(x W^T + b), the variants without workgroup memory, where no invocation waits for another
// Shapes: x (T, K), W (N, K) in panels, b (N), output (T, N); K and N multiples of 64, only T is ragged.
// Work: a workgroup computes ROWS x COLUMNS outputs, each of its invocations ROWS x 4 of them: columns c, c + THREADS, c + 2 THREADS, c + 3 THREADS.
// Neighbours read neighbouring weights, once. All need the same quads of x at the same time; a part says where from, and begins.
// Order of addition over k, the same in every variant: ascending by fma inside chunks of CHUNK, then the chunks' sums, ascending.
// Source: Volkov 2010, "Better performance at lower occupancy": outputs in registers, many of them.

const THREADS: u32 = COLUMNS / 4u;
// Quads of k of one chunk.
const QUADS: u32 = CHUNK / 4u;

/// All of it, for an invocation that is the `lane`th of its subgroup, where `width` quads of x come at once.
fn compute(group: vec3<u32>, thread: u32, lane: u32, width: u32) {
    let first_row = group.y * ROWS;
    let first_column = group.x * COLUMNS + thread;
    // A column beyond the last is the last: never stored.
    let last = params.columns - 1u;
    let w_start = vec4<u32>(
        weight_start(min(first_column, last)),
        weight_start(min(first_column + THREADS, last)),
        weight_start(min(first_column + 2u * THREADS, last)),
        weight_start(min(first_column + 3u * THREADS, last)),
    );

    // Of a row, its four columns.
    var total: array<vec4<f32>, ROWS>;
    for (var i = 0u; i < ROWS; i++) {
        total[i] = vec4<f32>();
    }
    for (var chunk = 0u; chunk < params.depth / 4u; chunk += QUADS) {
        var sum: array<vec4<f32>, ROWS>;
        for (var i = 0u; i < ROWS; i++) {
            sum[i] = vec4<f32>();
        }
        for (var quad = chunk; quad < chunk + QUADS; quad += width) {
            let own = brought(lane, width, first_row, quad);
            for (var next = 0u; next < width; next++) {
                let at = w_start + (quad + next) * PANEL;
                let w0 = widen(weight[at.x]);
                let w1 = widen(weight[at.y]);
                let w2 = widen(weight[at.z]);
                let w3 = widen(weight[at.w]);
                let k0 = vec4<f32>(w0.x, w1.x, w2.x, w3.x);
                let k1 = vec4<f32>(w0.y, w1.y, w2.y, w3.y);
                let k2 = vec4<f32>(w0.z, w1.z, w2.z, w3.z);
                let k3 = vec4<f32>(w0.w, w1.w, w2.w, w3.w);
                for (var i = 0u; i < ROWS; i++) {
                    let a = x_quad(own, next, first_row + i, i, quad + next);
                    sum[i] = fma(a.wwww, k3, fma(a.zzzz, k2, fma(a.yyyy, k1, fma(a.xxxx, k0, sum[i]))));
                }
            }
        }
        for (var i = 0u; i < ROWS; i++) {
            total[i] += sum[i];
        }
    }

    for (var i = 0u; i < ROWS; i++) {
        let row = first_row + i;
        for (var j = 0u; j < 4u; j++) {
            let column = first_column + j * THREADS;
            if row < params.rows && column < params.columns {
                output[row * params.columns + column] = epilogue(total[i][j], row, column);
            }
        }
    }
}
