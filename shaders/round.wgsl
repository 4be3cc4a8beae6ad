// y = the integers nearest to x / s, s = max |x| / 127, for every row; and s
// Shapes: x (T, K); output (T, K) in int8, four to a word, then s (T); K a multiple of 64.
// Work: one workgroup a row, its invocations stride the columns.
// Source: the usual symmetric rounding, as in LLM.int8(), arXiv 2208.07339, section 2.1.

struct Params {
    rows: u32,   // T
    stride: u32, // K, in values
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;

const LARGEST: f32 = 127.0;
// 2^-119: 127 over less is no f32. A row of less is zeros.
const LEAST: u32 = 0x04000000u;

// Each invocation's largest magnitude, as bits, which are in the order of magnitudes, what is no number beyond all.
var<workgroup> largest: array<u32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let quads = params.stride / 4u;
    let start = group.x * quads;
    var own = 0u;
    for (var quad = thread; quad < quads; quad += THREADS) {
        let bits = bitcast<vec4<u32>>(x[start + quad]) & vec4<u32>(0x7fffffffu);
        own = max(own, max(max(bits.x, bits.y), max(bits.z, bits.w)));
    }
    largest[thread] = own;
    workgroupBarrier();
    var bits = 0u;
    for (var other = 0u; other < THREADS; other++) {
        bits = max(bits, largest[other]);
    }
    let magnitude = bitcast<f32>(bits);
    let factor = select(0.0, LARGEST / magnitude, bits >= LEAST);
    for (var quad = thread; quad < quads; quad += THREADS) {
        let nearest = clamp(round(x[start + quad] * factor), vec4<f32>(-LARGEST), vec4<f32>(LARGEST));
        output[start + quad] = pack4xI8(vec4<i32>(nearest));
    }
    if thread == 0u {
        output[params.rows * quads + group.x] = bitcast<u32>(magnitude / LARGEST);
    }
}
