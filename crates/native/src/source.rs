//! Where a model's files come from: a directory, Hugging Face's cache, or the hub.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use wembed::hub::{Event, Hub, ModelId, Revision, Settings};
use wembed::{BUILT_IN, BuiltIn, Directory, ModelFiles};

use crate::{progress, report};

/// The flags about models on the hub.
#[derive(Debug, Clone, Args)]
pub struct Source {
    /// The branch, tag or commit of a model on the hub [default: main]
    #[arg(long, value_name = "REV")]
    revision: Option<String>,
    /// Take a model from the hub's cache on this machine or not at all; HF_HUB_OFFLINE=1 says the same
    #[arg(long)]
    offline: bool,
}

impl Source {
    /// The flags that say the same.
    pub fn flags(&self) -> Vec<OsString> {
        let revision = self.revision.iter().flat_map(|revision| ["--revision", revision]);
        revision.chain(self.offline.then_some("--offline")).map(OsString::from).collect()
    }

    /// The files of a model: of the one in this program, of the directory of this name, else of the hub's model of this name.
    pub fn open(&self, model: &Path) -> anyhow::Result<ModelFiles> {
        if let Some(built_in) = built_in(model) {
            if self.revision.is_some() {
                bail!("--revision is for a model on the hub, and `{}` is in this program", built_in.name);
            }
            return Ok(built_in.open());
        }
        self.directory(model).map(ModelFiles::Directory)
    }

    /// The directory of this name, else that of the hub's model of this name.
    fn directory(&self, model: &Path) -> anyhow::Result<Directory> {
        let error = match Directory::open(model) {
            Ok(_) if self.revision.is_some() => {
                bail!("--revision is for a model on the hub, and `{}` is a directory here", model.display())
            }
            Ok(directory) => return Ok(directory),
            Err(error) => error,
        };
        if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
            return Err(anyhow::Error::new(error).context(named(model)));
        }
        let id = model_id(model).filter(|_| !model.exists()).ok_or_else(|| {
            anyhow!(
                "`{}` is not a directory: a model is a directory with config.json, tokenizer.json and model.safetensors, \
                 or a name on the Hugging Face hub, as sentence-transformers/all-MiniLM-L6-v2 is one",
                model.display()
            )
        })?;
        let path = self.ask_hub(&id, Hub::snapshot);
        let path = path.with_context(|| format!("{}, which is no directory here", named(model)))?;
        Directory::open(&path).with_context(|| named(&path))
    }

    /// Downloads what of a model on the hub is not in the cache, and gives its directory there.
    pub fn pull(&self, model: &Path) -> anyhow::Result<PathBuf> {
        if let Some(BuiltIn { name, .. }) = built_in(model) {
            bail!("`{name}` is in this program: there is nothing to download, and it has no directory");
        }
        let id = model_id(model)
            .ok_or_else(|| anyhow!("`{}` is no name on the Hugging Face hub: expected owner/name", model.display()))?;
        self.ask_hub(&id, Hub::pull).with_context(|| named(model))
    }

    fn ask_hub<F>(&self, id: &ModelId, get: F) -> anyhow::Result<PathBuf>
    where
        F: Fn(&Hub, &ModelId, &Revision, wembed::hub::Observer<'_>) -> Result<PathBuf, wembed::hub::Error>,
    {
        let revision = self.revision.as_deref().map(Revision::parse).transpose()?.unwrap_or_default();
        let mut settings = Settings::from_environment()?;
        settings.offline |= self.offline;
        let words = format!("downloading `{id}` from {} into `{}`", settings.endpoint, settings.cache.display());
        let to_terminal = io::stderr().is_terminal();
        let words = RefCell::new(Some(words).filter(|_| !to_terminal));
        let bar = RefCell::new(progress::bar(0, false));
        let observe = |event: Event<'_>| match event {
            Event::File { path, present, size } => {
                if let Some(words) = words.take() {
                    report::say(words);
                }
                bar.replace(progress::download(path, present, size)).finish_and_clear();
            }
            Event::Bytes(present) => bar.borrow().set_position(present),
            Event::Done => bar.borrow().finish_and_clear(),
            Event::Note(message) => bar.borrow().suspend(|| report::say(message)),
        };
        let got = get(&Hub::new(settings), id, &revision, &observe);
        bar.borrow().finish_and_clear();
        Ok(got?)
    }
}

/// The model that is asked for, or the one in this program.
pub fn chosen(model: Option<&Path>) -> anyhow::Result<&Path> {
    model.or(BUILT_IN.map(|built_in| Path::new(built_in.name))).ok_or_else(|| {
        anyhow!(
            "no model, and this program was built without one: give a directory or a name on the Hugging Face hub, or set \
             WEMBED_MODEL; sentence-transformers/all-MiniLM-L6-v2 is a name"
        )
    })
}

/// The model in this program, where this is its name. A directory of the same name is `./NAME`.
fn built_in(model: &Path) -> Option<BuiltIn> {
    BUILT_IN.filter(|built_in| model.as_os_str() == built_in.name)
}

/// The name on the hub that a model's name may be.
fn model_id(model: &Path) -> Option<ModelId> {
    model.to_str().and_then(ModelId::parse)
}

/// A model as errors name it.
pub fn named(path: &Path) -> String {
    format!("model `{}`", path.display())
}
