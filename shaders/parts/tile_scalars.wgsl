// Tiles of numbers: Metal loads matrices from nothing else.
var<workgroup> x_tile: array<f16, 4u * ROWS * TILE_STRIDE>;
var<workgroup> weight_tile: array<f16, 4u * COLUMNS * TILE_STRIDE>;

/// From one row to the next, in what is loaded from.
const LOAD_STRIDE: u32 = 4u * TILE_STRIDE;

fn load_at(quad: u32) -> u32 {
    return 4u * quad;
}

fn put_x(quad: u32, values: vec4<f16>) {
    x_tile[4u * quad] = values.x;
    x_tile[4u * quad + 1u] = values.y;
    x_tile[4u * quad + 2u] = values.z;
    x_tile[4u * quad + 3u] = values.w;
}

fn put_weight(quad: u32, values: vec4<f16>) {
    weight_tile[4u * quad] = values.x;
    weight_tile[4u * quad + 1u] = values.y;
    weight_tile[4u * quad + 2u] = values.z;
    weight_tile[4u * quad + 3u] = values.w;
}
