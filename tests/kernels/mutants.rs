//! The tolerances can fail: each rejects implementations that are wrong in ways this family of models has seen. These run
//! without a device.

use half::f16;
use wembed_kernels::{Activation, Dtype, Packed, Pooling, Rows as _};
use wembed_tests::int8;
use wembed_tests::judge::compare;
use wembed_tests::matrix::rounded_inputs;
use wembed_tests::oracle::{self, Bias, Expected};
use wembed_tests::tolerance::{self, Tolerance};
use wembed_tests::values::{normals, texts};

use crate::{activation, attention, layer_norm, linear, normalize};

/// An honest f32 result passes, the mutant does not.
fn rejects(tolerance: Tolerance, mutant: &str, expected: &[Expected], values: &[f32]) {
    compare(tolerance, &rounded(expected), expected).expect("the oracle's own values pass");
    assert_eq!(values.len(), expected.len(), "{mutant}: as many values");
    assert!(compare(tolerance, values, expected).is_err(), "{}: {mutant} passes", tolerance.operation);
}

fn rounded(expected: &[Expected]) -> Vec<f32> {
    expected.iter().map(|expected| expected.value as f32).collect()
}

fn to_f16(values: &[f32]) -> Vec<f32> {
    values.iter().map(|&value| f16::from_f32(value).to_f32()).collect()
}

/// A product whose sums are f16: all of k, or a chunk of it at a time.
fn summed_in_f16(inputs: &linear::Inputs, chunk: usize) -> Vec<f32> {
    let weight = inputs.weight.held(Dtype::F16);
    let mut y = Vec::new();
    for x in inputs.x.chunks_exact(inputs.depth) {
        for (weight, bias) in weight.chunks_exact(inputs.depth).zip(&inputs.bias) {
            let mut total = *bias;
            for (x, weight) in x.chunks(chunk).zip(weight.chunks(chunk)) {
                let add = |sum: f16, (x, weight): (&f32, &f32)| f16::from_f32(x.mul_add(*weight, sum.to_f32()));
                total += x.iter().zip(weight).fold(f16::ZERO, add).to_f32();
            }
            y.push(total);
        }
    }
    y
}

#[test]
fn linear_mutants_are_rejected() {
    let rejects = |mutant, expected: &[_], values: &[_]| rejects(tolerance::LINEAR, mutant, expected, values);
    let inputs = linear::Case::CANCELLING.inputs();
    let expected = inputs.expected(Dtype::F16);
    let sums = summed_in_f16(&inputs, inputs.depth);
    assert!(sums.iter().all(|sum| !sum.is_finite()), "the partial sums leave f16");
    rejects("f16 sums", &expected, &sums);
    rejects("f16 sums of chunks", &expected, &summed_in_f16(&inputs, 64));

    let inputs = linear::Case::NORMAL.inputs();
    let (depth, columns) = (inputs.depth, inputs.weight.rows());
    let expected = inputs.expected(Dtype::F16);
    let weight = inputs.weight.held(Dtype::F16);
    rejects("f16 sums of chunks", &expected, &summed_in_f16(&inputs, 64));
    let product = |x: &[f32], weight: &[f32], bias: &[f32]| rounded(&oracle::linear(x, weight, bias, depth));
    rejects("f16 activations", &expected, &product(&to_f16(&inputs.x), &weight, &inputs.bias));
    rejects(
        "other weights than are held",
        &expected,
        &product(&inputs.x, &inputs.weight.held(Dtype::F32), &inputs.bias),
    );
    rejects("no bias", &expected, &product(&inputs.x, &weight, &vec![0.0; columns]));
    let short: Vec<f32> =
        weight.iter().enumerate().map(|(at, &w)| if at % depth == depth - 1 { 0.0 } else { w }).collect();
    rejects("the last k left out", &expected, &product(&inputs.x, &short, &inputs.bias));
}

/// bf16 rounds what it multiplies, both sides, to nearest; three products of bf16 are one of f32 but for the rests.
#[test]
fn bf16_mutants_are_rejected() {
    let inputs = linear::Case::NORMAL.inputs();
    let product = |x: &[f32], weight: &[f32]| rounded(&oracle::linear(x, weight, &inputs.bias, inputs.depth));
    let weight = |dtype| inputs.weight.multiplied(dtype);
    let x = |dtype| rounded_inputs(&inputs.x, inputs.depth, dtype);
    let cut = |values: &[f32]| values.iter().map(|v| f32::from_bits(v.to_bits() & 0xffff_0000)).collect::<Vec<_>>();

    let tolerance = linear::tolerance(Dtype::Bf16);
    let expected = inputs.expected(Dtype::Bf16);
    rejects(tolerance, "x not rounded", &expected, &product(&inputs.x, &weight(Dtype::Bf16)));
    rejects(tolerance, "x cut", &expected, &product(&cut(&inputs.x), &weight(Dtype::Bf16)));
    rejects(tolerance, "weights not rounded", &expected, &product(&x(Dtype::Bf16), &weight(Dtype::F32)));

    let tolerance = linear::tolerance(Dtype::Bf16x3);
    let expected = inputs.expected(Dtype::Bf16x3);
    rejects(tolerance, "one product", &expected, &product(&x(Dtype::Bf16), &weight(Dtype::Bf16)));
    rejects(tolerance, "x in one half", &expected, &product(&x(Dtype::Bf16), &weight(Dtype::Bf16x3)));
    rejects(tolerance, "weights in one half", &expected, &product(&x(Dtype::Bf16x3), &weight(Dtype::Bf16)));
}

/// int8 rounds what it multiplies, both sides, after it was rotated: a step left out shows.
#[test]
fn int8_mutants_are_rejected() {
    let inputs = linear::Case::NORMAL.inputs();
    let product = |x: &[f32], weight: &[f32]| rounded(&oracle::linear(x, weight, &inputs.bias, inputs.depth));
    let (x, weight) =
        (int8::inputs(&inputs.x, inputs.depth), int8::weights(&inputs.weight.multiplied(Dtype::F32), inputs.depth));
    let (tolerance, expected) = (linear::tolerance(Dtype::Int8), inputs.expected(Dtype::Int8));
    rejects(tolerance, "nothing rounded", &expected, &product(&inputs.x, &inputs.weight.multiplied(Dtype::F32)));
    rejects(tolerance, "x not rotated", &expected, &product(&inputs.x, &weight));
    rejects(tolerance, "weights not rotated", &expected, &product(&x, &inputs.weight.multiplied(Dtype::F32)));
    // Each x one step off in one column; a bf16's last bit in a column's scale.
    let step = |row: &[f32]| row.iter().fold(0f32, |largest, value| largest.max(value.abs())) / 127.0;
    let mut off = x.clone();
    off.chunks_exact_mut(inputs.depth).for_each(|row| row[5] += step(row));
    rejects(tolerance, "one integer of 768 off by one", &expected, &product(&off, &weight));
    let scaled: Vec<f32> = weight.iter().map(|value| value * (1.0 + 1.0 / 256.0)).collect();
    rejects(tolerance, "scales off by a bit", &expected, &product(&x, &scaled));
}

#[test]
fn activation_mutants_are_rejected() {
    let arguments = activation::arguments();
    let rejects = |mutant, function, value: &dyn Fn(f64) -> f64| {
        let values: Vec<f32> = arguments.iter().map(|&x| value(f64::from(x)) as f32).collect();
        rejects(tolerance::ACTIVATION, mutant, &activation::expected(&arguments, function), &values);
    };
    rejects("tanh for erf", Activation::Gelu, &|x| oracle::activate(x, Activation::GeluTanh));
    rejects("erf for tanh", Activation::GeluTanh, &|x| oracle::activate(x, Activation::Gelu));
    rejects("x sigmoid(1.702 x)", Activation::Gelu, &|x| x * oracle::activate(1.702 * x, Activation::Sigmoid));
    // Abramowitz and Stegun 7.1.26, off by 1.5e-7 of 1.
    rejects("a short erf", Activation::Gelu, &|x| {
        let z = x.abs() * std::f64::consts::FRAC_1_SQRT_2;
        let t = 1.0 / (1.0 + 0.3275911 * z);
        let series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
        0.5 * x * (1.0 + x.signum() * (1.0 - series * (-z * z).exp()))
    });
    rejects("a sigmoid", Activation::Silu, &|x| oracle::activate(x, Activation::Sigmoid));
    rejects("leaky", Activation::Relu, &|x| x.max(1e-6 * x));
}

#[test]
fn layer_norm_mutants_are_rejected() {
    let rejects = |mutant, case: layer_norm::Case, scale: &dyn Fn(&[f64]) -> f64| {
        let (x, [gain, bias]) = (case.x(), case.norm());
        let mut values = Vec::new();
        for row in x.chunks_exact(case.width()) {
            let row: Vec<f64> = row.iter().map(|&x| f64::from(x)).collect();
            let (mean, scale) = (mean(&row), scale(&row));
            values.extend(
                row.iter()
                    .zip(&gain)
                    .zip(&bias)
                    .map(|((x, gain), bias)| ((x - mean) * scale * f64::from(*gain) + f64::from(*bias)) as f32),
            );
        }
        rejects(tolerance::LAYER_NORM, mutant, &oracle::layer_norm(&x, &gain, &bias, case.epsilon()), &values);
    };
    let (tiny, large) = (layer_norm::Case::TINY_VARIANCE, layer_norm::Case::LARGE_MEAN);
    let epsilon = f64::from(tiny.epsilon());
    rejects("no epsilon", tiny, &|row| 1.0 / variance(row).sqrt());
    rejects("epsilon beside the root", tiny, &|row| 1.0 / (variance(row).sqrt() + epsilon));
    rejects("epsilon 1e-12 for 1e-5", tiny, &|row| 1.0 / (variance(row) + 1e-12).sqrt());
    rejects("divided by n - 1", tiny, &|row| {
        let n = row.len() as f64;
        1.0 / (variance(row) * n / (n - 1.0) + epsilon).sqrt()
    });
    rejects("a difference of squares in f32", large, &|row| {
        let squares = row.iter().map(|x| (x * x) as f32).sum::<f32>() / row.len() as f32;
        let mean = row.iter().map(|&x| x as f32).sum::<f32>() / row.len() as f32;
        1.0 / f64::from((squares - mean * mean).max(0.0) + 1e-5).sqrt()
    });
}

fn mean(row: &[f64]) -> f64 {
    row.iter().sum::<f64>() / row.len() as f64
}

fn variance(row: &[f64]) -> f64 {
    let mean = mean(row);
    row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / row.len() as f64
}

#[test]
fn embed_norm_mutants_are_rejected() {
    let width = 64;
    let [words, positions, token_type] =
        [(8 * width, 1), (8 * width, 2), (width, 3)].map(|(n, seed)| normals(n, 1.0, seed));
    let (gain, bias) = (normals(width, 1.0, 4), normals(width, 1.0, 5));
    let embedded = |positions_of: [u32; 3], token_type: &[f32]| {
        let mut packed = Packed::default();
        packed.push([1, 2, 7], positions_of);
        oracle::embed_norm(&packed, &words, &positions, token_type, [&gain, &bias], 1e-5)
    };
    let expected = embedded([2, 3, 4], &token_type);
    let rejects = |mutant, values: &[_]| rejects(tolerance::EMBED_NORM, mutant, &expected, &rounded(values));
    rejects("positions from 1", &embedded([1, 2, 3], &token_type));
    rejects("no token type", &embedded([2, 3, 4], &vec![0.0; width]));
}

#[test]
fn attention_mutants_are_rejected() {
    let case = attention::Case::RELATIVE;
    let (packed, qkv, heads) = (case.packed(), case.qkv(), case.heads);
    let (table, reach) = (case.table().expect("it has a bias"), case.reach.expect("it has a reach"));
    let bias = Bias { table: &table, reach };
    let expected = oracle::attention(&packed, &qkv, heads, Some(bias));
    let rejects = |mutant, values: Vec<Expected>| rejects(tolerance::ATTENTION, mutant, &expected, &rounded(&values));

    let backwards: Vec<f32> = table.chunks_exact(2 * reach + 1).flat_map(|row| row.iter().rev()).copied().collect();
    let backwards = Bias { table: &backwards, reach };
    rejects("query minus key", oracle::attention(&packed, &qkv, heads, Some(backwards)));
    rejects("no bias", oracle::attention(&packed, &qkv, heads, None));
    let unclamped: Vec<f32> = table
        .chunks_exact(2 * reach + 1)
        .flat_map(|row| [0.0; 99].iter().chain(row).chain(&[0.0; 99]).copied().collect::<Vec<_>>())
        .collect();
    let unclamped = Bias { table: &unclamped, reach: reach + 99 };
    rejects("no bias beyond reach", oracle::attention(&packed, &qkv, heads, Some(unclamped)));
    let merged = texts(&[packed.tokens()]);
    rejects("texts that see each other", oracle::attention(&merged, &qkv, heads, Some(bias)));
    rejects("f16 queries, keys and values", oracle::attention(&packed, &to_f16(&qkv), heads, Some(bias)));
    let hidden = heads.count * heads.width;
    let scaled = |(at, &value): (usize, &f32)| if at % (3 * hidden) < hidden { 3.4641016 * value } else { value };
    let unscaled: Vec<f32> = qkv.iter().enumerate().map(scaled).collect();
    rejects("no 1 / sqrt(width)", oracle::attention(&packed, &unscaled, heads, Some(bias)));
}

/// The large case needs the largest score taken off: its exponentials are infinite in f32 without.
#[test]
fn large_scores_overflow_without_the_running_maximum() {
    let case = attention::Case::LARGE;
    let (qkv, width) = (case.qkv(), case.heads.width);
    let rows = |third: usize| qkv.chunks_exact(6 * width).map(move |row| &row[2 * third * width..][..width]);
    let score = |q: &[f32], k: &[f32]| q.iter().zip(k).map(|(q, k)| q * k).sum::<f32>() / (width as f32).sqrt();
    assert!(rows(0).any(|q| rows(1).take(65).any(|k| score(q, k).exp().is_infinite())));
}

#[test]
fn pool_mutants_are_rejected() {
    let (packed, width) = (texts(&[1, 2, 33, 5]), 12);
    let x = normals(packed.tokens() * width, 1.0, 1);
    let pooled = |packed: &Packed, mode| oracle::pool(packed, &x, width, &[mode], 0);
    let rejects_pooled = |mutant, expected: &[_], values: &[_]| {
        rejects(tolerance::POOL, mutant, expected, &rounded(values));
    };
    let rejects = |mutant, mode, values: &[_]| rejects_pooled(mutant, &pooled(&packed, mode), values);
    for (mutant, mode, other) in [
        ("a mean", Pooling::MeanSqrtLen, Pooling::Mean),
        ("equal weights", Pooling::WeightedMean, Pooling::Mean),
        ("the first token", Pooling::LastToken, Pooling::Cls),
        ("the last token", Pooling::Max, Pooling::LastToken),
    ] {
        rejects(mutant, mode, &pooled(&packed, other));
    }
    let shifted = texts(&[1, 2, 32, 6]);
    for mode in [Pooling::Mean, Pooling::WeightedMean, Pooling::MeanSqrtLen, Pooling::LastToken] {
        rejects("a text that ends too early", mode, &pooled(&shifted, mode));
    }
    let (packed, x) = (texts(&[4, 33]), &x[..37 * width]);
    let without = |mode, skip| oracle::pool(&packed, x, width, &[mode], skip);
    for mode in Pooling::ALL.into_iter().filter(|&mode| mode != Pooling::LastToken) {
        rejects_pooled("a token too many left out", &without(mode, 2), &without(mode, 3));
    }
    // Weights that begin anew behind what is left out.
    let rest = texts(&[2, 31]);
    let tail: Vec<f32> = [&x[2 * width..4 * width], &x[6 * width..]].concat();
    let anew = oracle::pool(&rest, &tail, width, &[Pooling::WeightedMean], 0);
    rejects_pooled("weights begin anew", &without(Pooling::WeightedMean, 2), &anew);
}

#[test]
fn normalize_mutants_are_rejected() {
    let (width, columns) = (768, 256);
    let x = normalize::rows(width);
    let shortened = oracle::cut(&x, width, columns);
    let expected = oracle::normalize(&shortened, columns);
    let rejects = |mutant, values: &[_]| rejects(tolerance::NORMALIZE, mutant, &expected, values);
    rejects("divided before it is cut", &oracle::cut(&rounded(&oracle::normalize(&x, width)), width, columns));
    let by = |divisor: &dyn Fn(f64) -> f64| -> Vec<f32> {
        let row = |row: &[f32]| {
            let length = row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
            row.iter().map(|&x| (f64::from(x) / divisor(length)) as f32).collect::<Vec<_>>()
        };
        shortened.chunks_exact(columns).flat_map(row).collect()
    };
    rejects("no smallest length", &by(&|length| length));
    rejects("epsilon added", &by(&|length| length + 1e-12));
    rejects("epsilon under the root", &by(&|length| (length * length + 1e-12).sqrt()));
}
