//! The options that JavaScript passes, checked: an unknown name or value is an error that names it.

use js_sys::JSON;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;
use wembed_kernels::cpu::{self, CpuEngine};
use wembed_kernels::gpu::{self, Adapter, GpuEngine};
use wembed_kernels::{Dtype, Error};
use wembed_model::{AnyEngine, EmbedOptions, Finish, LoadOptions, Long, Placement, Prompt};

use crate::error::argument;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** How a model is loaded, where that is not what its files say. */
export interface LoadOptions {
  /**
   * What computes: "gpu" is the browser's best WebGPU adapter, a program on the processor included; "cpu" is wembed's own
   * engine in wasm; "auto" is a GPU in hardware where there is one, else "cpu".
   */
  device?: "auto" | "gpu" | "cpu";
  /** What weights are held in; "auto" is f16 on a GPU, unpacked in the shaders where it has no `shader-f16`, and f32 on the processor. */
  dtype?: "auto" | "f16" | "f32" | "bf16";
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
  /**
   * What becomes of texts that have more tokens than the model takes: they are cut ("truncate"), are errors, or get the mean of the
   * vectors of their overlapping windows.
   */
  long?: "truncate" | "error" | "mean";
  /** Tokens of a batch at most. */
  batchTokens?: number;
}
"#;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Load {
    device: DeviceName,
    dtype: DtypeName,
    max_length: Option<usize>,
    vocabulary: VocabularyName,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DeviceName {
    #[default]
    Auto,
    Gpu,
    Cpu,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DtypeName {
    #[default]
    Auto,
    F16,
    F32,
    Bf16,
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
    long: LongTexts,
    batch_tokens: Option<usize>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LongTexts {
    #[default]
    Truncate,
    Error,
    Mean,
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
    /// Opens the engine.
    pub async fn engine(&self) -> Result<AnyEngine, Error> {
        let dtype = match self.dtype {
            DtypeName::Auto => None,
            DtypeName::F16 => Some(Dtype::F16),
            DtypeName::F32 => Some(Dtype::F32),
            DtypeName::Bf16 => Some(Dtype::Bf16),
        };
        // bf16 is asked of the processor alone: a GPU has no kernels for it.
        let wants_gpu = self.device == DeviceName::Gpu || self.device == DeviceName::Auto && dtype != Some(Dtype::Bf16);
        if wants_gpu {
            let adapter = if self.device == DeviceName::Gpu { Adapter::Best } else { Adapter::Hardware };
            let options = gpu::Options { adapter, dtype: dtype.unwrap_or(Dtype::F16), ..gpu::Options::default() };
            match GpuEngine::open(options).await {
                Err(error) if error.is_no_adapter() && self.device == DeviceName::Auto => {}
                opened => return opened.map(AnyEngine::Gpu),
            }
        }
        let options = cpu::Options { dtype, pool: crate::threads::pool(), ..cpu::Options::default() };
        CpuEngine::open(options).map(AnyEngine::Cpu)
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
        let long = match self.long {
            LongTexts::Truncate => Long::Truncate,
            LongTexts::Error => Long::Error,
            LongTexts::Mean => Long::Mean,
        };
        Ok(EmbedOptions { finish, prompt, long, batch_tokens: self.batch_tokens })
    }
}
