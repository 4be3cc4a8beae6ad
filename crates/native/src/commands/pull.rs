//! `wembed pull`: a model from the hub into the cache.

use std::path::PathBuf;

use clap::Args;

use crate::destination::Destination;
use crate::source::Source;

/// Download a model from the Hugging Face hub
///
/// Every command downloads a model that it is given by name and that is not in the cache; this does it beforehand, takes
/// what is newest, and holds what is in the cache against its checksums. The answer is the model's directory.
///
/// HF_HOME or HF_HUB_CACHE say where the cache is, HF_TOKEN or the file `token` in HF_HOME who asks, HF_ENDPOINT where
/// the hub is, HTTPS_PROXY and NO_PROXY how it is reached.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The model's name: owner/name, or the name alone of one of sentence-transformers'
    #[arg(value_name = "MODEL", env = "WEMBED_MODEL")]
    model: PathBuf,
    #[command(flatten)]
    source: Source,
}

/// Downloads.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let path = arguments.source.pull(&arguments.model)?;
    Destination::standard_output().print(&format!("{}\n", path.display()))
}
