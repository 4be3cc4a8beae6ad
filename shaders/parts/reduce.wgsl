// Sum over a workgroup of THREADS invocations (a power of two), by halving: the same tree whatever the values.
var<workgroup> reduce_scratch: array<f32, THREADS>;

/// The sum of every invocation's `value`, given to all. Call it in uniform control flow.
fn workgroup_sum(value: f32, thread: u32) -> f32 {
    reduce_scratch[thread] = value;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half = half / 2u) {
        if thread < half {
            reduce_scratch[thread] += reduce_scratch[thread + half];
        }
        workgroupBarrier();
    }
    let sum = reduce_scratch[0];
    workgroupBarrier();
    return sum;
}
