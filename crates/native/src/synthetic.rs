//! Models of a known shape with random weights, so that a device can be measured with nothing to download. Their vectors mean nothing.

use anyhow::Context as _;
use half::f16;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde::Deserialize;
use serde_json::json;

use wembed_model::{ARCHITECTURES, Architecture, Memory};

use wembed::{BUILT_IN, ModelFiles};

/// The shape of a model that people use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Synthetic {
    /// What it is called.
    pub name: &'static str,
    model_type: &'static str,
    hidden: usize,
    layers: usize,
    heads: usize,
    intermediate: usize,
    positions: usize,
    tokens: usize,
}

const fn base(name: &'static str, model_type: &'static str, positions: usize, tokens: usize) -> Synthetic {
    Synthetic { name, model_type, hidden: 768, layers: 12, heads: 12, intermediate: 3072, positions, tokens }
}

/// What of a model's configuration its tokenizer goes by.
#[derive(Deserialize)]
struct Vocabulary {
    vocab_size: usize,
}

/// Every shape.
pub const SYNTHETICS: [Synthetic; 4] = [
    base("mpnet-base", "mpnet", 514, 384),
    base("xlm-roberta-base", "xlm-roberta", 514, 512),
    Synthetic { hidden: 384, layers: 6, intermediate: 1536, ..base("minilm-l6", "bert", 512, 256) },
    base("e5-base", "bert", 512, 512),
];

/// The number of tensors' values that are drawn; all tensors are made of them, each from another place on.
const DRAWN: usize = 65_521;

/// Weights lie between this and its negative: about what training leaves.
const LARGEST: f32 = 0.05;

impl Synthetic {
    /// The shape of this name.
    ///
    /// # Errors
    /// Where there is none.
    pub fn parse(name: &str) -> Result<Self, String> {
        let names = SYNTHETICS.map(|shape| shape.name).join(", ");
        SYNTHETICS.into_iter().find(|shape| shape.name == name).ok_or_else(|| format!("expected one of {names}"))
    }

    /// Its files, with the tokenizer of the model in this program: the word table has as many rows as that has words.
    ///
    /// # Errors
    /// Where there is no model in this program.
    pub fn files(self) -> anyhow::Result<ModelFiles> {
        let built_in = BUILT_IN
            .context("a synthetic model has the tokenizer of the one in this program, which was built without one")?;
        let file = |path: &str| built_in.file(path).with_context(|| format!("{} has no {path}", built_in.name));
        let words: Vocabulary = serde_json::from_slice(file("config.json")?)?;
        let words = words.vocab_size;
        let mut files = Memory::default();
        let mut write = |path: &str, value: serde_json::Value| files.insert(path, value.to_string());
        write("config.json", self.config(words));
        let module = |index: usize, path: &str, kind: &str| json!({ "idx": index, "name": index.to_string(), "path": path, "type": format!("sentence_transformers.models.{kind}") });
        write(
            "modules.json",
            json!([
                module(0, "", "Transformer"),
                module(1, "1_Pooling", "Pooling"),
                module(2, "2_Normalize", "Normalize")
            ]),
        );
        write(
            "1_Pooling/config.json",
            json!({ "word_embedding_dimension": self.hidden, "pooling_mode_mean_tokens": true }),
        );
        write("sentence_bert_config.json", json!({ "max_seq_length": self.tokens, "do_lower_case": false }));
        files.insert("tokenizer.json", file("tokenizer.json")?);
        files.insert("model.safetensors", self.weights(words));
        Ok(ModelFiles::BuiltIn(files))
    }

    fn config(self, words: usize) -> serde_json::Value {
        json!({
            "model_type": self.model_type,
            "vocab_size": words,
            "hidden_size": self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "intermediate_size": self.intermediate,
            "hidden_act": "gelu",
            "max_position_embeddings": self.positions,
            "relative_attention_num_buckets": BUCKETS,
            "type_vocab_size": 1,
            "layer_norm_eps": 1e-5,
            "pad_token_id": 1,
        })
    }

    /// Names and shapes of all tensors.
    fn tensors(self, words: usize) -> Vec<(String, Vec<usize>)> {
        let Architecture { names, .. } =
            ARCHITECTURES.iter().find(|it| it.model_type == self.model_type).expect("the table has it");
        let (d, wide) = (self.hidden, self.intermediate);
        let mut tensors = vec![
            (format!("{}.weight", names.words), vec![words, d]),
            (format!("{}.weight", names.positions), vec![self.positions, d]),
        ];
        tensors.extend(names.token_types.map(|name| (format!("{name}.weight"), vec![1, d])));
        tensors.extend(names.relative_bias.map(|name| (format!("{name}.weight"), vec![BUCKETS, self.heads])));
        let mut pair = |name: String, shape: Vec<usize>| {
            tensors.push((format!("{name}.bias"), vec![shape[0]]));
            tensors.push((format!("{name}.weight"), shape));
        };
        pair(names.embedding_norm.to_owned(), vec![d]);
        for layer in 0..self.layers {
            let name = |part: &str| format!("{}.{layer}.{part}", names.layer);
            for part in [names.query, names.key, names.value, names.attention_output] {
                pair(name(part), vec![d, d]);
            }
            pair(name(names.intermediate), vec![wide, d]);
            pair(name(names.output), vec![d, wide]);
            pair(name(names.attention_norm), vec![d]);
            pair(name(names.output_norm), vec![d]);
        }
        tensors
    }

    fn weights(self, words: usize) -> Vec<u8> {
        let tensors = self.tensors(words);
        let count = |shape: &[usize]| shape.iter().product::<usize>();
        let most = tensors.iter().map(|(_, shape)| count(shape)).max().unwrap_or(0);
        // Repeated as often as the largest tensor needs: a tensor is a piece of it.
        let drawn = drawn();
        let values: Vec<u8> = drawn.iter().cycle().take(most + DRAWN).flat_map(|value| value.to_le_bytes()).collect();
        let ones: Vec<u8> = f16::ONE.to_le_bytes().repeat(self.intermediate);
        let view = |(index, (name, shape)): (usize, (String, Vec<usize>))| {
            // A layer norm's weights are near 1, and all of one dimension; biases may be anything small.
            let is_norm = shape.len() == 1 && name.ends_with(".weight");
            let bytes = 2 * count(&shape);
            let first = 2 * (index * 7919 % DRAWN);
            let data = if is_norm { &ones[..bytes] } else { &values[first..first + bytes] };
            (name, TensorView::new(Dtype::F16, shape, data).expect("the bytes are the shape's"))
        };
        let views: Vec<_> = tensors.into_iter().enumerate().map(view).collect();
        safetensors::serialize(views, None).expect("names and shapes are sound")
    }
}

/// Of the relative-position bias.
const BUCKETS: usize = 32;

/// Values from -[`LARGEST`] to it, the same everywhere.
fn drawn() -> Vec<f16> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        // Xorshift32 (Marsaglia 2003).
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..DRAWN).map(|_| f16::from_f32(LARGEST * next())).collect()
}
