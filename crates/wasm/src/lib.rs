//! wembed in a browser: a model over HTTP onto WebGPU or the processor, texts in, vectors out.
//!
//! ```js
//! import init, { Embedder } from "./pkg/relaxed/wembed_wasm.js";
//! await init();
//! const embedder = await Embedder.load("models/all-MiniLM-L6-v2", { dtype: "f16" });
//! const { data, dims } = await embedder.embed(["a text", "another"]);
//! console.assert(data.length === 2 * dims);
//! ```
//!
//! It is meant for a dedicated worker: tokenising and loading keep their thread busy.

mod embedder;
mod error;
mod http;
mod options;
mod threads;
mod values;

use wasm_bindgen::prelude::*;

pub use embedder::Embedder;

/// What a bug says before it stops the module: without this a panic is only `unreachable`.
#[wasm_bindgen(start)]
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| web_sys::console::error_1(&panic.to_string().into())));
}
