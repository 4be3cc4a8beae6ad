// o_i = sum_j p_ij v_j,  p_ij = softmax_j(q_i . k_j / sqrt(HEAD_WIDTH) + bias(j - i)),  j over the tokens of i's own text
// Shapes: qkv (T, 3 D) as [q | k | v], each head HEAD_WIDTH columns of its third; output (T, D).
// Work: a workgroup takes QUERIES queries of one text and one head and walks over that text's keys, KEYS at a time, with a
// running maximum and sum. For products an invocation has two queries and every COLUMNS-th key or quad of the output; for the
// softmax GROUP = THREADS / QUERIES invocations share a query. Keys and then values lie in one tile.
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
@group(0) @binding(2) var<storage, read> qkv: array<vec4<f32>>;
// One entry a block of queries: the text's first token, its length, the block's first query (both counted within the text), unused.
@group(0) @binding(3) var<storage, read> blocks: array<vec4<u32>>;

const GROUP: u32 = THREADS / QUERIES;
const COLUMNS: u32 = 2u * THREADS / QUERIES;
// Quads of a head, rounded up; the tiles hold zeros beyond HEAD_WIDTH.
const HEAD_QUADS: u32 = (HEAD_WIDTH + 3u) / 4u;
// From one token's quads to the next one's, and from one query's scores: odd, so that neighbours start in different banks.
const TILE_STRIDE: u32 = HEAD_QUADS | 1u;
const SCORE_STRIDE: u32 = KEYS | 1u;
const OWN_QUADS: u32 = (HEAD_QUADS + COLUMNS - 1u) / COLUMNS;
const OWN_KEYS: u32 = (KEYS + COLUMNS - 1u) / COLUMNS;

var<workgroup> query_tile: array<vec4<f32>, QUERIES * TILE_STRIDE>;
// Keys, then values.
var<workgroup> tile: array<vec4<f32>, KEYS * TILE_STRIDE>;
// Scores, then weights.
var<workgroup> scores: array<f32, QUERIES * SCORE_STRIDE>;
var<workgroup> maxima: array<f32, THREADS>;
var<workgroup> sums: array<f32, THREADS>;
var<workgroup> decays: array<f32, QUERIES>;

/// The quad of columns 4 quad .. 4 quad + 3 of a head that starts at `start`, zeros beyond the head.
fn load_quad(start: u32, quad: u32) -> vec4<f32> {
    let first = start + 4u * quad;
    if HEAD_WIDTH % 4u == 0u {
        return qkv[first / 4u];
    }
    var loaded = vec4<f32>();
    for (var lane = 0u; lane < min(4u, HEAD_WIDTH - 4u * quad); lane++) {
        let at = first + lane;
        loaded[lane] = qkv[at / 4u][at % 4u];
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

    // A query beyond the last is the last: never stored.
    for (var i = thread; i < QUERIES * HEAD_QUADS; i += THREADS) {
        let query = min(first_query + i / HEAD_QUADS, length - 1u);
        query_tile[i / HEAD_QUADS * TILE_STRIDE + i % HEAD_QUADS] =
            params.scale * load_quad((first_token + query) * params.stride + head_start, i % HEAD_QUADS);
    }

    // For products.
    let query0 = 2u * (thread / COLUMNS);
    let query1 = query0 + 1u;
    let column = thread % COLUMNS;
    var output0: array<vec4<f32>, OWN_QUADS>;
    var output1: array<vec4<f32>, OWN_QUADS>;
    for (var i = 0u; i < OWN_QUADS; i++) {
        output0[i] = vec4<f32>();
        output1[i] = vec4<f32>();
    }
    // For the softmax.
    let own_query = thread / GROUP;
    let own_lane = thread % GROUP;
    var maximum = -1e30;
    var sum = 0.0;

    for (var first_key = 0u; first_key < length; first_key += KEYS) {
        let keys = min(KEYS, length - first_key);
        // Where its keys are. A key beyond the last is the last: never looked at.
        let key_start = head_start + params.width;
        for (var i = thread; i < KEYS * HEAD_QUADS; i += THREADS) {
            let token = first_token + min(first_key + i / HEAD_QUADS, length - 1u);
            tile[i / HEAD_QUADS * TILE_STRIDE + i % HEAD_QUADS] = load_quad(token * params.stride + key_start, i % HEAD_QUADS);
        }
        workgroupBarrier();

        var score0: array<f32, OWN_KEYS>;
        var score1: array<f32, OWN_KEYS>;
        for (var i = 0u; i < OWN_KEYS; i++) {
            score0[i] = 0.0;
            score1[i] = 0.0;
        }
        for (var quad = 0u; quad < HEAD_QUADS; quad++) {
            let a = query_tile[query0 * TILE_STRIDE + quad];
            let b = query_tile[query1 * TILE_STRIDE + quad];
            for (var i = 0u; i < OWN_KEYS; i++) {
                let k = tile[min(column + i * COLUMNS, KEYS - 1u) * TILE_STRIDE + quad];
                score0[i] = fma(a.w, k.w, fma(a.z, k.z, fma(a.y, k.y, fma(a.x, k.x, score0[i]))));
                score1[i] = fma(b.w, k.w, fma(b.z, k.z, fma(b.y, k.y, fma(b.x, k.x, score1[i]))));
            }
        }
        for (var i = 0u; i < OWN_KEYS; i++) {
            let key = column + i * COLUMNS;
            if key < keys {
                scores[query0 * SCORE_STRIDE + key] = score0[i] + score_bias(head, first_query + query0, first_key + key);
                scores[query1 * SCORE_STRIDE + key] = score1[i] + score_bias(head, first_query + query1, first_key + key);
            }
        }
        workgroupBarrier();

        let value_start = head_start + 2u * params.width;
        for (var i = thread; i < keys * HEAD_QUADS; i += THREADS) {
            let token = first_token + first_key + i / HEAD_QUADS;
            tile[i / HEAD_QUADS * TILE_STRIDE + i % HEAD_QUADS] = load_quad(token * params.stride + value_start, i % HEAD_QUADS);
        }
        var own_maximum = maximum;
        for (var key = own_lane; key < keys; key += GROUP) {
            own_maximum = max(own_maximum, scores[own_query * SCORE_STRIDE + key]);
        }
        maxima[thread] = own_maximum;
        workgroupBarrier();

        var new_maximum = maximum;
        for (var lane = 0u; lane < GROUP; lane++) {
            new_maximum = max(new_maximum, maxima[own_query * GROUP + lane]);
        }
        var own_sum = 0.0;
        for (var key = own_lane; key < keys; key += GROUP) {
            let score = scores[own_query * SCORE_STRIDE + key];
            let weight = select(exponential(score - new_maximum), score, is_spoilt(score));
            scores[own_query * SCORE_STRIDE + key] = weight;
            own_sum += weight;
        }
        let decay = exponential(maximum - new_maximum);
        maximum = new_maximum;
        sum = fma(sum, decay, own_sum);
        if own_lane == 0u {
            decays[own_query] = decay;
        }
        workgroupBarrier();

        let decay0 = decays[query0];
        let decay1 = decays[query1];
        for (var i = 0u; i < OWN_QUADS; i++) {
            output0[i] *= decay0;
            output1[i] *= decay1;
        }
        for (var key = 0u; key < keys; key++) {
            let weight0 = vec4<f32>(scores[query0 * SCORE_STRIDE + key]);
            let weight1 = vec4<f32>(scores[query1 * SCORE_STRIDE + key]);
            for (var i = 0u; i < OWN_QUADS; i++) {
                let v = tile[key * TILE_STRIDE + min(column + i * COLUMNS, HEAD_QUADS - 1u)];
                output0[i] = fma(weight0, v, output0[i]);
                output1[i] = fma(weight1, v, output1[i]);
            }
        }
        workgroupBarrier();
    }

    // A query's sum is in parts.
    sums[thread] = sum;
    workgroupBarrier();
    var sum0 = 0.0;
    var sum1 = 0.0;
    for (var lane = 0u; lane < GROUP; lane++) {
        sum0 += sums[query0 * GROUP + lane];
        sum1 += sums[query1 * GROUP + lane];
    }
    for (var i = 0u; i < OWN_QUADS; i++) {
        let quad = column + i * COLUMNS;
        if quad < HEAD_QUADS {
            store(output0[i] / sum0, query0, queries, first_token + first_query, head_start, quad);
            store(output1[i] / sum1, query1, queries, first_token + first_query, head_start, quad);
        }
    }
    // The columns that pad D to a multiple of 64 are zero, and the last head's workgroup writes them.
    if head_start + HEAD_WIDTH == params.width && own_query < queries {
        let start = (first_token + first_query + own_query) * params.output_stride;
        for (var i = params.width + own_lane; i < params.output_stride; i += GROUP) {
            output[start + i] = 0.0;
        }
    }
}

/// A quad of a query's result, where there is such a query.
fn store(result: vec4<f32>, query: u32, queries: u32, first_token: u32, head_start: u32, quad: u32) {
    if query < queries {
        let start = (first_token + query) * params.output_stride + head_start + 4u * quad;
        for (var lane = 0u; lane < min(4u, HEAD_WIDTH - 4u * quad); lane++) {
            output[start + lane] = result[lane];
        }
    }
}
