//! The options that JavaScript passes, checked: an unknown name or value is an error that names it. `js/types.ts` says what they mean.

use std::time::Duration;

use js_sys::{JSON, Reflect};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;
use wembed_kernels::Dtype;
use wembed_kernels::cpu::{self, CpuEngine};
use wembed_kernels::gpu::{self, Adapter, GpuEngine};
use wembed_model::{AnyEngine, EmbedOptions, Finish, KernelPlan, LoadOptions, Long, Placement, Prompt};

use crate::embedder::Model;
use crate::error::{NO_ADAPTER, argument, engine, no_adapter, said_of_arguments};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Load {
    device: DeviceName,
    dtype: DtypeName,
    max_length: Option<usize>,
    vocabulary: VocabularyName,
    kernels: Vec<KernelPlan>,
    tune: bool,
}

/// How long kernels are tried: a page waits for it.
const BUDGET: Duration = Duration::from_millis(1500);

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DeviceName {
    #[default]
    Auto,
    Gpu,
    Cpu,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DtypeName {
    #[default]
    Auto,
    F16,
    F32,
    Bf16,
    Int8,
}

impl DtypeName {
    /// The type, where one was named.
    fn named(self) -> Option<Dtype> {
        match self {
            Self::Auto => None,
            Self::F16 => Some(Dtype::F16),
            Self::F32 => Some(Dtype::F32),
            Self::Bf16 => Some(Dtype::Bf16),
            Self::Int8 => Some(Dtype::Int8),
        }
    }
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
    long: Long,
    batch_tokens: Option<usize>,
}

/// A plain object's fields; all of their defaults where it is left out.
pub(crate) fn parse<T: Default + DeserializeOwned>(options: &JsValue) -> Result<T, JsValue> {
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
        "." | "?" => said_of_arguments(&format!("options: {}", error.inner())),
        key => said_of_arguments(&format!("options: `{key}`: {}", error.inner())),
    })
}

impl Load {
    /// Opens the engine, and says why it is this one.
    pub async fn engine(&self) -> Result<(AnyEngine, String), JsValue> {
        let cpu = |why: String| Ok((self.processor()?, why));
        let adapter = match self.device {
            DeviceName::Cpu => return cpu("it was asked for".to_owned()),
            DeviceName::Auto if matches!(self.dtype, DtypeName::Bf16) => {
                return cpu("a GPU has no kernels for this dtype".to_owned());
            }
            DeviceName::Auto => Adapter::Hardware,
            DeviceName::Gpu => Adapter::Best,
        };
        let dtype = self.dtype.named().unwrap_or(Dtype::F16);
        if !may_have_webgpu() {
            return if self.takes_any() { cpu(NO_ADAPTER.to_owned()) } else { Err(no_adapter()) };
        }
        match GpuEngine::open(gpu::Options { adapter, dtype, ..gpu::Options::default() }).await {
            Err(error) if self.takes_any() && error.is_no_adapter() => {
                cpu(format!("{NO_ADAPTER}; an adapter that is a program on the processor is not taken unasked"))
            }
            // What a GPU that does not work says, too: there is an engine that does.
            Err(error) if self.takes_any() => cpu(error.to_string()),
            Err(error) => Err(engine(&error)),
            Ok(engine) => Ok((AnyEngine::Gpu(engine), "it computes what the processor computes".to_owned())),
        }
    }

    /// Whether no device was asked for.
    pub fn takes_any(&self) -> bool {
        self.device == DeviceName::Auto
    }

    /// Opens the CPU engine.
    pub fn processor(&self) -> Result<AnyEngine, JsValue> {
        let pool = crate::threads::pool();
        let options = cpu::Options { dtype: self.dtype.named(), pool, ..cpu::Options::default() };
        CpuEngine::open(options).map(AnyEngine::Cpu).map_err(|error| engine(&error))
    }

    /// Has a model on a GPU take the kernels that were found to be the fastest, or are found so now. What goes wrong with that costs speed alone.
    pub async fn tune(&self, model: &Model) {
        let Model::Gpu(embedder) = model else { return };
        let engine = embedder.engine();
        let plans: Vec<_> = self.kernels.iter().filter_map(KernelPlan::plan).collect();
        if engine.adopt(&plans).await.is_ok() && self.tune && !engine.unplanned().is_empty() {
            engine.tune(BUDGET).await.ok();
        }
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

/// Whether this is a page or a worker of its own, which alone may ask for a GPU: Node and a service worker may not.
fn may_have_webgpu() -> bool {
    let global = js_sys::global();
    let is_there = |name: &str| Reflect::get(&global, &name.into()).is_ok_and(|value| !value.is_undefined());
    is_there("Window") || is_there("DedicatedWorkerGlobalScope")
}

impl Embed {
    pub fn model(self) -> Result<EmbedOptions, JsValue> {
        let prompt = match (self.prompt, self.prompt_name) {
            (None, None) => Prompt::Model,
            (Some(text), None) => Prompt::Text(text),
            (None, Some(name)) => Prompt::Named(name),
            (Some(_), Some(_)) => return Err(argument("options", "`prompt` or `promptName`", "both")),
        };
        let finish = Finish { normalize: self.normalize, dimensions: self.dimensions };
        Ok(EmbedOptions { finish, prompt, long: self.long, batch_tokens: self.batch_tokens })
    }
}
