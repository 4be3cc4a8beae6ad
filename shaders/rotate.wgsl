// y = part x R for every row: signs, then a Hadamard matrix of BLOCK x BLOCK, entries +-1, on each BLOCK neighbours
// Shapes: x and output (T, K); K a multiple of 64 and of BLOCK, a power of two and at most 256.
// Work: a workgroup takes SPAN columns of one row; its invocations take sums and differences of pairs, one bit of a column's number after the other.
// Source: QuaRot, arXiv 2404.00456; the fast Walsh-Hadamard transform, Fino and Algazi 1976 (10.1109/TC.1976.1674569).

struct Params {
    rows: u32,   // T
    stride: u32, // K, in values
    block: u32,  // BLOCK
    part: f32,   // a power of two
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;

var<workgroup> values: array<f32, SPAN>;

/// Whether a column changes its sign: the top bit of a hash, as the host has it.
fn is_flipped(column: u32) -> bool {
    let hash = column * 0x9e3779b1u;
    return ((hash ^ (hash >> 15u)) * 0x85ebca77u) >> 31u == 1u;
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first = group.y * SPAN;
    let span = min(SPAN, params.stride - first);
    let start = group.x * params.stride + first;
    for (var i = thread; i < span; i += THREADS) {
        let value = params.part * x[start + i];
        values[i] = select(value, -value, is_flipped(first + i));
    }
    workgroupBarrier();
    for (var bit = 1u; bit < params.block; bit *= 2u) {
        for (var pair = thread; pair < span / 2u; pair += THREADS) {
            let low = pair / bit * 2u * bit + pair % bit;
            let a = values[low];
            let b = values[low + bit];
            values[low] = a + b;
            values[low + bit] = a - b;
        }
        workgroupBarrier();
    }
    for (var i = thread; i < span; i += THREADS) {
        output[start + i] = values[i];
    }
}
