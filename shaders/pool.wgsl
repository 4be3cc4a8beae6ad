// One vector a text from the vectors of its tokens, x_1 .. x_n, of which the first s are left out
// MEAN sum x_i / (n - s); CLS x_{s+1}; MAX the largest of each column; MEAN_SQRT_LEN sum x_i / sqrt(n - s); WEIGHTED_MEAN sum i x_i / sum i; LAST_TOKEN x_n.
// Shapes: x (T, D), output (N, several D): this mode's D columns begin at `offset`.
// Work: one invocation a column, one row of workgroups a text. Sums run in parts of PART tokens, so that long texts lose nothing.
// Source: Sentence-BERT, arXiv 1908.10084, section 3; SGPT for the weighted mean, arXiv 2202.08904, section 3.

struct Params {
    width: u32,         // D, in values
    stride: u32,        // of x, in values
    output_stride: u32, // of output, in values
    offset: u32,        // first column written
    skip: u32,          // s, less than every n
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
// offsets[i] .. offsets[i + 1] are the tokens of text i.
@group(0) @binding(3) var<storage, read> offsets: array<u32>;

const MEAN: u32 = 0;
const CLS: u32 = 1;
const MAX: u32 = 2;
const MEAN_SQRT_LEN: u32 = 3;
const WEIGHTED_MEAN: u32 = 4;
const LAST_TOKEN: u32 = 5;

const PART: u32 = 32;

/// sum of w_i x_i over first <= token < end, w_i = 1 or, for the weighted mean, i: the token's number in the text, from 1.
fn weighted_sum(first: u32, end: u32, column: u32) -> f32 {
    var total = 0.0;
    for (var part = first; part < end; part += PART) {
        var sum = 0.0;
        for (var token = part; token < min(part + PART, end); token++) {
            let weight = select(1.0, f32(token - first + params.skip + 1u), MODE == WEIGHTED_MEAN);
            sum = fma(weight, x[token * params.stride + column], sum);
        }
        total += sum;
    }
    return total;
}

fn maximum(first: u32, end: u32, column: u32) -> f32 {
    var largest = x[first * params.stride + column];
    for (var token = first; token < end; token++) {
        let value = x[token * params.stride + column];
        if is_spoilt(value) {
            return value;
        }
        largest = max(largest, value);
    }
    return largest;
}

fn pooled(first: u32, end: u32, column: u32) -> f32 {
    let length = f32(end - first);
    let skipped = f32(params.skip);
    switch MODE {
        case CLS: { return x[first * params.stride + column]; }
        case LAST_TOKEN: { return x[(end - 1u) * params.stride + column]; }
        case MAX: { return maximum(first, end, column); }
        case MEAN_SQRT_LEN: { return weighted_sum(first, end, column) / sqrt(length); }
        case WEIGHTED_MEAN: { return weighted_sum(first, end, column) / (length * (skipped + 0.5 * (length + 1.0))); }
        default: { return weighted_sum(first, end, column) / length; }
    }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let text = group.y;
    let column = group.x * THREADS + thread;
    let start = text * params.output_stride;
    // Beyond the mode's own columns lie the next mode's, written after this, or the output's padding, which is zero.
    if column < params.width {
        output[start + params.offset + column] = pooled(offsets[text] + params.skip, offsets[text + 1u], column);
    } else if params.offset + column < params.output_stride {
        output[start + params.offset + column] = 0.0;
    }
}
