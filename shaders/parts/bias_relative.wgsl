// Attention with a relative-position bias that depends on key - query alone (MPNet, arXiv 2004.09297; T5, arXiv 1910.10683, section 2.1):
// one row of 2 reach + 1 values a head; beyond `reach` the outermost value holds.
@group(0) @binding(4) var<storage, read> relative_bias: array<f32>;

fn score_bias(head: u32, query: u32, key: u32) -> f32 {
    let reach = i32(params.reach);
    let distance = clamp(i32(key) - i32(query), -reach, reach);
    return relative_bias[head * (2u * params.reach + 1u) + u32(distance + reach)];
}
