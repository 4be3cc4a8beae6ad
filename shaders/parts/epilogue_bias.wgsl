// What a linear layer does to a sum before it is stored: adds the bias.
fn epilogue(sum: f32, row: u32, column: u32) -> f32 {
    return scaled(sum, column) + bias[column];
}
