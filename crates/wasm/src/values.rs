//! What JavaScript gets back: plain objects with typed arrays, which a worker can post. `js/types.ts` says what is in them.

use js_sys::{Array, Float32Array, JSON, Object, Uint32Array};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use wembed_kernels::Engine as _;
use wembed_kernels::cpu::CpuEngine;
use wembed_kernels::gpu::{GpuEngine, Storage};
use wembed_model::{Embedding, Error, KernelPlan, Tokens};

use crate::embedder::Model;
use crate::error::argument;

#[wasm_bindgen]
extern "C" {
    pub type JsEmbeddings;
    #[wasm_bindgen(method, setter)]
    fn set_data(this: &JsEmbeddings, data: &Float32Array);
    #[wasm_bindgen(method, setter)]
    fn set_dims(this: &JsEmbeddings, dims: u32);
    #[wasm_bindgen(method, setter)]
    fn set_tokens(this: &JsEmbeddings, tokens: &Uint32Array);
    #[wasm_bindgen(method, setter)]
    fn set_truncated(this: &JsEmbeddings, truncated: &Array);
    #[wasm_bindgen(method, setter)]
    fn set_errors(this: &JsEmbeddings, errors: &Array);

    pub type JsTokens;
    #[wasm_bindgen(method, setter)]
    fn set_ids(this: &JsTokens, ids: &Uint32Array);
    #[wasm_bindgen(method, setter, js_name = truncated)]
    fn set_is_truncated(this: &JsTokens, truncated: bool);

    pub type JsInfo;
}

/// An array of strings; anything else is an error.
pub(crate) fn texts(value: &JsValue) -> Result<Vec<String>, JsValue> {
    let wrong = |found: &str| argument("texts", "an array of strings", found);
    let kind = |value: &JsValue| value.js_typeof().as_string().unwrap_or_default();
    if !Array::is_array(value) {
        return Err(wrong(&kind(value)));
    }
    let text = |(index, value): (usize, JsValue)| {
        value.as_string().ok_or_else(|| wrong(&format!("{} at index {index}", kind(&value))))
    };
    value.unchecked_ref::<Array>().iter().enumerate().map(text).collect()
}

/// One row of `dims` values a text; zeros for a text that has none.
pub(crate) fn embeddings(found: &[Result<Embedding, Error>], dims: usize) -> JsEmbeddings {
    let mut data = Vec::with_capacity(found.len() * dims);
    for text in found {
        match text {
            Ok(embedding) => data.extend_from_slice(&embedding.vector),
            Err(_) => data.resize(data.len() + dims, 0.0),
        }
    }
    let tokens: Vec<u32> =
        found.iter().map(|text| text.as_ref().map_or(0, |embedding| embedding.tokens as u32)).collect();
    let value: JsEmbeddings = Object::new().unchecked_into();
    value.set_data(&Float32Array::from(data.as_slice()));
    value.set_dims(dims as u32);
    value.set_tokens(&Uint32Array::from(tokens.as_slice()));
    value.set_truncated(
        &found.iter().map(|text| JsValue::from(text.as_ref().is_ok_and(|text| text.truncated))).collect(),
    );
    value.set_errors(
        &found
            .iter()
            .map(|text| text.as_ref().map_or_else(|error| error.to_string().into(), |_| JsValue::NULL))
            .collect(),
    );
    value
}

pub(crate) fn tokens(found: &Tokens) -> JsTokens {
    let value: JsTokens = Object::new().unchecked_into();
    value.set_ids(&Uint32Array::from(found.ids.as_slice()));
    value.set_is_truncated(found.truncated);
    value
}

/// As `scripts/build-wasm` names what was built with these instructions.
const FORM: &str = if cfg!(target_feature = "atomics") {
    "threads"
} else if cfg!(target_feature = "relaxed-simd") {
    "relaxed"
} else {
    "simd"
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info<'a> {
    version: &'static str,
    form: &'static str,
    dimensions: usize,
    max_length: usize,
    normalizes: bool,
    prompts: &'a std::collections::BTreeMap<String, String>,
    default_prompt: Option<&'a str>,
    storage: &'static str,
    device: Device<'a>,
    kernels: Vec<KernelPlan>,
    devices_replaced: u64,
    similarity: &'static str,
    why: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "engine", rename_all = "lowercase", rename_all_fields = "camelCase")]
enum Device<'a> {
    Gpu {
        name: &'a str,
        kind: &'a str,
        driver: &'a str,
        software: bool,
        features: &'a [&'static str],
        largest_binding: u64,
    },
    Cpu {
        instructions: &'static str,
        threads: usize,
    },
}

fn gpu(engine: &GpuEngine) -> (&'static str, Device<'_>) {
    let storage = match engine.storage() {
        Storage::F16 => "f16",
        Storage::F16Packed => "f16 packed",
        Storage::F32 => "f32",
        Storage::Int8 => "int8",
    };
    let info = engine.info();
    let device = Device::Gpu {
        name: &info.name,
        kind: &info.kind,
        driver: &info.driver,
        software: info.software,
        features: &info.features,
        largest_binding: info.largest_binding,
    };
    (storage, device)
}

fn cpu(engine: &CpuEngine) -> (&'static str, Device<'static>) {
    let device = Device::Cpu { instructions: engine.instructions(), threads: engine.threads() };
    (engine.dtype().name(), device)
}

pub(crate) fn info(model: &Model, why: &str) -> JsInfo {
    let description = model.description();
    let (storage, device) = match model {
        Model::Gpu(embedder) => gpu(embedder.engine()),
        Model::Cpu(embedder) => cpu(embedder.engine()),
    };
    let kernels = match model {
        Model::Gpu(embedder) => embedder.engine().plans().iter().map(KernelPlan::of).collect(),
        Model::Cpu(_) => Vec::new(),
    };
    let info = Info {
        version: env!("CARGO_PKG_VERSION"),
        form: FORM,
        dimensions: description.dimensions,
        max_length: description.max_length,
        normalizes: description.normalizes(),
        prompts: &description.prompts,
        default_prompt: description.default_prompt.as_deref(),
        storage,
        device,
        kernels,
        devices_replaced: model.devices_replaced(),
        similarity: description.similarity.name(),
        why,
    };
    let json = serde_json::to_string(&info).expect("strings and numbers are JSON");
    JSON::parse(&json).expect("JavaScript reads JSON").unchecked_into()
}
