// x of a linear layer as `round.wgsl` leaves it: (T, K) in int8, sixteen to a vector, then a scale for each row.
@group(0) @binding(2) var<storage, read> x: array<vec4<u32>>;

/// A function of its own: naga's MSL declares what it is given once a call, which two calls in one scope would not survive.
fn dot4(a: u32, b: u32) -> i32 {
    return dot4I8Packed(a, b);
}

fn row_scale(row: u32) -> f32 {
    return bitcast<f32>(x[params.rows * (params.depth / 16u) + row / 4u][row % 4u]);
}
