// y = layer_norm(x) for every row
// Shapes: x and output (T, D); D padded to a multiple of 64, the padding stays zero.
// Work: one workgroup a row, its invocations stride the columns.
// Source: arXiv 1607.06450, equation 3.

struct Params {
    rows: u32,    // T
    width: u32,   // D, in values
    stride: u32,  // D padded, in values
    epsilon: f32, // added to the variance
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> gain: array<f32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let start = group.x * params.stride;
    for (var column = thread; column < params.stride; column += THREADS) {
        output[start + column] = x[start + column];
    }
    layer_normalise(start, params.width, params.epsilon, thread);
}
