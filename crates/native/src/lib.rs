//! What the `wembed` binary is made of, for programs that want the same: models in directories, in the program and from the Hugging Face
//! hub, and a server of them. What embeds is in `wembed-model`.
//!
//! ```
//! use pollster::block_on;
//! use wembed_kernels::cpu::{CpuEngine, Options};
//! use wembed_model::{EmbedOptions, Embedder, LoadOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = wembed::BUILT_IN.expect("the feature `mini` is on");
//! let engine = CpuEngine::open(Options::default())?;
//! let mut embedder = block_on(Embedder::load(engine, model.open(), LoadOptions::default()))?;
//! let embeddings = block_on(embedder.embed(&["a text"], &EmbedOptions::default()))?;
//! assert_eq!((model.name, embeddings[0].as_ref().unwrap().vector.len()), ("wembed-mini", 256));
//! # Ok(())
//! # }
//! ```
//!
//! Another model is a [`Directory`], or what [`hub::Hub`] brings.

mod directory;
mod files;
pub mod hub;
pub mod serve;

pub use directory::Directory;
pub use files::{BUILT_IN, BuiltIn, ModelFiles};
