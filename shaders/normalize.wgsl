// y = x / max(|x|, 1e-12), over the first `width` columns: L2 normalisation, of a cut vector where width < D
// Shapes: x (N, D), output (N, width); both padded to multiples of 64, the padding zero.
// Work: one workgroup a row.
// Source: torch.nn.functional.normalize, which sentence-transformers' Normalize calls, down to its epsilon.

struct Params {
    width: u32,         // of the normalised vector, in values
    stride: u32,        // of x, in values
    output_stride: u32, // of output, in values
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let start = group.x * params.stride;
    var squares = 0.0;
    for (var column = thread; column < params.width; column += THREADS) {
        squares = fma(x[start + column], x[start + column], squares);
    }
    let norm = max(sqrt(workgroup_sum(squares, thread)), 1e-12);
    for (var column = thread; column < params.output_stride; column += THREADS) {
        let inside = column < params.width;
        let source = start + min(column, params.width - 1u);
        output[group.x * params.output_stride + column] = select(0.0, x[source] / norm, inside);
    }
}
