//! `config.json`, into exact types.

use serde::Deserialize;
use serde_json::{Map, Value};
use wembed_kernels::Activation;

use crate::Error;
use crate::architecture::{ARCHITECTURES, Architecture, Keys};
use crate::files::{Files, join, parse_json, read_whole};
use crate::{quantized, relative};

/// What every config.json says.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a JSON object")]
struct Kind {
    model_type: String,
    auto_map: Option<Map<String, Value>>,
}

/// What config.json says, as far as an encoder's output depends on it, by BERT's keys.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a JSON object")]
struct ConfigFile {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    hidden_act: String,
    layer_norm_eps: f64,
    max_position_embeddings: usize,
    type_vocab_size: Option<usize>,
    pad_token_id: Option<u32>,
    relative_attention_num_buckets: Option<usize>,
    position_embedding_type: Option<String>,
    #[serde(default)]
    is_decoder: bool,
    quantization_config: Option<Value>,
}

/// The same by DistilBERT's keys.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a JSON object")]
struct DistilBertFile {
    vocab_size: usize,
    dim: usize,
    n_layers: usize,
    n_heads: usize,
    hidden_dim: usize,
    activation: String,
    max_position_embeddings: usize,
    pad_token_id: Option<u32>,
    quantization_config: Option<Value>,
}

impl From<DistilBertFile> for ConfigFile {
    fn from(file: DistilBertFile) -> Self {
        Self {
            vocab_size: file.vocab_size,
            hidden_size: file.dim,
            num_hidden_layers: file.n_layers,
            num_attention_heads: file.n_heads,
            intermediate_size: file.hidden_dim,
            hidden_act: file.activation,
            layer_norm_eps: 1e-12,
            max_position_embeddings: file.max_position_embeddings,
            type_vocab_size: None,
            pad_token_id: file.pad_token_id,
            relative_attention_num_buckets: None,
            position_embedding_type: None,
            is_decoder: false,
            quantization_config: file.quantization_config,
        }
    }
}

/// The keys whose values are refused by name.
struct KeyNames {
    hidden_size: &'static str,
    layers: &'static str,
    heads: &'static str,
    intermediate_size: &'static str,
    activation: &'static str,
}

impl Keys {
    fn read(self, path: &str, bytes: &[u8]) -> Result<ConfigFile, Error> {
        match self {
            Self::Bert => parse_json(path, bytes),
            Self::DistilBert => parse_json::<DistilBertFile>(path, bytes).map(Into::into),
        }
    }

    fn names(self) -> KeyNames {
        match self {
            Self::Bert => KeyNames {
                hidden_size: "hidden_size",
                layers: "num_hidden_layers",
                heads: "num_attention_heads",
                intermediate_size: "intermediate_size",
                activation: "hidden_act",
            },
            Self::DistilBert => KeyNames {
                hidden_size: "dim",
                layers: "n_layers",
                heads: "n_heads",
                intermediate_size: "hidden_dim",
                activation: "activation",
            },
        }
    }
}

/// An encoder's shape and rules.
#[derive(Debug, Clone)]
pub struct Config {
    /// The row of the table.
    pub architecture: &'static Architecture,
    /// V.
    pub vocabulary_size: usize,
    /// D.
    pub hidden_size: usize,
    /// Layers.
    pub layers: usize,
    /// H.
    pub heads: usize,
    /// F.
    pub intermediate_size: usize,
    /// After the first linear layer of the feed-forward block.
    pub activation: Activation,
    /// Of every layer norm.
    pub epsilon: f32,
    /// Rows of the position table.
    pub position_rows: usize,
    /// Rows of the token-type table; 0 where the architecture has none.
    pub token_types: usize,
    /// Counts as no position where the architecture numbers positions from it.
    pub pad_token_id: u32,
    /// Buckets of the relative-position bias; 0 where the architecture has none.
    pub relative_buckets: usize,
}

impl Config {
    /// Reads `config.json` in `folder`.
    ///
    /// # Errors
    /// Where it is missing, or says something that this crate does not know.
    pub async fn read(files: &impl Files, folder: &str) -> Result<Self, Error> {
        let path = join(folder, "config.json");
        let mut buffer = Vec::new();
        let Some(bytes) = read_whole(files, &path, &mut buffer).await? else {
            return Err(Error::missing(path, "a model directory has one, in Hugging Face's form"));
        };
        let Kind { model_type, auto_map } = parse_json(&path, bytes)?;
        let Some(architecture) = ARCHITECTURES.iter().find(|row| row.model_type == model_type) else {
            let known: Vec<_> = ARCHITECTURES.iter().map(|row| row.model_type).collect();
            return Err(Error::unknown(&path, "model_type", format!("one of {}", known.join(", ")), model_type));
        };
        // Custom code computes whatever it likes under a known name.
        if let Some(map) = auto_map.filter(|map| map.contains_key("AutoModel")) {
            let found = Value::Object(map);
            return Err(Error::unknown(&path, "auto_map", "a model without code of its own", found));
        }
        architecture.keys.read(&path, bytes)?.check(&path, architecture)
    }

    /// Columns of the widest activation: [q | k | v], or the feed-forward block's.
    pub fn widest(&self) -> usize {
        self.intermediate_size.max(3 * self.hidden_size)
    }

    /// Tokens that a text can have at most.
    pub fn usable_positions(&self) -> usize {
        self.position_rows - self.architecture.positions.first(self.pad_token_id)
    }
}

impl ConfigFile {
    fn check(self, path: &str, architecture: &'static Architecture) -> Result<Config, Error> {
        let names = architecture.keys.names();
        let sizes = [
            ("vocab_size", self.vocab_size),
            (names.hidden_size, self.hidden_size),
            (names.layers, self.num_hidden_layers),
            (names.heads, self.num_attention_heads),
            (names.intermediate_size, self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
        ];
        // Far beyond every model there is, and small enough that no product of two overflows.
        const LARGEST: usize = 1 << 24;
        if let Some((key, size)) = sizes.into_iter().find(|&(_, size)| size == 0 || size > LARGEST) {
            return Err(Error::unknown(path, key, format!("1 to {LARGEST}"), size));
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let expected = format!("a divisor of {}, {}", names.hidden_size, self.hidden_size);
            return Err(Error::unknown(path, names.heads, expected, self.num_attention_heads));
        }
        if let Some(kind) = self.position_embedding_type.filter(|kind| kind != "absolute") {
            return Err(Error::unknown(path, "position_embedding_type", "absolute", kind));
        }
        if self.is_decoder {
            return Err(Error::unknown(path, "is_decoder", "false", true));
        }
        if let Some(quantization) = self.quantization_config.filter(|config| !quantized::describes_rows(config)) {
            let expected = "none, or compressed-tensors' int-quantized: 8 bits, symmetric, by channel, weights alone; or what `wembed \
                            quantize` writes";
            return Err(Error::unknown(path, "quantization_config", expected, quantization));
        }
        let epsilon = self.layer_norm_eps as f32;
        if !(epsilon > 0.0 && epsilon < 1.0) {
            let found = format!("{:?}", self.layer_norm_eps);
            return Err(Error::unknown(path, "layer_norm_eps", "a number between 0 and 1", found));
        }
        let pad_token_id = self.pad_token_id.unwrap_or(architecture.pad_token_id);
        if architecture.fixed_padding && pad_token_id != architecture.pad_token_id {
            return Err(Error::unknown(path, "pad_token_id", architecture.pad_token_id.to_string(), pad_token_id));
        }
        if pad_token_id as usize >= self.vocab_size {
            let expected = format!("less than vocab_size, {}", self.vocab_size);
            return Err(Error::unknown(path, "pad_token_id", expected, pad_token_id));
        }
        let first = architecture.positions.first(pad_token_id);
        if first >= self.max_position_embeddings {
            let expected = format!("more than {first}, where the first position is");
            return Err(Error::unknown(path, "max_position_embeddings", expected, self.max_position_embeddings));
        }
        let token_types = match (architecture.names.token_types, self.type_vocab_size) {
            (None, _) => 0,
            (Some(_), Some(rows)) if (1..=LARGEST).contains(&rows) => rows,
            (Some(_), Some(rows)) => {
                return Err(Error::unknown(path, "type_vocab_size", format!("1 to {LARGEST}"), rows));
            }
            (Some(_), None) => return Err(Error::malformed(path, "missing field `type_vocab_size`")),
        };
        let relative_buckets = match (architecture.names.relative_bias, self.relative_attention_num_buckets) {
            (None, _) => 0,
            (Some(_), Some(relative::BUCKETS)) => relative::BUCKETS,
            (Some(_), Some(buckets)) => {
                let key = "relative_attention_num_buckets";
                return Err(Error::unknown(path, key, relative::BUCKETS.to_string(), buckets));
            }
            (Some(_), None) => return Err(Error::malformed(path, "missing field `relative_attention_num_buckets`")),
        };
        Ok(Config {
            architecture,
            vocabulary_size: self.vocab_size,
            hidden_size: self.hidden_size,
            layers: self.num_hidden_layers,
            heads: self.num_attention_heads,
            intermediate_size: self.intermediate_size,
            activation: encoder_activation(path, names.activation, &self.hidden_act)?,
            epsilon,
            position_rows: self.max_position_embeddings,
            token_types,
            pad_token_id,
            relative_buckets,
        })
    }
}

/// Transformers' names of activations (`ACT2FN`).
fn encoder_activation(path: &str, key: &str, name: &str) -> Result<Activation, Error> {
    Ok(match name {
        "gelu" | "gelu_python" => Activation::Gelu,
        "gelu_new" | "gelu_fast" | "gelu_pytorch_tanh" | "gelu_python_tanh" => Activation::GeluTanh,
        "relu" => Activation::Relu,
        "silu" | "swish" => Activation::Silu,
        _ => return Err(Error::unknown(path, key, "gelu, gelu_new, relu or silu", name)),
    })
}
