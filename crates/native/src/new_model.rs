//! MODEL and OUT: a model that is made of another.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use wembed::ModelFiles;

use crate::source::{Source, named};

/// What is read, and what is written.
#[derive(Debug, Args)]
pub struct NewModel {
    /// The model's directory, or its name on the Hugging Face hub
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// The folder to write; there must be nothing of its name
    #[arg(value_name = "OUT")]
    out: PathBuf,
    #[command(flatten)]
    source: Source,
}

impl NewModel {
    /// Has `make` write the folder beside its place, so that what is there in the end is whole or nothing.
    pub fn write<T>(&self, make: impl FnOnce(ModelFiles, &Path) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let out = &self.out;
        if fs::symlink_metadata(out).is_ok() {
            bail!("`{}` is there already: expected the name of a folder that is to be made", out.display());
        }
        let files = self.source.open(&self.model)?;
        let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let unfinished = tempfile::Builder::new().prefix(".wembed-").tempdir_in(parent);
        let unfinished = unfinished.with_context(|| format!("`{}` could not be written to", parent.display()))?;
        let place = unfinished.path().join("model");
        let made = make(files, &place).with_context(|| named(&self.model))?;
        fs::rename(&place, out).with_context(|| format!("`{}` could not be made", out.display()))?;
        Ok(made)
    }
}
