// Tiles of four numbers, which are stored at once: what Vulkan loads matrices from, too.
var<workgroup> x_tile: array<vec4<f16>, ROWS * TILE_STRIDE>;
var<workgroup> weight_tile: array<vec4<f16>, COLUMNS * TILE_STRIDE>;

/// From one row to the next, in what is loaded from.
const LOAD_STRIDE: u32 = TILE_STRIDE;

fn load_at(quad: u32) -> u32 {
    return quad;
}

fn put_x(quad: u32, values: vec4<f16>) {
    x_tile[quad] = values;
}

fn put_weight(quad: u32, values: vec4<f16>) {
    weight_tile[quad] = values;
}
