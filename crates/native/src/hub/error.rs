//! What can go wrong between a model's name and its files.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{ModelId, Revision};

/// An error of the hub or of its cache. What it says names the thing, what was expected and what was found.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Kind>);

#[derive(Debug, thiserror::Error)]
pub(super) enum Kind {
    #[error("the revision: expected a branch, a tag or a commit, found `{found}`")]
    Revision { found: String },
    #[error("HF_ENDPOINT: expected an address that begins with https:// or http://, found `{found}`")]
    Endpoint { found: String },
    #[error("there is no home directory to keep a cache in: set HF_HOME or HF_HUB_CACHE")]
    NoHome,
    #[error("the token for the hub (HF_TOKEN, or the file `token` in HF_HOME): it has characters that no token has")]
    Token,
    #[error("`{id}` cannot be pulled offline (--offline, HF_HUB_OFFLINE)")]
    Offline { id: ModelId },
    #[error(
        "`{id}` at `{revision}` is not in the cache `{}`, and --offline or HF_HUB_OFFLINE forbids to download it",
        cache.display()
    )]
    NotCached { id: ModelId, revision: Revision, cache: PathBuf },
    #[error(
        "`{}` may be a part of the model only: it has no `{path}`, and nothing in the cache says that the hub has none; \
         run this once without --offline and HF_HUB_OFFLINE, or give that directory as the model if it is whole",
        snapshot.display()
    )]
    Unsettled { snapshot: PathBuf, path: String },
    #[error("`{}`: could not {action}", path.display())]
    Cache { path: PathBuf, action: &'static str, source: io::Error },
    #[error("{url}: {reason}")]
    Network { url: String, reason: String },
    #[error("{url}: the hub answers {status}{message}: {hint}")]
    Refused { url: String, status: u16, message: String, hint: String },
    #[error(
        "{url}: {} answers {status}{message}",
        elsewhere.as_ref().map_or("the hub".to_owned(), |server| format!("{server}, to which the hub sends,"))
    )]
    Status { url: String, elsewhere: Option<String>, status: u16, message: String },
    #[error("{url}: the hub wants no further request for {} s, which is longer than wembed waits: try again then", wait.as_secs())]
    Wait { url: String, wait: Duration },
    #[error("{url}: {message}; is this a Hugging Face hub?")]
    NoHub { url: String, message: String },
    #[error("{url}: `{path}` came wrong twice: expected {expected}, found {found}; it was not kept")]
    Corrupt { url: String, path: String, expected: String, found: String },
    #[error(transparent)]
    Model(#[from] wembed_model::Error),
}

impl Error {
    /// Whether the cache has a part of the model only.
    pub(super) fn is_unsettled(&self) -> bool {
        matches!(*self.0, Kind::Unsettled { .. })
    }

    /// The address, the status and the message, where the hub itself answered with an error.
    pub(super) fn status(&self) -> Option<(String, u16, String)> {
        match &*self.0 {
            Kind::Status { url, elsewhere: None, status, message } => Some((url.clone(), *status, message.clone())),
            _ => None,
        }
    }

    /// Whether the fault is in the model's files, not in how they came.
    pub fn is_model(&self) -> bool {
        matches!(*self.0, Kind::Model(_))
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self(Box::new(kind))
    }
}

/// What failed at a path of the cache: `.map_err(at(path, "be written"))`.
pub(super) fn at(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Kind::Cache { path, action, source }.into()
}
