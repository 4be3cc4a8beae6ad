//! Tensors that are not the ones that the model needs, or hold what no vector can come from.

use pollster::block_on;
use serde_json::{Value, json};
use wembed_kernels::Dtype;
use wembed_kernels::gpu::Options;
use wembed_model::{Embedder, LoadOptions, Memory, Placement};
use wembed_tests::device::open;

use crate::case::{Case, Faults, changed, fast, hold_loaded, load, processor, set};
use crate::checkpoint::{Checkpoint, edit};

const PATH: &str = "model.safetensors";
const DENSE: &str = "2_Dense/model.safetensors";

fn with(files: &mut Memory, change: impl FnOnce(&mut Checkpoint)) {
    edit(files, PATH, change);
}

#[test]
fn tensors_of_another_shape_or_type() {
    hold_loaded(&[
        Case {
            name: "a matrix missing",
            model: "mpnet",
            change: |files| with(files, |checkpoint| checkpoint.forget("layer.1.output.dense.weight")),
            says: &[
                "tensor `encoder.layer.1.output.dense.weight` in `model.safetensors`",
                "expected shape [96, 160]",
                "nothing among",
            ],
        },
        Case {
            name: "a bias missing",
            model: "mpnet",
            change: |files| with(files, |checkpoint| checkpoint.forget("layer.1.attention.attn.k.bias")),
            says: &[
                "tensor `encoder.layer.1.attention.attn.k.bias` in `model.safetensors`",
                "expected shape [96]",
                "nothing among",
            ],
        },
        Case {
            name: "the word table missing",
            model: "bert",
            change: |files| with(files, |checkpoint| checkpoint.forget("word_embeddings.weight")),
            says: &[
                "tensor `embeddings.word_embeddings.weight` in `model.safetensors`",
                "expected shape [540, 60]",
                "nothing among",
            ],
        },
        Case {
            name: "a Dense without its bias",
            model: "bert",
            change: |files| edit(files, DENSE, |checkpoint| checkpoint.forget("linear.bias")),
            says: &["tensor `linear.bias` in `2_Dense/model.safetensors`", "expected shape [40]", "nothing among"],
        },
        Case {
            name: "a layer more than there is",
            model: "mpnet",
            change: |files| set(files, "config.json", "num_hidden_layers", json!(3)),
            says: &["tensor `encoder.layer.2.attention.attn.q.bias` in `model.safetensors`", "nothing among"],
        },
        Case {
            name: "millions of layers",
            model: "mpnet",
            change: |files| set(files, "config.json", "num_hidden_layers", json!(1 << 24)),
            says: &["tensor `encoder.layer.2.attention.attn.q.bias` in `model.safetensors`", "nothing among"],
        },
        Case {
            name: "a vocabulary larger than the table",
            model: "mpnet",
            change: |files| set(files, "config.json", "vocab_size", json!(581)),
            says: &[
                "tensor `embeddings.word_embeddings.weight` in `model.safetensors`",
                "expected shape [581, 96]",
                "found shape [580, 96]",
            ],
        },
        Case {
            name: "more positions than the table has",
            model: "mpnet",
            change: |files| set(files, "config.json", "max_position_embeddings", json!(1 << 24)),
            says: &[
                "tensor `embeddings.position_embeddings.weight` in `model.safetensors`",
                "expected shape [16777216, 96]",
                "found shape [202, 96]",
            ],
        },
        Case {
            name: "more token types than the table has",
            model: "bert",
            change: |files| set(files, "config.json", "type_vocab_size", json!(3)),
            says: &[
                "tensor `bert.embeddings.token_type_embeddings.weight` in `model.safetensors`",
                "expected shape [3, 60]",
                "found shape [2, 60]",
            ],
        },
        Case {
            name: "another number of heads than the bias has",
            model: "mpnet",
            change: |files| set(files, "config.json", "num_attention_heads", json!(4)),
            says: &[
                "tensor `encoder.relative_attention_bias.weight` in `model.safetensors`",
                "expected shape [32, 4]",
                "found shape [32, 3]",
            ],
        },
        Case {
            name: "another width",
            model: "mpnet",
            change: |files| set(files, "config.json", "hidden_size", json!(192)),
            says: &["tensor `embeddings.word_embeddings.weight`", "expected shape [580, 192]", "found shape [580, 96]"],
        },
        Case {
            name: "another feed-forward width",
            model: "mpnet",
            change: |files| set(files, "config.json", "intermediate_size", json!(161)),
            says: &["tensor `encoder.layer.0.intermediate.dense.bias`", "expected shape [161]", "found shape [160]"],
        },
        Case {
            name: "a matrix the other way round",
            model: "mpnet",
            change: |files| {
                with(files, |checkpoint| checkpoint.entry("layer.0.output.dense.weight")["shape"] = json!([160, 96]));
            },
            says: &[
                "tensor `encoder.layer.0.output.dense.weight` in `model.safetensors`",
                "expected shape [96, 160]",
                "found shape [160, 96]",
            ],
        },
        Case {
            name: "a matrix in one dimension",
            model: "mpnet",
            change: |files| {
                with(files, |checkpoint| checkpoint.entry("layer.0.output.dense.weight")["shape"] = json!([15360]));
            },
            says: &["tensor `encoder.layer.0.output.dense.weight`", "expected shape [96, 160]", "found shape [15360]"],
        },
        Case {
            name: "a matrix in three dimensions",
            model: "mpnet",
            change: |files| {
                with(files, |checkpoint| {
                    checkpoint.entry("layer.0.output.dense.weight")["shape"] = json!([1, 96, 160]);
                });
            },
            says: &[
                "tensor `encoder.layer.0.output.dense.weight`",
                "expected shape [96, 160]",
                "found shape [1, 96, 160]",
            ],
        },
        Case {
            name: "a matrix of no rows",
            model: "mpnet",
            change: |files| {
                with(files, |checkpoint| checkpoint.store("layer.0.output.dense.weight", "F16", &[0, 160], &[]));
            },
            says: &["tensor `encoder.layer.0.output.dense.weight`", "expected shape [96, 160]", "found shape [0, 160]"],
        },
        Case {
            name: "a table of no columns",
            model: "mpnet",
            change: |files| with(files, |checkpoint| checkpoint.store("word_embeddings.weight", "F16", &[580, 0], &[])),
            says: &["tensor `embeddings.word_embeddings.weight`", "expected shape [580, 96]", "found shape [580, 0]"],
        },
        Case {
            name: "a bias that is a scalar",
            model: "mpnet",
            change: |files| with(files, |checkpoint| checkpoint.store("layer.0.output.dense.bias", "F32", &[], &[1.0])),
            says: &["tensor `encoder.layer.0.output.dense.bias`", "expected shape [96]", "found shape []"],
        },
        Case {
            name: "a matrix of I64",
            model: "mpnet",
            change: |files| with(files, |checkpoint| checkpoint.edit("layer.0.output.dense.weight", "I64", |_| {})),
            says: &[
                "tensor `encoder.layer.0.output.dense.weight` in `model.safetensors`",
                "expected F32, F16 or BF16",
                "found I64",
            ],
        },
        Case {
            name: "a bias of F64",
            model: "mpnet",
            change: |files| with(files, |checkpoint| checkpoint.edit("layer.0.output.dense.bias", "F64", |_| {})),
            says: &["tensor `encoder.layer.0.output.dense.bias`", "expected F32, F16 or BF16", "found F64"],
        },
        Case {
            name: "a word table of I64",
            model: "mpnet",
            change: |files| with(files, |checkpoint| checkpoint.edit("word_embeddings.weight", "I64", |_| {})),
            says: &["tensor `embeddings.word_embeddings.weight`", "expected F32, F16 or BF16", "found I64"],
        },
    ]);
}

/// A tensor of mpnet for each place on a device, and how errors name it: a vector by itself, stacked matrices by all their names.
struct Place {
    ending: &'static str,
    named: &'static str,
    /// Whether it is held in f32 whatever the engine's type.
    always_f32: bool,
}

const PLACES: [Place; 9] = [
    Place::new("layer.1.output.dense.weight", "`encoder.layer.1.output.dense.weight`", false),
    Place::new("layer.0.attention.attn.k.weight", ".q.weight + encoder.layer.0.attention.attn.k.weight + ", false),
    Place::new("word_embeddings.weight", "`embeddings.word_embeddings.weight`", false),
    Place::new("position_embeddings.weight", "`embeddings.position_embeddings.weight`", false),
    Place::new("relative_attention_bias.weight", "`encoder.relative_attention_bias.weight`", true),
    Place::new("layer.1.attention.attn.v.bias", "`encoder.layer.1.attention.attn.v.bias`", true),
    Place::new("layer.0.intermediate.dense.bias", "`encoder.layer.0.intermediate.dense.bias`", true),
    Place::new("embeddings.LayerNorm.weight", "`embeddings.LayerNorm.weight`", true),
    Place::new("layer.1.output.LayerNorm.bias", "`encoder.layer.1.output.LayerNorm.bias`", true),
];

impl Place {
    const fn new(ending: &'static str, named: &'static str, always_f32: bool) -> Self {
        Self { ending, named, always_f32 }
    }
}

/// How a file stores a number, which number, and how errors spell it: f16 makes 70000 infinite, bf16 rounds it.
const NUMBERS: [(&str, f32, &str); 8] = [
    ("F16", f32::INFINITY, "inf"),
    ("F16", f32::NAN, "NaN"),
    ("F32", f32::NEG_INFINITY, "-inf"),
    ("F32", f32::NAN, "NaN"),
    ("BF16", f32::INFINITY, "inf"),
    ("BF16", f32::NAN, "NaN"),
    ("F32", 70000.0, "70000"),
    ("BF16", 70000.0, "70144"),
];

#[test]
fn numbers_that_are_none() {
    let mut faults = Faults::default();
    for dtype in [Dtype::F16, Dtype::F32] {
        for Place { ending, named, always_f32 } in PLACES {
            for (stored, value, spelt) in NUMBERS {
                if value.is_finite() && (always_f32 || dtype == Dtype::F32) {
                    continue;
                }
                let files = changed("mpnet", |files| {
                    with(files, |checkpoint| checkpoint.edit(ending, stored, |values| values[65] = value));
                });
                let name = format!("{value} as {stored} in {ending} for {dtype:?}");
                let options = || LoadOptions { vocabulary: Placement::Device, ..LoadOptions::default() };
                let loaded = block_on(Embedder::load(processor(dtype), files.clone(), options()));
                faults.hold(&format!("{name} on the processor"), loaded, &[named, spelt]);
                if let Some(engine) = open(Options { dtype, ..fast() }) {
                    let loaded = block_on(Embedder::load(engine, files, options()));
                    faults.hold(&name, loaded, &[named, spelt]);
                }
            }
        }
    }
}

/// A GPU's kernels take heads up to a width; the processor's any.
#[test]
fn a_head_wider_than_the_kernels_take() {
    let files = changed("xlm-roberta", |files| {
        let config = "0_Transformer/config.json";
        set(files, config, "hidden_size", json!(1024));
        set(files, config, "num_attention_heads", json!(1));
    });
    let Some(engine) = open(fast()) else { return };
    let loaded = block_on(Embedder::load(engine, files, LoadOptions::default()));
    let says = ["the attention heads", "expected heads of at most", "found 1024"];
    Faults::default().hold("one head of 1024", loaded, &says);
}

/// More modes than any vector is wide: what does not fit the device is said, not tried.
#[test]
fn vectors_wider_than_the_device_takes() {
    let files = changed("mpnet", |files| {
        let modes = vec!["mean"; 30_000_000 / 96];
        set(files, "1_Pooling/config.json", "pooling_mode", Value::from(modes));
    });
    let Some(engine) = open(Options { default_limits: true, ..fast() }) else { return };
    let loaded = block_on(Embedder::load(engine, files, LoadOptions::default()));
    let mut faults = Faults::default();
    faults.hold("millions of columns", loaded, &["the text's vector", "fit into one buffer", "found 30000000"]);
    let twice = changed("mpnet", |files| set(files, "1_Pooling/config.json", "pooling_mode", json!(["mean", "mean"])));
    faults.expect("a mode twice", load(twice));
}
