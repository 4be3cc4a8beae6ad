// y = epilogue(x W^T + b) of integers, four products at a time, the variant for few rows, where reading W is the work
// Shapes: x (T, K) in int8 and a scale a row, W (N, K) in panels, b (N), output (T, N); K and N multiples of 64, only T is ragged.
// Work: a workgroup computes ROWS x COLUMNS outputs; LANES invocations a column share k, sixteen numbers each at a time.
// Sums are integers and exact: there is no order of addition.
// Source: split-k reduction, as in Stream-K (arXiv 2301.03598), section 3.2.

// The sums of each lane's share: [lane][column], all ROWS rows of them in one vector.
var<workgroup> shares: array<vec4<i32>, LANES * COLUMNS>;

@compute @workgroup_size(LANES * COLUMNS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let column = group.x * COLUMNS + thread % COLUMNS;
    let lane = thread / COLUMNS;
    let first_row = group.y * ROWS;
    let vectors = params.depth / 16u;
    let last = params.rows - 1u;
    // A row beyond the last is the last: never stored.
    let x0 = min(first_row, last) * vectors;
    let x1 = min(first_row + 1u, last) * vectors;
    let x2 = min(first_row + 2u, last) * vectors;
    let x3 = min(first_row + 3u, last) * vectors;

    let weights = weight_start(column);
    var sum = vec4<i32>();
    for (var vector = lane; vector < vectors; vector += LANES) {
        let a = x[x0 + vector];
        let b = x[x1 + vector];
        let c = x[x2 + vector];
        let d = x[x3 + vector];
        for (var word = 0u; word < 4u; word++) {
            let w = weight[weights + (4u * vector + word) * PANEL];
            sum += vec4<i32>(
                dot4(a[word], w),
                dot4(b[word], w),
                dot4(c[word], w),
                dot4(d[word], w),
            );
        }
    }
    shares[thread] = sum;
    workgroupBarrier();
    if lane == 0u {
        for (var other = 1u; other < LANES; other++) {
            sum += shares[other * COLUMNS + thread];
        }
        for (var i = 0u; i < min(ROWS, params.rows - first_row); i++) {
            let row = first_row + i;
            output[row * params.columns + column] = epilogue(f32(sum[i]) * row_scale(row), row, column);
        }
    }
}
