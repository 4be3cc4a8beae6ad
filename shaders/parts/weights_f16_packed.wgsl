// Four neighbouring weights of one row, stored as f16 two to a word: for devices without `shader-f16`.
alias Weight4 = vec2<u32>;

fn widen(weights: Weight4) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(weights.x), unpack2x16float(weights.y));
}
