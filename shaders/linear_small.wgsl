// y = epilogue(x W^T + b), the variant for few rows, where reading W is the work
// Shapes: x (T, K), W (N, K) in panels, b (N), output (T, N); K and N multiples of 64, only T is ragged.
// Work: a workgroup computes ROWS x COLUMNS outputs; LANES invocations a column share k, a chunk each at a time.
// Order of addition over k, the same in every variant: ascending by fma inside chunks of CHUNK, then the chunks' sums, ascending.
// Source: split-k reduction, as in Stream-K (arXiv 2301.03598), section 3.2.

// The sums of the chunks of one round: [lane][column], all ROWS rows of them in one vector.
var<workgroup> chunk_sums: array<vec4<f32>, LANES * COLUMNS>;

@compute @workgroup_size(LANES * COLUMNS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let column = group.x * COLUMNS + thread % COLUMNS;
    let lane = thread / COLUMNS;
    let first_row = group.y * ROWS;
    let quads = params.depth / 4u;
    let last = params.rows - 1u;
    // A row beyond the last is the last: never stored.
    let x0 = min(first_row, last) * quads;
    let x1 = min(first_row + 1u, last) * quads;
    let x2 = min(first_row + 2u, last) * quads;
    let x3 = min(first_row + 3u, last) * quads;

    let weights = weight_start(column);
    var total = vec4<f32>();
    for (var round = 0u; round < params.depth; round += LANES * CHUNK) {
        var sum = vec4<f32>();
        let chunk = round + lane * CHUNK;
        if chunk < params.depth {
            let start = chunk / 4u;
            for (var quad = start; quad < start + CHUNK / 4u; quad++) {
                let w = widen(weight[weights + quad * PANEL]);
                let a = x[x0 + quad];
                let b = x[x1 + quad];
                let c = x[x2 + quad];
                let d = x[x3 + quad];
                sum = fma(vec4<f32>(a.x, b.x, c.x, d.x), w.xxxx, sum);
                sum = fma(vec4<f32>(a.y, b.y, c.y, d.y), w.yyyy, sum);
                sum = fma(vec4<f32>(a.z, b.z, c.z, d.z), w.zzzz, sum);
                sum = fma(vec4<f32>(a.w, b.w, c.w, d.w), w.wwww, sum);
            }
        }
        chunk_sums[thread] = sum;
        workgroupBarrier();
        if lane == 0u {
            let chunks = min(LANES, (params.depth - round) / CHUNK);
            for (var other = 0u; other < chunks; other++) {
                total += chunk_sums[other * COLUMNS + thread];
            }
        }
        workgroupBarrier();
    }

    if lane == 0u {
        for (var i = 0u; i < min(ROWS, params.rows - first_row); i++) {
            let row = first_row + i;
            output[row * params.columns + column] = epilogue(total[i], row, column);
        }
    }
}
