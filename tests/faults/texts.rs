//! What is wrong with one text is that text's own error; the others have the vectors that they have without it, bit for bit.

use std::borrow::Cow;

use pollster::block_on;
use serde_json::{Value, json};
use wembed_kernels::Dtype;
use wembed_kernels::Engine;
use wembed_kernels::gpu::Options;
use wembed_model::{
    Description, EmbedOptions, Embedder, Embedding, Error, LoadOptions, Memory, Placement, Specials, Tokenize,
};
use wembed_tests::device::{CpuWay, cpu_ways, open};
use wembed_tests::each_engine;

use crate::case::{Faults, chain, changed, edit_json, engine, fast, model, processor, set};
use crate::checkpoint::edit;

const PATH: &str = "model.safetensors";

/// Three texts without the word "xq" and three with it.
const TEXTS: [&str; 6] =
    ["a text", "the word is xq", "", "xq", "another, longer text about nothing", "xq and xq again"];

fn is_sick(text: &str) -> bool {
    text.contains("xq")
}

/// A model with a token of its own for "xq", in place of its last plain one; gives its id.
fn teach(files: &mut Memory) -> usize {
    let mut taken = 0;
    edit_json(files, "tokenizer.json", |json| {
        let special: Vec<_> =
            json["added_tokens"].as_array().unwrap().iter().map(|token| token["id"].clone()).collect();
        let vocabulary = json["model"]["vocab"].as_object_mut().unwrap();
        let plain = vocabulary.iter().filter(|(_, id)| !special.contains(id));
        let (word, id) = plain.max_by_key(|(_, id)| id.as_u64()).map(|(word, id)| (word.clone(), id.clone())).unwrap();
        vocabulary.remove(&word);
        taken = id.as_u64().unwrap() as usize;
        vocabulary.insert("xq".to_owned(), id);
    });
    taken
}

/// Makes one number of a layer's output as large as `weight` says for the word "xq", and leaves other words as they are: the word's
/// row points along one column, which a unit of the feed-forward block with a high threshold is sensitive to.
fn infect(files: &mut Memory, shape: &Shape, layer: usize, weight: f32) {
    let id = teach(files);
    set(files, "config.json", "hidden_act", json!("relu"));
    const COLUMN: usize = 7;
    const UNIT: usize = 11;
    let (width, wide) = (shape.width, shape.wide);
    edit(files, PATH, |checkpoint| {
        for table in shape.tables {
            checkpoint
                .edit(table, "F32", |values| values.iter_mut().skip(COLUMN).step_by(width).for_each(|v| *v = 0.0));
        }
        checkpoint.edit("word_embeddings.weight", "F32", |values| values[id * width + COLUMN] = 1e4);
        // Up to there nothing is added to what the word is, so that the column stands out as it did.
        let mut silent: Vec<_> = (0..layer).map(|before| format!("layer.{before}.output.dense")).collect();
        silent.extend((0..=layer).map(|upto| format!("layer.{upto}.{}", shape.attention_output)));
        let norm = format!("layer.{layer}.{}", shape.attention_norm);
        checkpoint.edit(&format!("{norm}.weight"), "F32", |values| values[COLUMN] = 1.0);
        checkpoint.edit(&format!("{norm}.bias"), "F32", |values| values[COLUMN] = 0.0);
        for linear in silent {
            checkpoint.edit(&format!("{linear}.weight"), "F32", |values| values.fill(0.0));
            checkpoint.edit(&format!("{linear}.bias"), "F32", |values| values.fill(0.0));
        }
        checkpoint.edit(&format!("layer.{layer}.intermediate.dense.weight"), "F32", |values| {
            values[UNIT * width..][..width].fill(0.0);
            values[UNIT * width + COLUMN] = 1.0;
        });
        checkpoint.edit(&format!("layer.{layer}.intermediate.dense.bias"), "F32", |values| values[UNIT] = -5.5);
        checkpoint
            .edit(&format!("layer.{layer}.output.dense.weight"), "F32", |values| values[3 * wide + UNIT] = weight);
    });
}

struct Shape {
    width: usize,
    wide: usize,
    tables: &'static [&'static str],
    attention_norm: &'static str,
    attention_output: &'static str,
}

const MPNET: Shape = Shape {
    width: 96,
    wide: 160,
    tables: &["word_embeddings.weight", "position_embeddings.weight"],
    attention_norm: "attention.LayerNorm",
    attention_output: "attention.attn.o",
};

const BERT: Shape = Shape {
    width: 60,
    wide: 100,
    tables: &["word_embeddings.weight", "position_embeddings.weight", "token_type_embeddings.weight"],
    attention_norm: "attention.output.LayerNorm",
    attention_output: "attention.output.dense",
};

fn load<E: Engine>(engine: E, files: Memory) -> Embedder<E, Memory> {
    block_on(Embedder::load(engine, files, LoadOptions::default())).unwrap()
}

/// Every way of the processor's, and a GPU that holds f32, and int8: its f16 cannot hold what these models are made ill with.
macro_rules! each_f32_engine {
    (|$name:pat_param, $open:ident| $test:expr) => {
        each_engine!(ways(), gpus(), |$name, $open| $test)
    };
}

fn gpus() -> [Options; 3] {
    let with = |(dtype, dots)| Options { dtype, dots: Some(dots), ..fast() };
    [(Dtype::F32, false), (Dtype::Int8, false), (Dtype::Int8, true)].map(with)
}

fn ways() -> Vec<CpuWay> {
    cpu_ways().into_iter().filter(|way| way.options.dtype != Some(Dtype::F16)).collect()
}

fn results<E: Engine, T: Tokenize>(
    embedder: &mut Embedder<E, Memory, T>,
    texts: &[&str],
    options: &EmbedOptions,
) -> Vec<Result<Embedding, Error>> {
    let results = block_on(embedder.embed(texts, options)).unwrap();
    assert_eq!(results.len(), texts.len());
    for embedding in results.iter().flatten() {
        assert!(embedding.vector.iter().all(|value| value.is_finite()), "no NaN leaves the program");
    }
    results
}

/// Holds that the texts that `fails` names fail, saying `says`, and that the others have the same bits as without them. In int8, where one
/// number of a row decides how the others are rounded, they may fail as well, saying the same, if they do so alone.
fn hold_split<E: Engine, T: Tokenize>(
    name: &str,
    embedder: &mut Embedder<E, Memory, T>,
    texts: &[&str],
    fails: impl Fn(&str) -> bool,
    says: &[&str],
) {
    let mut faults = Faults::default();
    let healthy: Vec<_> = texts.iter().copied().filter(|text| !fails(text)).collect();
    let alone = results(embedder, &healthy, &EmbedOptions::default()).into_iter();
    let may_fail = embedder.engine().dtype() == Dtype::Int8;
    let alone: Vec<_> = alone
        .map(|result| match result {
            Err(error) if !may_fail => panic!("{name}: {}", chain(&error)),
            result => result.ok(),
        })
        .collect();
    // All in one batch; in small ones, some of which may have no text that can be embedded at all.
    for batch_tokens in [None, Some(1), Some(12)] {
        let options = EmbedOptions { batch_tokens, ..EmbedOptions::default() };
        let mut expected = alone.iter();
        for (text, result) in texts.iter().zip(results(embedder, texts, &options)) {
            let place = format!("{name}, {text:?} in batches of {batch_tokens:?}");
            let alone = if fails(text) { None } else { expected.next().unwrap().as_ref() };
            if let Some(alone) = alone {
                let found = result.unwrap_or_else(|error| panic!("{place}: {}", chain(&error)));
                assert_eq!(found.vector, alone.vector, "{place}: the same bits");
            } else {
                assert!(result.as_ref().err().is_none_or(Error::is_text), "{place}: the text's own error");
                faults.hold(&place, result, says);
            }
        }
    }
}

/// The largest number that every engine here holds: that of bf16.
const LARGEST: f32 = f32::from_bits(0x7f7f_0000);

const NOT_FINITE: [&str; 2] = ["this text could not be embedded", "not finite"];

/// Whatever pools the last hidden state, an infinity in it or before it does not pass for a number.
#[test]
fn activations_that_overflow() {
    for mode in ["mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"] {
        for layer in [0, 1] {
            // After the last layer only the word's own vector is infinite, and these look at another one.
            if layer == 1 && ["cls", "lasttoken"].contains(&mode) {
                continue;
            }
            // Itself infinite, or only its square, which a layer norm needs; with a Normalize module at the end and without.
            for (weight, modules) in [(LARGEST, 3), (LARGEST, 2), (1e25, 3), (1e25, 2)] {
                let files = changed("mpnet", |files| {
                    infect(files, &MPNET, layer, weight);
                    set(files, "1_Pooling/config.json", "pooling_mode", json!(mode));
                    edit_json(files, "modules.json", |json| json.as_array_mut().unwrap().truncate(modules));
                });
                let name = format!("{mode} after layer {layer}, {weight:e}, {modules} modules");
                each_f32_engine!(|way, open| {
                    let mut embedder = load(open(), files.clone());
                    hold_split(&format!("{name}, {way}"), &mut embedder, &TEXTS, is_sick, &NOT_FINITE);
                });
            }
        }
    }
}

/// Nor behind a Dense layer, whose activation may be bounded.
#[test]
fn activations_that_overflow_before_a_dense_layer() {
    for activation in [
        "linear.Identity",
        "activation.Tanh",
        "activation.ReLU",
        "activation.GELU",
        "activation.SiLU",
        "activation.Sigmoid",
    ] {
        let files = changed("bert", |files| {
            infect(files, &BERT, 0, LARGEST);
            let name = format!("torch.nn.modules.{activation}");
            set(files, "2_Dense/config.json", "activation_function", json!(name));
        });
        each_f32_engine!(|way, open| {
            let mut embedder = load(open(), files.clone());
            let name = format!("{activation}, {way}");
            hold_split(&name, &mut embedder, &TEXTS, is_sick, &["this text could not be embedded"]);
        });
    }
}

/// Every text: the last norm's gain is as large as a number can be.
#[test]
fn every_text_overflows() {
    let files = changed("mpnet", |files| {
        edit(files, PATH, |checkpoint| {
            checkpoint.edit("layer.0.output.LayerNorm.weight", "F32", |values| values.fill(f32::MAX));
        });
    });
    each_f32_engine!(|way, open| {
        hold_split(way, &mut load(open(), files.clone()), &TEXTS, |_| true, &NOT_FINITE);
    });
}

/// Queries and keys whose products are infinite, though nothing else is.
#[test]
fn scores_that_overflow() {
    let files = changed("mpnet", |files| {
        edit(files, PATH, |checkpoint| {
            for part in ["q", "k"] {
                let name = format!("layer.0.attention.attn.{part}.weight");
                checkpoint.edit(&name, "F32", |values| values.iter_mut().for_each(|value| *value *= 1e24));
            }
        });
    });
    each_f32_engine!(|way, open| {
        hold_split(way, &mut load(open(), files.clone()), &TEXTS, |_| true, &NOT_FINITE);
    });
}

#[test]
fn every_vector_is_zero() {
    let files = changed("bert", |files| {
        set(files, "2_Dense/config.json", "activation_function", json!("torch.nn.modules.linear.Identity"));
        edit(files, "2_Dense/model.safetensors", |checkpoint| {
            checkpoint.edit("linear.weight", "F16", |values| values.fill(0.0));
            checkpoint.edit("linear.bias", "F16", |values| values.fill(0.0));
        });
    });
    each_engine!(|way, open| {
        let says = ["this text could not be embedded", "its vector is zero"];
        hold_split(way, &mut load(open(), files.clone()), &TEXTS, |_| true, &says);
    });
}

/// A row of the word table that the engine cannot hold, where the table stays in the file: that word's texts.
#[test]
fn a_word_that_the_device_cannot_hold() {
    for (stored, value, dtype) in [
        ("F32", 70000.0, Dtype::F16),
        ("F32", f32::NAN, Dtype::F32),
        ("F16", f32::INFINITY, Dtype::F16),
        ("BF16", f32::NEG_INFINITY, Dtype::F32),
    ] {
        let files = changed("bert", |files| {
            let id = teach(files);
            assert_eq!(id, 539);
            edit(files, PATH, |checkpoint| {
                checkpoint.edit("word_embeddings.weight", stored, |values| values[id * 60 + 9] = value);
            });
        });
        let options = || LoadOptions { vocabulary: Placement::Host, ..LoadOptions::default() };
        let holds = format!("holds {value} at row 539, column 9");
        let says = ["its token 539", "`bert.embeddings.word_embeddings.weight`", &holds];
        let name = format!("{value} as {stored} for {dtype:?}");
        let mut embedder = block_on(Embedder::load(processor(dtype), files.clone(), options())).unwrap();
        hold_split(&format!("{name} on the processor"), &mut embedder, &TEXTS, is_sick, &says);
        if let Some(engine) = open(Options { dtype, ..fast() }) {
            let mut embedder = block_on(Embedder::load(engine, files, options())).unwrap();
            hold_split(&name, &mut embedder, &TEXTS, is_sick, &says);
        }
    }
}

/// A tokenizer that the caller brings, which does to one text what none should.
struct Careless<T> {
    inner: T,
    ids: &'static [u32],
}

impl<T: Tokenize> Tokenize for Careless<T> {
    fn encode(&self, texts: &[Cow<'_, str>]) -> Vec<Result<Vec<u32>, Error>> {
        let mut encoded = self.inner.encode(texts);
        for (_, ids) in texts.iter().zip(&mut encoded).filter(|(text, _)| is_sick(text)) {
            *ids = Ok(self.ids.to_vec());
        }
        encoded
    }

    fn specials(&self) -> Specials {
        self.inner.specials()
    }

    fn vocabulary_size(&self) -> usize {
        self.inner.vocabulary_size()
    }
}

#[test]
fn a_tokenizer_that_breaks_its_word() {
    let cases: [(&str, &'static [u32], &[&str]); 4] = [
        ("no token", &[], &["expected 2 or more, special tokens included, found 0"]),
        ("not even the special tokens", &[5], &["expected 2 or more, special tokens included, found 1"]),
        ("a token too high", &[2, 540, 3], &["its token 540 is beyond the 540 rows of the word table"]),
        ("the highest token", &[2, u32::MAX], &["its token 4294967295 is beyond the 540 rows"]),
    ];
    for (name, ids, says) in cases {
        let files = model("bert");
        let description = block_on(Description::read(&files)).unwrap();
        let inner = block_on(description.tokenizer(&files)).unwrap();
        let tokenizer = Careless { inner, ids };
        let loaded = Embedder::with_tokenizer(engine(), files, tokenizer, description, Placement::Auto);
        hold_split(name, &mut block_on(loaded).unwrap(), &TEXTS, is_sick, says);
    }
}

/// Texts that a tokenizer of the file's own cannot make anything of.
#[test]
fn a_word_that_the_tokenizer_has_no_token_for() {
    let files = changed("bert", |files| {
        edit_json(files, "tokenizer.json", |json| json["model"]["unk_token"] = Value::from("[NOTHING]"));
    });
    let texts = ["tea", "☃", "a."];
    hold_split(
        "no unknown token",
        &mut load(engine(), files),
        &texts,
        |text| text == "☃",
        &["this text could not be embedded", "[UNK]"],
    );
}
