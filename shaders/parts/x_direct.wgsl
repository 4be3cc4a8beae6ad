// x for `linear_rows.wgsl`, read as it lies: all invocations ask for one quad, which a cache hands to all at once.
@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    compute(group, thread, 0u, 1u);
}

fn brought(lane: u32, width: u32, first_row: u32, quad: u32) -> vec4<f32> {
    return vec4<f32>();
}

/// A row beyond the last is the last: never stored.
fn x_quad(own: vec4<f32>, next: u32, row: u32, i: u32, quad: u32) -> vec4<f32> {
    return x[min(row, params.rows - 1u) * (params.depth / 4u) + quad];
}
