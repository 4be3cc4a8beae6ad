// A linear layer whose weights are stored as they are.
fn scaled(sum: f32, column: u32) -> f32 {
    return sum;
}
