// int8 as f16, exactly: for matrices.
fn halves(weights: Weight4) -> vec4<f16> {
    return vec4<f16>(unpack4xI8(weights));
}
