#![doc = include_str!("../README.md")]
//!
//! [`Embedder`] loads a model from [`Files`] onto an engine of `wembed-kernels` and turns texts into vectors.

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
pub use quantized::{rotated_config, rotated_scale_name, scale_name};
pub use reader::{Job, Prepared, Reader};
pub use similarity::Similarity;
pub use tensors::{Tensor, TensorRows, Tensors};
pub use tokenizer::{FileTokenizer, Specials, Token, Tokenize, Tokens, TruncationSide};
pub use vocabulary::Placement;
pub use word_table::PackedForm;
