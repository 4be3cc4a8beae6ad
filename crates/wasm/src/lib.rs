//! wembed for JavaScript: a model from files that JavaScript reads, on WebGPU or on the processor, texts in, vectors out.
//!
//! What is exported here is for `js/host.ts` alone; programs use the npm package `wembed`, whose face is `js/index.ts`.

mod digest;
mod embedder;
mod error;
mod files;
mod options;
mod threads;
mod values;

use wasm_bindgen::prelude::*;

pub use digest::Sha256;
pub use embedder::Embedder;

/// What a bug says before it stops the module: without this a panic is only `unreachable`.
#[wasm_bindgen(start)]
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| web_sys::console::error_1(&panic.to_string().into())));
}
