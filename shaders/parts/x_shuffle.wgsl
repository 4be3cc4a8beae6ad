// x for `linear_rows.wgsl`, handed around: each invocation of a subgroup, which has ROWS of them or more, brings one quad.
// Source: warp shuffles for what a tile would hold, as in CUDA's own guide, "Warp Shuffle Functions".
struct Invocation {
    @builtin(local_invocation_index) thread: u32,
    @builtin(subgroup_invocation_id) lane: u32,
    @builtin(subgroup_size) subgroup: u32,
}

/// As many of each row as a subgroup brings. One that is larger than the workgroup is not full.
fn quads_at_once(invocation: Invocation) -> u32 {
    return min(min(invocation.subgroup, THREADS) / ROWS, QUADS);
}

/// A row beyond the last is the last: never stored.
fn brought(invocation: Invocation, first_row: u32, quad: u32) -> vec4<f32> {
    let row = min(first_row + invocation.lane % ROWS, params.rows - 1u);
    let next = min(invocation.lane / ROWS, quads_at_once(invocation) - 1u);
    return x[row * (params.depth / 4u) + quad + next];
}

fn x_quad(own: vec4<f32>, next: u32, row: u32, i: u32, quad: u32) -> vec4<f32> {
    return subgroupShuffle(own, next * ROWS + i);
}
