//! Text embedding: sentence-transformers' vectors from sentence-transformers' directories.
//!
//! [`Embedder`] loads a model from [`Files`] onto an engine of `wembed-kernels` and turns texts into vectors.
//!
//! ```no_run
//! use wembed_kernels::gpu::{GpuEngine, Options};
//! use wembed_model::{EmbedOptions, Embedder, LoadOptions, Memory};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let mut files = Memory::default();
//! files.insert("config.json", std::fs::read("MODEL/config.json")?);
//! // ... and the model's other files.
//! let engine = GpuEngine::open(Options::default()).await?;
//! let mut embedder = Embedder::load(engine, files, LoadOptions::default()).await?;
//! let embeddings = embedder.embed(&["a text"], &EmbedOptions::default()).await?;
//! assert_eq!(embeddings[0].as_ref().unwrap().vector.len(), embedder.description().dimensions);
//! # Ok(())
//! # }
//! ```

mod any;
mod architecture;
mod batches;
mod config;
mod description;
mod embedder;
mod encoder;
mod error;
mod files;
mod fingerprint;
mod flow;
mod head;
mod header;
mod kernel_plan;
mod load;
mod long;
mod modules;
mod pipeline;
mod pooling;
mod precision;
mod quantized;
mod reader;
pub mod relative;
mod similarity;
mod tensors;
mod tokenizer;
mod unigram;
mod vocabulary;
mod word_table;

pub use any::{AnyEmbedder, AnyEngine};
pub use architecture::{ARCHITECTURES, Architecture, Keys, Names, Positions};
pub use config::Config;
pub use description::Description;
pub use embedder::{EmbedOptions, Embedder, Embedding, LoadOptions, Prompt};
pub use encoder::Encoder;
pub use error::Error;
pub use files::{Files, Memory, compact_json};
pub use fingerprint::Fingerprint;
pub use flow::Flow;
pub use head::{Finish, Head};
pub use kernel_plan::KernelPlan;
pub use load::{encoder_tensors, word_table_name};
pub use long::Long;
pub use modules::{Dense, Modules, Step};
pub use pooling::pooling_name;
pub use precision::{Precision, Quantized, Quantizer, Ranges};
pub use quantized::scale_name;
pub use reader::{Job, Prepared, Reader};
pub use similarity::Similarity;
pub use tensors::{Tensor, TensorRows, Tensors};
pub use tokenizer::{FileTokenizer, Specials, Token, Tokenize, Tokens, TruncationSide};
pub use vocabulary::Placement;
pub use word_table::PackedForm;
