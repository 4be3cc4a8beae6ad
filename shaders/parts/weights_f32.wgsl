// Four neighbouring weights of one row, stored as f32.
alias Weight4 = vec4<f32>;

fn widen(weights: Weight4) -> vec4<f32> {
    return weights;
}
