// y_i = what CHAINS chains of z <- z + (four int8 of z . four int8 of b) are after `rounds`: the device's peak of products of int8, with nothing to read
// Shapes: output, one value an invocation.
// Work: 2 * 4 * CHAINS * rounds operations an invocation; the chains do not wait for each other.

struct Params {
    rounds: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;

const CHAINS: u32 = 8u;

fn next(z: i32, b: u32) -> i32 {
    return z + dot4I8Packed(bitcast<u32>(z), b);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    // From the invocation's number, so that nothing is known before it runs.
    let start = i32(id.x);
    let b = 0x01ff02feu + id.x;
    var z0 = start;
    var z1 = start + 1;
    var z2 = start + 2;
    var z3 = start + 3;
    var z4 = start + 4;
    var z5 = start + 5;
    var z6 = start + 6;
    var z7 = start + 7;
    for (var round = 0u; round < params.rounds; round++) {
        z0 = next(z0, b);
        z1 = next(z1, b);
        z2 = next(z2, b);
        z3 = next(z3, b);
        z4 = next(z4, b);
        z5 = next(z5, b);
        z6 = next(z6, b);
        z7 = next(z7, b);
    }
    output[id.x] = f32(z0 ^ z1 ^ z2 ^ z3 ^ z4 ^ z5 ^ z6 ^ z7);
}
