// What a linear layer does to a sum before it is stored: adds the bias and the residual stream, (T, N).
@group(0) @binding(5) var<storage, read> residual: array<f32>;

fn epilogue(sum: f32, row: u32, column: u32) -> f32 {
    return scaled(sum, column) + bias[column] + residual[row * params.columns + column];
}
