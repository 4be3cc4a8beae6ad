//! A model as its files describe it, before any weight is read.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use crate::Error;
use crate::config::Config;
use crate::files::{Files, join, read_json, size};
use crate::modules::{Modules, Step};
use crate::similarity::Similarity;
use crate::tokenizer::{FileTokenizer, Specials, Tokenize as _, TokenizerConfig, TruncationSide};

/// Everything about a model that its small files say.
#[derive(Debug, Clone)]
pub struct Description {
    /// The encoder.
    pub config: Config,
    /// What comes after it.
    pub modules: Modules,
    /// Tokens of a text at most, special tokens included.
    pub max_length: usize,
    /// Where longer texts are cut.
    pub truncation_side: TruncationSide,
    /// Whether texts are lowercased before anything else.
    pub lowercase: bool,
    /// Prompts by name: each is put in front of a text.
    pub prompts: BTreeMap<String, String>,
    /// The prompt that is used where none is asked for.
    pub default_prompt: Option<String>,
    /// How its vectors are meant to be compared.
    pub similarity: Similarity,
    /// The width of the vectors as the modules give them.
    pub width: usize,
    /// How many of these dimensions come out, where nothing else is asked for.
    pub dimensions: usize,
}

/// `sentence_bert_config.json` and its older names, in the order in which sentence-transformers looks for them.
const LENGTH_FILES: [&str; 7] = [
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
];

/// What sentence-transformers keeps beside an encoder, in layouts old and new.
#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "a JSON object", deny_unknown_fields)]
struct LengthFile {
    max_seq_length: Option<usize>,
    #[serde(default)]
    do_lower_case: bool,
    transformer_task: Option<Value>,
    modality_config: Option<Value>,
    module_output_name: Option<Value>,
    processing_kwargs: Option<Value>,
    query_length: Option<Value>,
    document_length: Option<Value>,
    query_expansion: Option<Value>,
    #[serde(alias = "model_kwargs")]
    model_args: Option<Map<String, Value>>,
    #[serde(alias = "processor_kwargs")]
    tokenizer_args: Option<Map<String, Value>>,
    #[serde(alias = "config_kwargs")]
    config_args: Option<Map<String, Value>>,
    #[expect(dead_code, reason = "known, and without meaning where nothing is padded")]
    unpad_inputs: Option<IgnoredAny>,
}

/// Options of Hugging Face's loaders that change no vector beyond a rounding.
const HARMLESS: [&str; 7] = [
    "trust_remote_code",
    "attn_implementation",
    "torch_dtype",
    "dtype",
    "add_pooling_layer",
    "padding_side",
    "use_fast",
];

#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "a JSON object", deny_unknown_fields)]
struct SentenceFile {
    model_type: Option<String>,
    #[serde(default)]
    prompts: BTreeMap<String, Option<String>>,
    default_prompt_name: Option<String>,
    similarity_fn_name: Option<String>,
    truncate_dim: Option<usize>,
    #[serde(rename = "__version__")]
    #[expect(dead_code, reason = "known, and without meaning")]
    version: Option<IgnoredAny>,
    #[expect(dead_code, reason = "known: versions of Python packages")]
    requirements: Option<IgnoredAny>,
}

impl Description {
    /// Reads a model's small files.
    ///
    /// # Errors
    /// Where one is missing or malformed, or says something that this crate does not know.
    pub async fn read(files: &impl Files) -> Result<Self, Error> {
        let modules = Modules::read(files).await?;
        let config = Config::read(files, &modules.encoder).await?;
        let adapter = join(&modules.encoder, "adapter_config.json");
        if size(files, &adapter).await?.is_some() {
            return Err(Error::malformed(
                adapter,
                "expected a whole model, found an adapter to one: merge it into its model",
            ));
        }
        let (lengths, lengths_path) = read_lengths(files, &modules.encoder).await?;
        let tokenizer = TokenizerConfig::read(files, &modules.encoder).await?;
        let max_length = max_length(&config, &lengths, &lengths_path, &tokenizer)?;
        const SENTENCE: &str = "config_sentence_transformers.json";
        let sentence: SentenceFile = read_json(files, SENTENCE).await?.unwrap_or_default();
        if let Some(kind) = sentence.model_type.filter(|kind| kind != "SentenceTransformer") {
            return Err(Error::unknown(SENTENCE, "model_type", "SentenceTransformer", kind));
        }
        // A prompt of null is one that is still to be named.
        let prompts: BTreeMap<_, _> =
            sentence.prompts.into_iter().filter_map(|(name, text)| Some((name, text?))).collect();
        if let Some(name) = sentence.default_prompt_name.as_ref().filter(|name| !prompts.contains_key(*name)) {
            return Err(Error::unknown(SENTENCE, "default_prompt_name", prompt_names(&prompts), name));
        }
        let similarity = similarity(sentence.similarity_fn_name.as_deref(), SENTENCE)?;
        let width = modules.width(config.hidden_size)?;
        let dimensions = sentence.truncate_dim.unwrap_or(width);
        if !(1..=width).contains(&dimensions) {
            let expected = format!("1 to {width}, the width of the vectors");
            return Err(Error::unknown(SENTENCE, "truncate_dim", expected, dimensions));
        }
        Ok(Self {
            width,
            dimensions,
            lowercase: lengths.do_lower_case,
            prompts,
            default_prompt: sentence.default_prompt_name,
            similarity,
            max_length,
            truncation_side: tokenizer.truncation_side(&modules.encoder)?,
            config,
            modules,
        })
    }

    /// Whether the model itself gives vectors of length 1.
    pub fn normalizes(&self) -> bool {
        self.dimensions == self.width && self.modules.steps.last() == Some(&Step::Normalize)
    }

    /// The model's own tokenizer.
    ///
    /// # Errors
    /// Where its files are missing or malformed.
    pub async fn tokenizer(&self, files: &impl Files) -> Result<FileTokenizer, Error> {
        let tokenizer = FileTokenizer::read(files, &self.modules.encoder, self.lowercase).await?;
        self.hold_specials(tokenizer.specials())?;
        Ok(tokenizer)
    }

    /// Special tokens must leave room for a text.
    pub(crate) fn hold_specials(&self, specials: Specials) -> Result<(), Error> {
        let specials = specials.before + specials.after;
        if self.max_length > specials {
            return Ok(());
        }
        let expected = format!("more than the {specials} special tokens that every text gets");
        Err(Error::option("the maximum length", expected, self.max_length))
    }
}

/// The names that a prompt can be asked for by, for errors.
pub(crate) fn prompt_names(prompts: &BTreeMap<String, String>) -> String {
    let names: Vec<_> = prompts.keys().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "no name, as the model has no prompts".to_owned() } else { names.join(" or ") }
}

fn similarity(name: Option<&str>, path: &str) -> Result<Similarity, Error> {
    let Some(name) = name else { return Ok(Similarity::default()) };
    Similarity::ALL.into_iter().find(|measure| measure.name() == name).ok_or_else(|| {
        let expected = Similarity::ALL.map(Similarity::name).join(", ");
        Error::unknown(path, "similarity_fn_name", format!("one of {expected}"), name)
    })
}

async fn read_lengths(files: &impl Files, folder: &str) -> Result<(LengthFile, String), Error> {
    for name in LENGTH_FILES {
        let path = join(folder, name);
        let Some(file) = read_json::<LengthFile>(files, &path).await? else { continue };
        file.check(&path)?;
        return Ok((file, path));
    }
    Ok((LengthFile::default(), join(folder, LENGTH_FILES[0])))
}

impl LengthFile {
    /// Everything but the length must say what is usual.
    fn check(&self, path: &str) -> Result<(), Error> {
        let forward = json!({ "text": { "method": "forward", "method_output_name": "last_hidden_state" } });
        let none = json!({});
        for (key, value, expected) in [
            ("transformer_task", &self.transformer_task, &json!("feature-extraction")),
            ("modality_config", &self.modality_config, &forward),
            ("module_output_name", &self.module_output_name, &json!("token_embeddings")),
            ("processing_kwargs", &self.processing_kwargs, &none),
            ("query_length", &self.query_length, &Value::Null),
            ("document_length", &self.document_length, &Value::Null),
            ("query_expansion", &self.query_expansion, &Value::Null),
        ] {
            if let Some(other) = value.as_ref().filter(|value| *value != expected) {
                let expected = expected.as_str().map_or_else(|| expected.to_string(), str::to_owned);
                return Err(Error::unknown(path, key, expected, other.as_str().unwrap_or(&other.to_string())));
            }
        }
        for (key, options) in [
            ("model_args", &self.model_args),
            ("tokenizer_args", &self.tokenizer_args),
            ("config_args", &self.config_args),
        ] {
            let unknown = options.iter().flatten().find(|(option, _)| !HARMLESS.contains(&option.as_str()));
            if let Some((option, value)) = unknown {
                return Err(Error::unknown(path, &format!("{key}.{option}"), "no such option", value));
            }
        }
        Ok(())
    }
}

/// sentence-transformers' rule: its own file's value, else the smaller of the tokenizer's and the position table's.
/// Never more than the position table has rows for: there sentence-transformers fails on the first long text.
fn max_length(config: &Config, file: &LengthFile, path: &str, tokenizer: &TokenizerConfig) -> Result<usize, Error> {
    let usable = config.usable_positions();
    if let Some(length) = file.max_seq_length {
        let is_usable = (1..=usable).contains(&length);
        let expected = format!("1 to {usable}, the positions that the model has");
        return if is_usable { Ok(length) } else { Err(Error::unknown(path, "max_seq_length", expected, length)) };
    }
    // `as` saturates: transformers writes 1e30 for "none".
    Ok(tokenizer.model_max_length.map_or(usable, |length| usable.min(length as usize)))
}
