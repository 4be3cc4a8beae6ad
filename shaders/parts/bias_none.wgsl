// Attention without a position bias.
fn score_bias(head: u32, query: u32, key: u32) -> f32 {
    return 0.0;
}
