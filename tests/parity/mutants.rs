//! Wrong models that must not pass. Each is the product's own code on files that were changed as a mistake in the code
//! would show, or behind a tokenizer that makes the mistake; the thresholds of parity must refuse every one.

use half::f16;
use pollster::block_on;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use std::borrow::Cow;
use wembed_model::{Description, EmbedOptions, Embedder, Error, Memory, Placement, Specials, Tokenize};
use wembed_tests::distance::{Distance, THREE_BF16, judge};
use wembed_tests::each_engine;
use wembed_tests::embedding::{embed, load};
use wembed_tests::golden::{Golden, GoldenModel, change_json, files, folder, read};

/// A mistake, on one of the tiny models.
struct Mutant {
    name: &'static str,
    model: &'static str,
    change: fn(&mut Memory),
}

const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "tanh for erf in GELU",
        model: "mpnet",
        change: |files| set(files, "config.json", "hidden_act", json!("gelu_new")),
    },
    Mutant {
        name: "tanh for erf in GELU",
        model: "xlm-roberta",
        change: |files| set(files, "0_Transformer/config.json", "hidden_act", json!("gelu_new")),
    },
    Mutant {
        name: "tanh for erf in GELU",
        model: "bert",
        change: |files| set(files, "config.json", "hidden_act", json!("gelu_new")),
    },
    Mutant {
        name: "layer-norm epsilon of the other family",
        model: "mpnet",
        change: |files| set(files, "config.json", "layer_norm_eps", json!(1e-12)),
    },
    Mutant {
        name: "layer-norm epsilon of the other family",
        model: "xlm-roberta",
        change: |files| set(files, "0_Transformer/config.json", "layer_norm_eps", json!(1e-12)),
    },
    Mutant {
        name: "layer-norm epsilon of the other family",
        model: "bert",
        change: |files| set(files, "config.json", "layer_norm_eps", json!(1e-5)),
    },
    Mutant {
        name: "positions off by one",
        model: "mpnet",
        change: |files| edit(files, "", "position_embeddings.weight", shift_rows),
    },
    Mutant {
        name: "positions off by one",
        model: "xlm-roberta",
        change: |files| edit(files, "0_Transformer/", "position_embeddings.weight", shift_rows),
    },
    Mutant {
        name: "positions off by one",
        model: "bert",
        change: |files| edit(files, "", "position_embeddings.weight", shift_rows),
    },
    Mutant {
        name: "the relative bias transposed",
        model: "mpnet",
        change: |files| edit(files, "", "relative_attention_bias.weight", swap_halves),
    },
    Mutant {
        name: "the wrong relative bucket at the far end",
        model: "mpnet",
        change: |files| edit(files, "", "relative_attention_bias.weight", blur_far_end),
    },
    Mutant {
        name: "no relative bias",
        model: "mpnet",
        change: |files| edit(files, "", "relative_attention_bias.weight", zero),
    },
    Mutant {
        name: "one bias dropped: query",
        model: "bert",
        change: |files| edit(files, "", "layer.1.attention.self.query.bias", zero),
    },
    Mutant {
        name: "one bias dropped: value",
        model: "mpnet",
        change: |files| edit(files, "", "layer.1.attention.attn.v.bias", zero),
    },
    Mutant {
        name: "one bias dropped: attention output",
        model: "xlm-roberta",
        change: |files| edit(files, "0_Transformer/", "layer.0.attention.output.dense.bias", zero),
    },
    Mutant {
        name: "one bias dropped: feed-forward",
        model: "bert",
        change: |files| edit(files, "", "layer.2.intermediate.dense.bias", zero),
    },
    Mutant {
        name: "one bias dropped: layer norm",
        model: "mpnet",
        change: |files| edit(files, "", "layer.1.output.LayerNorm.bias", zero),
    },
    Mutant {
        name: "a weight transposed",
        model: "xlm-roberta",
        change: |files| edit(files, "0_Transformer/", "layer.1.attention.output.dense.weight", transpose),
    },
    Mutant {
        name: "no token type",
        model: "bert",
        change: |files| edit(files, "", "token_type_embeddings.weight", zero),
    },
    Mutant {
        name: "no token type",
        model: "xlm-roberta",
        change: |files| edit(files, "0_Transformer/", "token_type_embeddings.weight", zero),
    },
    Mutant {
        name: "another pooling",
        model: "mpnet",
        change: |files| set(files, "1_Pooling/config.json", "pooling_mode", json!("cls")),
    },
    Mutant {
        name: "half the maximum length",
        model: "xlm-roberta",
        change: |files| set(files, "0_Transformer/sentence_bert_config.json", "max_seq_length", json!(64)),
    },
    Mutant { name: "not normalised", model: "mpnet", change: |files| drop_last_module(files) },
];

#[test]
fn no_mutant_passes() {
    let golden: Golden = read("golden.json");
    each_engine!(|way, open| {
        for mutant in MUTANTS {
            let model = find(&golden, mutant.model);
            let mut files = files(&folder().join(&model.path));
            (mutant.change)(&mut files);
            let mut embedder = load(open(), files).unwrap_or_else(|error| panic!("{}: {error}", mutant.name));
            let embeddings = embed(&mut embedder, &model.expected.texts, &EmbedOptions::default()).unwrap();
            let vectors: Vec<_> = embeddings.into_iter().map(|embedding| embedding.vector).collect();
            refuse(&format!("{} in {} as {way}", mutant.name, mutant.model), model, &vectors);
        }
    });
}

/// A tokenizer that pads every text to the longest of its batch, as if there were no mask.
struct Padding<T>(T, u32);

impl<T: Tokenize> Tokenize for Padding<T> {
    fn encode(&self, texts: &[Cow<'_, str>]) -> Vec<Result<Vec<u32>, Error>> {
        let mut encoded = self.0.encode(texts);
        let longest = encoded.iter().flatten().map(Vec::len).max().unwrap_or(0);
        encoded.iter_mut().flatten().for_each(|ids| ids.resize(longest, self.1));
        encoded
    }

    fn specials(&self) -> Specials {
        self.0.specials()
    }

    fn vocabulary_size(&self) -> usize {
        self.0.vocabulary_size()
    }
}

#[test]
fn padding_tokens_pooled_do_not_pass() {
    let golden: Golden = read("golden.json");
    each_engine!(|way, open| for (name, padding) in [("mpnet", 1), ("xlm-roberta", 1), ("bert", 0)] {
        let model = find(&golden, name);
        let files = files(&folder().join(&model.path));
        let description = block_on(Description::read(&files)).unwrap();
        let tokenizer = Padding(block_on(description.tokenizer(&files)).unwrap(), padding);
        let loaded = Embedder::with_tokenizer(open(), files, tokenizer, description, Placement::Auto);
        let mut embedder = block_on(loaded).unwrap();
        let embeddings = block_on(embedder.embed(&model.expected.texts, &EmbedOptions::default())).unwrap();
        let vectors: Vec<_> = embeddings.into_iter().map(|embedding| embedding.unwrap().vector).collect();
        refuse(&format!("padding pooled in {name} as {way}"), model, &vectors);
    });
}

/// A tokenizer that gives another id in place of the padding token's, so that it is counted like any other.
struct Counting<T>(T, u32);

impl<T: Tokenize> Tokenize for Counting<T> {
    fn encode(&self, texts: &[Cow<'_, str>]) -> Vec<Result<Vec<u32>, Error>> {
        let mut encoded = self.0.encode(texts);
        let ids = encoded.iter_mut().flatten().flatten();
        ids.filter(|id| **id == 1).for_each(|id| *id = self.1);
        encoded
    }

    fn specials(&self) -> Specials {
        self.0.specials()
    }

    fn vocabulary_size(&self) -> usize {
        self.0.vocabulary_size()
    }
}

#[test]
fn a_literal_padding_token_counted_by_index_does_not_pass() {
    let golden: Golden = read("golden.json");
    for (name, folder_of_encoder) in [("mpnet", ""), ("xlm-roberta", "0_Transformer/")] {
        let model = find(&golden, name);
        let index = model.expected.texts.iter().position(|text| text.contains(" <pad> ")).unwrap();
        let (text, ids) = (&model.expected.texts[index], &model.expected.ids[index]);
        assert!(ids[1..].contains(&1), "{text:?} has a padding token");
        let unused = (0..).find(|id| !ids.contains(id)).unwrap();
        each_engine!(|way, open| for stand_in in [1, unused] {
            let mut files = files(&folder().join(&model.path));
            // The stand-in has the padding token's row, so that it differs in nothing but its position.
            edit(&mut files, folder_of_encoder, "word_embeddings.weight", |values, columns| {
                values.copy_within(columns..2 * columns, stand_in as usize * columns);
            });
            let description = block_on(Description::read(&files)).unwrap();
            let tokenizer = Counting(block_on(description.tokenizer(&files)).unwrap(), stand_in);
            let loaded = Embedder::with_tokenizer(open(), files, tokenizer, description, Placement::Auto);
            let mut embedder = block_on(loaded).unwrap();
            let embeddings = block_on(embedder.embed(&[text], &EmbedOptions::default())).unwrap();
            let distance = Distance::between(&embeddings[0].as_ref().unwrap().vector, &model.expected.vectors[index]);
            assert_eq!(distance.is_within(THREE_BF16), stand_in == 1, "{name} as {way}, {stand_in} for 1: {distance}");
            println!("a literal <pad> of {name} as id {stand_in}, {way}: {distance}");
        });
    }
}

/// Asserts that `vectors` do not pass, not even by the wider of the two bounds for f32's vectors, and tells by how much.
fn refuse(name: &str, model: &GoldenModel, vectors: &[Vec<f32>]) {
    let expected = &model.expected;
    let verdict = judge(&expected.texts, vectors, &expected.vectors, THREE_BF16);
    assert!(verdict.is_err(), "{name} passes as the right model: {}", verdict.unwrap());
    let farthest =
        vectors.iter().zip(&expected.vectors).map(|(vector, reference)| Distance::between(vector, reference));
    let angle = farthest.map(|distance| distance.angle).fold(0.0, f64::max);
    println!("refused: {name}, 1 - cosine {angle:.1e}");
}

fn find<'a>(golden: &'a Golden, name: &str) -> &'a GoldenModel {
    golden.models.iter().find(|model| model.name == name).expect("the golden file has every architecture")
}

fn set(files: &mut Memory, path: &str, key: &str, value: Value) {
    change_json(files, path, json!({ key: value }).as_object().expect("an object was written"));
}

/// Changes the values of the one tensor whose name ends so, in whichever shard it is. `change` gets the values by row and the number of columns.
fn edit(files: &mut Memory, folder: &str, ending: &str, change: impl Fn(&mut [f16], usize)) {
    let single = format!("{folder}model.safetensors");
    let shards: Vec<String> = match files.get(&format!("{single}.index.json")) {
        None => vec![single],
        Some(index) => {
            let index: Value = serde_json::from_slice(index).unwrap();
            let mut names: Vec<_> = index["weight_map"].as_object().unwrap().values().collect();
            names.sort_by_key(|name| name.as_str().map(str::to_owned));
            names.dedup();
            names.into_iter().map(|name| format!("{folder}{}", name.as_str().unwrap())).collect()
        }
    };
    let mut changed = 0;
    for shard in shards {
        let bytes = files.get(&shard).unwrap().to_vec();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let mut owned: Vec<_> = tensors
            .tensors()
            .into_iter()
            .map(|(name, view)| (name, view.dtype(), view.shape().to_vec(), view.data().to_vec()))
            .collect();
        for (_, _, shape, data) in owned.iter_mut().filter(|(name, ..)| name.ends_with(ending)) {
            let mut values: Vec<f16> = bytemuck::pod_collect_to_vec(data);
            change(&mut values, *shape.last().unwrap());
            *data = bytemuck::cast_slice(&values).to_vec();
            changed += 1;
        }
        let views = owned
            .iter()
            .map(|(name, dtype, shape, data)| (name, TensorView::new(*dtype, shape.clone(), data).unwrap()));
        files.insert(shard, safetensors::serialize(views, None).unwrap());
    }
    assert_eq!(changed, 1, "one tensor's name ends with {ending}");
}

fn zero(values: &mut [f16], _: usize) {
    values.fill(f16::ZERO);
}

/// Row i takes the place of row i + 1.
fn shift_rows(values: &mut [f16], columns: usize) {
    values.rotate_right(columns);
}

/// What lies ahead for what lies behind: key - query for query - key.
fn swap_halves(values: &mut [f16], _: usize) {
    let half = values.len() / 2;
    values.rotate_left(half);
}

/// The last bucket of either direction becomes the one before it.
fn blur_far_end(values: &mut [f16], columns: usize) {
    let rows = values.len() / columns;
    for last in [rows / 2 - 1, rows - 1] {
        values.copy_within((last - 1) * columns..last * columns, last * columns);
    }
}

fn transpose(values: &mut [f16], columns: usize) {
    let old = values.to_vec();
    for (index, value) in values.iter_mut().enumerate() {
        *value = old[index % columns * columns + index / columns];
    }
}

fn drop_last_module(files: &mut Memory) {
    let mut modules: Vec<Value> = serde_json::from_slice(files.get("modules.json").unwrap()).unwrap();
    assert!(modules.pop().unwrap()["type"].as_str().unwrap().ends_with("Normalize"));
    files.insert("modules.json", serde_json::to_vec(&modules).unwrap());
}
