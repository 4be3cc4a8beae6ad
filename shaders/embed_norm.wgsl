// x = layer_norm(words[w_t] + positions[p_t] + token_type) for every token t
// Shapes: words (V, D), positions (P, D), token_type (D), output (T, D); D padded to a multiple of 64, the padding zero.
// Work: one workgroup a token, its invocations stride the columns.
// Source: BERT, arXiv 1810.04805, section 3 (input representation).

struct Params {
    tokens: u32,  // T
    width: u32,   // D, in values
    stride: u32,  // D padded, in values
    epsilon: f32, // added to the variance
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> words: array<Weight4>;
@group(0) @binding(3) var<storage, read> positions: array<Weight4>;
@group(0) @binding(4) var<storage, read> token_type: array<f32>;
@group(0) @binding(5) var<storage, read> gain: array<f32>;
@group(0) @binding(6) var<storage, read> bias: array<f32>;
// One pair a token: its row of `words`, its row of `positions`.
@group(0) @binding(7) var<storage, read> rows: array<vec2<u32>>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let token = group.x;
    let start = token * params.stride;
    let quads = params.stride / 4u;
    let word = rows[token].x * quads;
    let position = rows[token].y * quads;
    for (var column = thread; column < params.stride; column += THREADS) {
        let quad = column / 4u;
        let lane = column % 4u;
        let sum = widen(words[word + quad])[lane] + token_type[column];
        output[start + column] = sum + widen(positions[position + quad])[lane];
    }
    layer_normalise(start, params.width, params.epsilon, thread);
}
