//! Matrices in int8 whose scales are not there, are not theirs, or are none.

use pollster::block_on;
use serde_json::json;
use wembed_kernels::Dtype;
use wembed_model::{Embedder, LoadOptions, Memory, Placement, Tensors};

use crate::case::{Case, Faults, changed, hold_loaded, load, processor};
use crate::checkpoint::{Checkpoint, bytes, edit};

const MATRIX: &str = "layer.0.attention.attn.k.weight";
const NAMED: &str = "tensor `encoder.layer.0.attention.attn.k.weight_scale` in `model.safetensors`";

/// Adds scales for the matrix whose name ends so.
fn add_scales(checkpoint: &mut Checkpoint, ending: &str, dtype: &str, shape: &[usize], values: &[f32]) {
    let name = format!("{}_scale", checkpoint.name(ending));
    let start = checkpoint.data.len();
    checkpoint.header.insert(name.clone(), json!({"dtype": "I8", "shape": [0], "data_offsets": [start, start]}));
    checkpoint.store(&name, dtype, shape, values);
}

/// The matrix of mpnet in int8, with such scales.
fn scaled(files: &mut Memory, dtype: &str, shape: &[usize], values: &[f32]) {
    edit(files, "model.safetensors", |checkpoint| {
        checkpoint.edit(MATRIX, "I8", |_| {});
        add_scales(checkpoint, MATRIX, dtype, shape, values);
    });
}

/// 96 scales, of which the one of row 65 is `value`.
fn spoilt(value: f32) -> [f32; 96] {
    let mut scales = [0.01; 96];
    scales[65] = value;
    scales
}

fn without_scales(files: &mut Memory, path: &str, ending: &str) {
    edit(files, path, |checkpoint| checkpoint.edit(ending, "I8", |_| {}));
}

#[test]
fn scales_that_are_missing() {
    let mut faults = Faults::default();
    for (model, path, ending, shape) in [
        ("mpnet", "model.safetensors", MATRIX, "[96, 1]"),
        ("mpnet", "model.safetensors", "embeddings.word_embeddings.weight", "[580, 1]"),
        ("mpnet", "model.safetensors", "embeddings.position_embeddings.weight", "[202, 1]"),
        ("mpnet", "model.safetensors", "encoder.relative_attention_bias.weight", "[32, 1]"),
        ("bert", "2_Dense/model.safetensors", "linear.weight", "[40, 1]"),
    ] {
        let files = changed(model, |files| without_scales(files, path, ending));
        let named = format!("{ending}_scale` in `{path}`");
        let expected = format!("expected shape {shape} for the rows of `");
        faults.hold(ending, load(files), &[&named, &expected, ending, "which are I8", "found nothing among"]);
    }
}

#[test]
fn scales_that_are_too_many() {
    hold_loaded(&[
        Case {
            name: "scales of a matrix of floats",
            model: "mpnet",
            change: |files| {
                edit(files, "model.safetensors", |checkpoint| {
                    add_scales(checkpoint, MATRIX, "F32", &[96, 1], &[1.0; 96]);
                });
            },
            says: &[NAMED, "expected no scales, or I8 in `encoder.layer.0.attention.attn.k.weight`", "found F16"],
        },
        Case {
            name: "a bias of I8",
            model: "mpnet",
            change: |files| without_scales(files, "model.safetensors", "layer.0.attention.attn.k.bias"),
            says: &["tensor `encoder.layer.0.attention.attn.k.bias`", "expected F32, F16 or BF16", "found I8"],
        },
        Case {
            name: "a norm of I8 with scales",
            model: "mpnet",
            change: |files| {
                edit(files, "model.safetensors", |checkpoint| {
                    checkpoint.edit("embeddings.LayerNorm.weight", "I8", |_| {});
                    add_scales(checkpoint, "embeddings.LayerNorm.weight", "F32", &[96, 1], &[1.0; 96]);
                });
            },
            says: &["tensor `embeddings.LayerNorm.weight`", "expected F32, F16 or BF16", "found I8"],
        },
    ]);
}

#[test]
fn scales_of_another_shape_or_type() {
    let mut faults = Faults::default();
    for (shape, found) in [
        (&[96][..], "found shape [96]"),
        (&[1, 96], "found shape [1, 96]"),
        (&[95, 1], "found shape [95, 1]"),
        (&[96, 2], "found shape [96, 2]"),
        (&[1], "found shape [1]"),
        (&[], "found shape []"),
    ] {
        let values = vec![0.01; shape.iter().product()];
        let files = changed("mpnet", |files| scaled(files, "F32", shape, &values));
        let says = [NAMED, "expected shape [96, 1], one for each row of `encoder.layer.0.attention.attn.k.weight`"];
        faults.hold(found, load(files), &[&says[..], &[found]].concat());
    }
    for dtype in ["I8", "I64", "F64"] {
        let files = changed("mpnet", |files| scaled(files, dtype, &[96, 1], &[1.0; 96]));
        let found = format!("found {dtype}");
        faults.hold(dtype, load(files), &[NAMED, "expected F32, F16 or BF16", &found]);
    }
}

#[test]
fn scales_that_are_no_positive_number() {
    let mut faults = Faults::default();
    for (value, spelt) in [
        (0.0, "found 0 at row 65"),
        (-0.0, "found -0 at row 65"),
        (-0.5, "found -0.5 at row 65"),
        (f32::NAN, "found NaN at row 65"),
        (f32::INFINITY, "found inf at row 65"),
    ] {
        for dtype in ["F32", "F16", "BF16"] {
            let files = changed("mpnet", |files| scaled(files, dtype, &[96, 1], &spoilt(value)));
            let name = format!("{value} in {dtype}");
            faults.hold(&name, load(files), &[NAMED, "expected positive finite scales", spelt]);
        }
    }
}

/// A scale that is a number, and products that are none.
#[test]
fn products_that_no_float_holds() {
    let mut faults = Faults::default();
    for ending in [MATRIX, "word_embeddings.weight", "relative_attention_bias.weight"] {
        let files = changed("mpnet", |files| {
            edit(files, "model.safetensors", |checkpoint| {
                checkpoint.edit(ending, "I8", |values| values.fill(2.0));
                let rows = checkpoint.entry(ending)["shape"][0].as_u64().expect("it has rows") as usize;
                add_scales(checkpoint, ending, "F32", &[rows, 1], &vec![f32::MAX; rows]);
            });
        });
        let options = LoadOptions { vocabulary: Placement::Device, ..LoadOptions::default() };
        let loaded = block_on(Embedder::load(processor(Dtype::F32), files, options));
        faults.hold(ending, loaded, &[ending, "inf"]);
    }
}

/// No rows, however many columns they say: there is nothing to scale.
#[test]
fn int8_of_no_size_has_no_bytes() {
    let header = json!({
        "int8": {"dtype": "I8", "shape": [0, usize::MAX], "data_offsets": [0, 0]},
        "int8_scale": {"dtype": "F32", "shape": [0, 1], "data_offsets": [0, 0]},
    });
    let mut files = Memory::default();
    files.insert("model.safetensors", bytes(&header.to_string(), &[]));
    let tensors = block_on(Tensors::open(&files, "")).expect("the header fits the file");
    assert!(block_on(tensors.values("int8", &[0, usize::MAX])).expect("it can be read").is_empty());
}
