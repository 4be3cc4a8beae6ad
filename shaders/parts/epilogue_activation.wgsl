// What a linear layer does to a sum before it is stored: adds the bias, applies the activation; the columns that pad N
// stay zero, though the sigmoid of zero is not.
fn epilogue(sum: f32, row: u32, column: u32) -> f32 {
    let activated = activate(scaled(sum, column) + bias[column]);
    return select(0.0, activated, column < params.width);
}
