//! The options that JavaScript passes, checked: an unknown name or value is an error that names it.

use js_sys::JSON;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;
use wembed_kernels::{Dtype, gpu};
use wembed_model::{EmbedOptions, Finish, LoadOptions, Placement, Prompt};

use crate::error::argument;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** How a model is loaded, where that is not what its files say. */
export interface LoadOptions {
  /** What weights are held in; "auto" is f16, unpacked in the shaders where the device has no `shader-f16`. */
  dtype?: "auto" | "f16" | "f32";
  /** Tokens of a text at most, special tokens included. */
  maxLength?: number;
  /** Where the word table lives: on the device, or on the server, from where each row is fetched when it is first needed. */
  vocabulary?: "auto" | "host" | "device";
}

/** How texts are embedded, where that is not what the model's files say. */
export interface EmbedOptions {
  /** Vectors of length 1, or not. */
  normalize?: boolean;
  /** The first so many dimensions. */
  dimensions?: number;
  /** Put in front of each text; the empty string for nothing. */
  prompt?: string;
  /** One of the model's prompts. */
  promptName?: string;
  /** Tokens of a batch at most. */
  batchTokens?: number;
}
"#;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Load {
    dtype: DtypeName,
    max_length: Option<usize>,
    vocabulary: VocabularyName,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DtypeName {
    #[default]
    Auto,
    F16,
    F32,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum VocabularyName {
    #[default]
    Auto,
    Host,
    Device,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Embed {
    normalize: Option<bool>,
    dimensions: Option<usize>,
    prompt: Option<String>,
    prompt_name: Option<String>,
    batch_tokens: Option<usize>,
}

/// A plain object's fields; all of their defaults where it is left out.
pub(crate) fn parse<T: Default + DeserializeOwned>(options: &JsValue) -> Result<T, JsError> {
    if options.is_undefined() || options.is_null() {
        return Ok(T::default());
    }
    let wrong = |found: &str| argument("options", "a plain object", found);
    let json = JSON::stringify(options).map_err(|_| wrong("an object that JSON cannot hold"))?;
    // A function or a symbol becomes undefined.
    let json = json.as_string().ok_or_else(|| wrong("something that JSON cannot hold"))?;
    // By way of a value, whose errors name no line and column of a text that nobody wrote.
    let value: serde_json::Value = serde_json::from_str(&json).expect("JavaScript writes JSON");
    serde_path_to_error::deserialize(value).map_err(|error| match error.path().to_string().as_str() {
        "." | "?" => JsError::new(&format!("options: {}", error.inner())),
        key => JsError::new(&format!("options: `{key}`: {}", error.inner())),
    })
}

impl Load {
    pub fn engine(&self) -> gpu::Options {
        let dtype = match self.dtype {
            DtypeName::Auto | DtypeName::F16 => Dtype::F16,
            DtypeName::F32 => Dtype::F32,
        };
        gpu::Options { dtype, ..gpu::Options::default() }
    }

    pub fn model(&self) -> LoadOptions {
        let vocabulary = match self.vocabulary {
            VocabularyName::Auto => Placement::Auto,
            VocabularyName::Host => Placement::Host,
            VocabularyName::Device => Placement::Device,
        };
        LoadOptions { max_length: self.max_length, vocabulary }
    }
}

impl Embed {
    pub fn model(self) -> Result<EmbedOptions, JsError> {
        let prompt = match (self.prompt, self.prompt_name) {
            (None, None) => Prompt::Model,
            (Some(text), None) => Prompt::Text(text),
            (None, Some(name)) => Prompt::Named(name),
            (Some(_), Some(_)) => return Err(argument("options", "`prompt` or `promptName`", "both")),
        };
        let finish = Finish { normalize: self.normalize, dimensions: self.dimensions };
        Ok(EmbedOptions { finish, prompt, batch_tokens: self.batch_tokens })
    }
}
