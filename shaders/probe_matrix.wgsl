// C_i <- A_i B_i + C_i, again and again: the device's peak of matrices that a subgroup multiplies, with nothing to read
// Shapes: output, one value an invocation.
// Work: 8 products of two matrices a round and subgroup, of as many matrices as the linear layer's inner loop has.

struct Params {
    rounds: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;

const VALUES: u32 = MATRIX * MATRIX;
const THREADS: u32 = SUBGROUPS * SUBGROUP;

var<workgroup> factors: array<f16, 2u * VALUES>;
// Of each subgroup one matrix, which has as many values as the subgroup invocations, or more.
var<workgroup> sums: array<f32, SUBGROUPS * VALUES>;

/// A value of what was just stored.
fn stored(thread: u32) -> f32 {
    workgroupBarrier();
    let value = sums[thread];
    workgroupBarrier();
    return value;
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
    @builtin(subgroup_id) subgroup: u32,
) {
    // From the workgroup's number, so that nothing is known before it runs.
    for (var i = thread; i < 2u * VALUES; i += THREADS) {
        factors[i] = f16(f32((i + group.x) % 7u) / 1024.0);
    }
    workgroupBarrier();
    let stride = MATRIX;
    let second = VALUES;
    let first = 0u;
    let a0 = coopLoadT<MatrixA>(&factors[first], stride);
    let a1 = coopLoadT<MatrixA>(&factors[second], stride);
    let b0 = coopLoadT<MatrixB>(&factors[first], stride);
    let b1 = coopLoadT<MatrixB>(&factors[second], stride);
    let b2 = coopLoad<MatrixB>(&factors[first], stride);
    let b3 = coopLoad<MatrixB>(&factors[second], stride);
    var c00 = MatrixC();
    var c01 = MatrixC();
    var c02 = MatrixC();
    var c03 = MatrixC();
    var c10 = MatrixC();
    var c11 = MatrixC();
    var c12 = MatrixC();
    var c13 = MatrixC();
    for (var round = 0u; round < params.rounds; round++) {
        c00 = coopMultiplyAdd(a0, b0, c00);
        c01 = coopMultiplyAdd(a0, b1, c01);
        c02 = coopMultiplyAdd(a0, b2, c02);
        c03 = coopMultiplyAdd(a0, b3, c03);
        c10 = coopMultiplyAdd(a1, b0, c10);
        c11 = coopMultiplyAdd(a1, b1, c11);
        c12 = coopMultiplyAdd(a1, b2, c12);
        c13 = coopMultiplyAdd(a1, b3, c13);
    }
    // Each in turn, where every invocation can read it: all of them count.
    let at = subgroup * VALUES;
    var sum = 0.0;
    coopStoreT(c00, &sums[at], stride);
    sum += stored(thread);
    coopStoreT(c01, &sums[at], stride);
    sum += stored(thread);
    coopStoreT(c02, &sums[at], stride);
    sum += stored(thread);
    coopStoreT(c03, &sums[at], stride);
    sum += stored(thread);
    coopStoreT(c10, &sums[at], stride);
    sum += stored(thread);
    coopStoreT(c11, &sums[at], stride);
    sum += stored(thread);
    coopStoreT(c12, &sums[at], stride);
    sum += stored(thread);
    coopStoreT(c13, &sums[at], stride);
    sum += stored(thread);
    output[group.x * THREADS + thread] = sum;
}
