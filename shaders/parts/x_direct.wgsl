// x for `linear_rows.wgsl`, read as it lies: all invocations ask for one quad, which a cache hands to all at once.
struct Invocation {
    @builtin(local_invocation_index) thread: u32,
}

fn quads_at_once(invocation: Invocation) -> u32 {
    return 1u;
}

fn brought(invocation: Invocation, first_row: u32, quad: u32) -> vec4<f32> {
    return vec4<f32>();
}

/// A row beyond the last is the last: never stored.
fn x_quad(own: vec4<f32>, next: u32, row: u32, i: u32, quad: u32) -> vec4<f32> {
    return x[min(row, params.rows - 1u) * (params.depth / 4u) + quad];
}
