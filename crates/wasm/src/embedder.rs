//! The class that the package's host holds.

use futures_util::lock::Mutex;
use js_sys::{Float32Array, Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wembed_kernels::Engine;
use wembed_model::{AnyEmbedder, Description, EmbedOptions, Embedding, Error, FileTokenizer};

use crate::error::{self, aborted, argument};
use crate::files::JsFiles;
use crate::values::{JsEmbeddings, JsInfo, JsTokens};
use crate::{options, values};

/// A model from JavaScript's files, on WebGPU or on the processor.
pub(crate) type Model = AnyEmbedder<JsFiles>;

/// A model on the browser's GPU or on its processor. Calls may overlap: each waits for its turn.
#[wasm_bindgen]
pub struct Embedder {
    model: Mutex<Model>,
    /// Why it runs on this engine.
    why: String,
}

#[wasm_bindgen]
impl Embedder {
    /// Loads the model that `files` hold.
    pub async fn load(files: JsFiles, options: JsValue) -> Result<Self, JsValue> {
        let options: options::Load = options::parse(&options)?;
        let failed = |said: Error| error::model(&said);
        // First, so that a wrong source is said at once.
        Description::read(&files).await.map_err(failed)?;
        let (engine, why) = options.engine().await?;
        let loaded = |model, why| Self { model: Mutex::new(model), why };
        match Model::load(engine, files.clone(), options.model()).await {
            // A model that this GPU has no room for, where any engine will do.
            Err(said) if said.device().is_some() && options.takes_any() => {
                let engine = options.processor()?;
                let model = Model::load(engine, files, options.model()).await.map_err(failed)?;
                Ok(loaded(model, said.to_string()))
            }
            other => {
                let model = other.map_err(failed)?;
                options.tune(&model).await;
                Ok(loaded(model, why))
            }
        }
    }

    /// One vector a text, in order. What is wrong with one text is that text's own error; the others have their vectors.
    ///
    /// After each batch but the last `go_on` is called with how many texts are done, and its promise waited for: where it gives
    /// false, nothing more is computed.
    pub async fn embed(&self, texts: JsValue, options: JsValue, go_on: Function) -> Result<JsEmbeddings, JsValue> {
        let texts = values::texts(&texts)?;
        let options = options::parse::<options::Embed>(&options)?.model()?;
        let mut model = self.model.lock().await;
        let dims = options.finish.dimensions.unwrap_or(model.description().dimensions);
        let found = match &mut *model {
            Model::Gpu(embedder) => embed(embedder, &texts, &options, &go_on).await,
            Model::Cpu(embedder) => embed(embedder, &texts, &options, &go_on).await,
        };
        Ok(values::embeddings(&found?, dims))
    }

    /// The files of a packed word table that have rows which the texts need.
    pub async fn packs(&self, texts: JsValue, options: JsValue) -> Result<Vec<String>, JsValue> {
        let texts = values::texts(&texts)?;
        let options = options::parse::<options::Embed>(&options)?.model()?;
        let model = self.model.lock().await;
        let packs = model.packs(&texts, &options).map_err(|said| error::model(&said))?;
        Ok(packs.into_iter().map(str::to_owned).collect())
    }

    /// The text's ids, as the encoder would get them without a prompt.
    pub async fn tokenize(&self, text: String) -> Result<JsTokens, JsValue> {
        let found = self.model.lock().await.tokenize(&text).map_err(|said| error::model(&said))?;
        Ok(values::tokens(&found))
    }

    /// How near each vector of `left` is to each of `right`, row by row, by the model's own measure. Both hold vectors of `dims` values.
    pub async fn similarity(&self, left: Vec<f32>, right: Vec<f32>, dims: usize) -> Result<Float32Array, JsValue> {
        let whole = |vectors: &[f32]| dims > 0 && vectors.len().is_multiple_of(dims);
        if !whole(&left) || !whole(&right) {
            let found = format!("{} and {}", left.len(), right.len());
            return Err(argument("similarity", &format!("vectors of {dims} values each"), &found));
        }
        let measure = self.model.lock().await.description().similarity;
        let rows = left.chunks_exact(dims).flat_map(|x| right.chunks_exact(dims).map(move |y| measure.of(x, y) as f32));
        Ok(Float32Array::from(rows.collect::<Vec<_>>().as_slice()))
    }

    /// What was loaded, and onto what.
    pub async fn info(&self) -> JsInfo {
        values::info(&*self.model.lock().await, &self.why)
    }
}

async fn embed<E: Engine>(
    embedder: &mut wembed_model::Embedder<E, JsFiles, FileTokenizer>,
    texts: &[String],
    options: &EmbedOptions,
    go_on: &Function,
) -> Result<Vec<Result<Embedding, Error>>, JsValue> {
    let failed = |said: Error| error::model(&said);
    let mut found = Vec::with_capacity(texts.len());
    let mut flow = embedder.flow(texts, options).map_err(failed)?;
    while let Some(done) = flow.next().await.map_err(failed)? {
        found.extend(done);
        if found.len() < texts.len() {
            let answer = Promise::resolve(&go_on.call1(&JsValue::NULL, &(found.len() as u32).into())?);
            if JsFuture::from(answer).await?.is_falsy() {
                return Err(aborted());
            }
        }
    }
    Ok(found)
}
