// Four neighbouring weights of one rotated row, stored as int8 in one word; their scale comes last.
alias Weight4 = u32;

fn widen(weights: Weight4) -> vec4<f32> {
    return vec4<f32>(unpack4xI8(weights));
}
