// A linear layer whose rows of W are a scale times integers: the scales of all rows follow the integers.
fn scaled(sum: f32, column: u32) -> f32 {
    return sum * bitcast<f32>(weight[params.columns * (params.depth / 4u) + column]);
}
