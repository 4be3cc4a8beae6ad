// o_i = sum_j p_ij v_j,  p_ij = softmax_j(q_i . k_j / sqrt(HEAD_WIDTH) + bias(j - i)),  j over the tokens of i's own text
// Shapes: qkv (T, 3 D) as [q | k | v], each head HEAD_WIDTH columns of its third; output (T, D).
// Work: a workgroup takes QUERIES queries of one text and one head and walks over that text's keys, KEYS at a time, with a
// running maximum and sum; GROUP = THREADS / QUERIES invocations share a query, each holding every GROUP-th quad of its output.
// No mask and no padding: the walk ends at the text's own length.
// Source: attention, arXiv 1706.03762, equation 1; the running softmax, arXiv 1805.02867, algorithm 3.

struct Params {
    stride: u32,        // of qkv, in values
    output_stride: u32, // of output, in values
    width: u32,         // D = heads * HEAD_WIDTH, in values
    scale: f32,         // 1 / sqrt(HEAD_WIDTH)
    reach: u32,         // of the relative bias, in tokens; unused without one
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> qkv: array<f32>;
// One entry a block of queries: the text's first token, its length, the block's first query (both counted within the text), unused.
@group(0) @binding(3) var<storage, read> blocks: array<vec4<u32>>;

const GROUP: u32 = THREADS / QUERIES;
// Quads of a head, rounded up; the tiles hold zeros beyond HEAD_WIDTH.
const HEAD_QUADS: u32 = (HEAD_WIDTH + 3u) / 4u;
const OWN_QUADS: u32 = (HEAD_QUADS + GROUP - 1u) / GROUP;

var<workgroup> query_tile: array<vec4<f32>, QUERIES * HEAD_QUADS>;
var<workgroup> key_tile: array<vec4<f32>, KEYS * HEAD_QUADS>;
var<workgroup> value_tile: array<vec4<f32>, KEYS * HEAD_QUADS>;
var<workgroup> scores: array<f32, QUERIES * KEYS>;
var<workgroup> weights: array<f32, QUERIES * KEYS>;

/// The quad of columns 4 quad .. 4 quad + 3 of a head that starts at `start`, zeros beyond the head.
fn load_quad(start: u32, quad: u32) -> vec4<f32> {
    var loaded = vec4<f32>();
    for (var lane = 0u; lane < min(4u, HEAD_WIDTH - 4u * quad); lane++) {
        loaded[lane] = qkv[start + 4u * quad + lane];
    }
    return loaded;
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let block = blocks[workgroup.x];
    let head = workgroup.y;
    let first_token = block.x;
    let length = block.y;
    let first_query = block.z;
    let queries = min(QUERIES, length - first_query);
    let head_start = head * HEAD_WIDTH;

    for (var i = thread; i < QUERIES * HEAD_QUADS; i += THREADS) {
        let query = min(first_query + i / HEAD_QUADS, length - 1u);
        query_tile[i] = params.scale * load_quad((first_token + query) * params.stride + head_start, i % HEAD_QUADS);
    }

    let own_query = thread / GROUP;
    let own_lane = thread % GROUP;
    let query_in_text = first_query + own_query;
    var accumulated: array<vec4<f32>, OWN_QUADS>;
    for (var i = 0u; i < OWN_QUADS; i++) {
        accumulated[i] = vec4<f32>();
    }
    var maximum = -1e30;
    var sum = 0.0;

    for (var first_key = 0u; first_key < length; first_key += KEYS) {
        let keys = min(KEYS, length - first_key);
        for (var i = thread; i < keys * HEAD_QUADS; i += THREADS) {
            let start = (first_token + first_key + i / HEAD_QUADS) * params.stride + head_start;
            key_tile[i] = load_quad(start + params.width, i % HEAD_QUADS);
            value_tile[i] = load_quad(start + 2u * params.width, i % HEAD_QUADS);
        }
        workgroupBarrier();

        for (var key = own_lane; key < keys; key += GROUP) {
            var score = 0.0;
            for (var quad = 0u; quad < HEAD_QUADS; quad++) {
                let q = query_tile[own_query * HEAD_QUADS + quad];
                let k = key_tile[key * HEAD_QUADS + quad];
                score = fma(q.w, k.w, fma(q.z, k.z, fma(q.y, k.y, fma(q.x, k.x, score))));
            }
            scores[own_query * KEYS + key] = score + score_bias(head, query_in_text, first_key + key);
        }
        workgroupBarrier();

        var new_maximum = maximum;
        for (var key = 0u; key < keys; key++) {
            new_maximum = max(new_maximum, scores[own_query * KEYS + key]);
        }
        for (var key = own_lane; key < keys; key += GROUP) {
            let score = scores[own_query * KEYS + key];
            weights[own_query * KEYS + key] = select(exponential(score - new_maximum), score, is_spoilt(score));
        }
        workgroupBarrier();

        let decay = exponential(maximum - new_maximum);
        maximum = new_maximum;
        sum *= decay;
        for (var i = 0u; i < OWN_QUADS; i++) {
            accumulated[i] *= decay;
        }
        for (var key = 0u; key < keys; key++) {
            let weight = weights[own_query * KEYS + key];
            sum += weight;
            for (var i = 0u; i < OWN_QUADS; i++) {
                let quad = own_lane + i * GROUP;
                if quad < HEAD_QUADS {
                    accumulated[i] = fma(vec4<f32>(weight), value_tile[key * HEAD_QUADS + quad], accumulated[i]);
                }
            }
        }
        workgroupBarrier();
    }

    if own_query < queries {
        let start = (first_token + query_in_text) * params.output_stride;
        for (var i = 0u; i < OWN_QUADS; i++) {
            let quad = own_lane + i * GROUP;
            if quad < HEAD_QUADS {
                let result = accumulated[i] / sum;
                for (var lane = 0u; lane < min(4u, HEAD_WIDTH - 4u * quad); lane++) {
                    output[start + head_start + 4u * quad + lane] = result[lane];
                }
            }
        }
        // The columns that pad D to a multiple of 64 are zero, and the last head's workgroup writes them.
        if head_start + HEAD_WIDTH == params.width {
            for (var column = params.width + own_lane; column < params.output_stride; column += GROUP) {
                output[start + column] = 0.0;
            }
        }
    }
}
