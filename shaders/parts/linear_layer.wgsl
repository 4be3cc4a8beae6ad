// What every linear layer binds beside x: W (N, K) in panels, b (N), output (T, N).
struct Params {
    rows: u32,    // T
    columns: u32, // N padded, in values
    depth: u32,   // K padded, in values
    width: u32,   // N, in values
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<storage, read> weight: array<Weight4>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;

/// Where the first quad of k of a row of W lies; its next one is PANEL further, and the next row's first one is beside it.
fn weight_start(row: u32) -> u32 {
    return row / PANEL * (params.depth / 4u) * PANEL + row % PANEL;
}
