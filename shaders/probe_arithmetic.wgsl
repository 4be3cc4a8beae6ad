// y_i = what CHAINS x 4 chains of z <- a z + b add up to after `rounds`: the device's peak of multiply-adds of a `Number`, with nothing to read
// Shapes: output, one value an invocation.
// Work: 2 * 4 * CHAINS * rounds operations an invocation; the chains do not wait for each other.

struct Params {
    rounds: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;

const CHAINS: u32 = 8u;

@compute @workgroup_size(THREADS)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    // From the invocation's number, so that nothing is known before it runs.
    let start = vec4<Number>(vec4<f32>(0.25, 0.5, 0.75, 1.0) * f32(id.x % 64u));
    let a = vec4<Number>(0.999, 0.998, 0.997, 0.996);
    let b = vec4<Number>(0.001, 0.002, 0.003, 0.004) + start * 1e-5;
    var z0 = start;
    var z1 = start + 1.0;
    var z2 = start + 2.0;
    var z3 = start + 3.0;
    var z4 = start + 4.0;
    var z5 = start + 5.0;
    var z6 = start + 6.0;
    var z7 = start + 7.0;
    for (var round = 0u; round < params.rounds; round++) {
        z0 = fma(z0, a, b);
        z1 = fma(z1, a, b);
        z2 = fma(z2, a, b);
        z3 = fma(z3, a, b);
        z4 = fma(z4, a, b);
        z5 = fma(z5, a, b);
        z6 = fma(z6, a, b);
        z7 = fma(z7, a, b);
    }
    let sum = vec4<f32>(z0 + z1 + z2 + z3 + z4 + z5 + z6 + z7);
    output[id.x] = sum.x + sum.y + sum.z + sum.w;
}
