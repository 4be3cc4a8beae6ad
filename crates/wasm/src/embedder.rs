//! The class that JavaScript holds.

use futures_util::lock::Mutex;
use wasm_bindgen::prelude::*;
use wembed_model::{AnyEmbedder, Description};

use crate::error::{engine, js};
use crate::http::Http;
use crate::values::{JsEmbeddings, JsInfo, JsTokens};
use crate::{options, values};

/// A model over HTTP, on WebGPU or on the processor.
pub(crate) type Model = AnyEmbedder<Http>;

/// A model on the browser's GPU or on its processor. Calls may overlap: each waits for its turn.
#[wasm_bindgen]
pub struct Embedder(Mutex<Model>);

#[wasm_bindgen]
impl Embedder {
    /// Loads the model whose files lie below `url`.
    pub async fn load(
        url: String,
        #[wasm_bindgen(unchecked_optional_param_type = "LoadOptions")] options: JsValue,
    ) -> Result<Embedder, JsError> {
        let options: options::Load = options::parse(&options)?;
        let files = Http::new(&url)?;
        // First, so that a wrong address is said at once. What is read here is kept: it is not asked for again.
        Description::read(&files).await.map_err(|error| js(&error))?;
        let engine = options.engine().await.map_err(|error| engine(&error))?;
        let model = Model::load(engine, files, options.model()).await.map_err(|error| js(&error))?;
        Ok(Self(Mutex::new(model)))
    }

    /// One vector a text, in order. What is wrong with one text is that text's own error; the others have their vectors.
    pub async fn embed(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string[]")] texts: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "EmbedOptions")] options: JsValue,
    ) -> Result<JsEmbeddings, JsError> {
        let texts = values::texts(&texts)?;
        let options = options::parse::<options::Embed>(&options)?.model()?;
        let mut model = self.0.lock().await;
        let found = model.embed(&texts, &options).await.map_err(|error| js(&error))?;
        let dims = options.finish.dimensions.unwrap_or(model.description().dimensions);
        Ok(values::embeddings(&found, dims))
    }

    /// The text's ids, as the encoder would get them without a prompt.
    pub async fn tokenize(&self, text: String) -> Result<JsTokens, JsError> {
        let found = self.0.lock().await.tokenize(&text).map_err(|error| js(&error))?;
        Ok(values::tokens(&found))
    }

    /// What was loaded, and onto what.
    pub async fn info(&self) -> JsInfo {
        values::info(&*self.0.lock().await)
    }
}
