// x for `linear_rows.wgsl`, handed around: each invocation of a subgroup, which has ROWS of them or more, brings one quad.
// Source: warp shuffles for what a tile would hold, as in CUDA's own guide, "Warp Shuffle Functions".
@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
    @builtin(subgroup_invocation_id) lane: u32,
    @builtin(subgroup_size) subgroup: u32,
) {
    // As many quads of each row as a subgroup brings. One that is larger than the workgroup is not full.
    compute(group, thread, lane, min(min(subgroup, THREADS) / ROWS, QUADS));
}

/// A row beyond the last is the last: never stored.
fn brought(lane: u32, width: u32, first_row: u32, quad: u32) -> vec4<f32> {
    let row = min(first_row + lane % ROWS, params.rows - 1u);
    return x[row * (params.depth / 4u) + quad + min(lane / ROWS, width - 1u)];
}

fn x_quad(own: vec4<f32>, next: u32, row: u32, i: u32, quad: u32) -> vec4<f32> {
    return subgroupShuffle(own, next * ROWS + i);
}
