// y = x: the device's peak of reading and writing memory
// Shapes: x and output, `quads` times four values.
// Work: STRIDES quads an invocation, neighbours by neighbours.

struct Params {
    quads: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first = group.x * THREADS * STRIDES + thread;
    for (var i = 0u; i < STRIDES; i++) {
        let quad = first + i * THREADS;
        if quad < params.quads {
            output[quad] = x[quad];
        }
    }
}
