// Four neighbouring weights of one row, stored as f16 and read as such. Needs the device feature `shader-f16`.
enable f16;

alias Weight4 = vec4<f16>;

fn widen(weights: Weight4) -> vec4<f32> {
    return vec4<f32>(weights);
}

/// As matrices take them.
fn halves(weights: Weight4) -> vec4<f16> {
    return weights;
}
