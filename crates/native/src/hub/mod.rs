//! Models from the Hugging Face hub, in the cache that Hugging Face's own libraries use.
//!
//! [`Hub::snapshot`] looks into the cache first and asks the hub only for what is not there; [`Hub::pull`] asks the hub
//! what is newest. Both give a directory with the files that loading the model reads, and no others: a `Snapshot` is
//! the model's files as they are asked for, so which files those are is known in one place, where they are read.
//!
//! A file comes into the cache whole and with the checksum that the hub lists, or not at all. What was cut stays beside
//! it and is gone on with.

mod cache;
mod checksum;
mod client;
mod download;
mod error;
mod id;
mod listing;
mod settings;
mod snapshot;

use std::path::PathBuf;

use pollster::block_on;

pub use checksum::sha256;
pub use error::Error;
pub use id::{ModelId, Revision};
pub use settings::{Settings, Token};

use cache::Repository;
use client::Client;
use error::Kind;
use listing::Listing;
use snapshot::{Remote, Snapshot};

/// What a download tells whoever waits for it.
#[derive(Debug)]
pub enum Event<'a> {
    /// A file is fetched; so many bytes of it are there, of so many.
    File {
        /// Its path in the repository.
        path: &'a str,
        /// Bytes that are there from an earlier time.
        present: u64,
        /// Bytes that it has, where the hub says so.
        size: Option<u64>,
    },
    /// So many bytes of the file are there now.
    Bytes(u64),
    /// The file is in the cache.
    Done,
    /// Something that takes its time, in words: a wait, a second try.
    Note(String),
}

/// Who hears of a download.
pub type Observer<'a> = &'a dyn Fn(Event<'_>);

/// The hub and its cache on this machine.
#[derive(Debug)]
pub struct Hub {
    settings: Settings,
}

impl Hub {
    /// The hub and the cache that `settings` name.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// The directory of a model: from the cache where every file is there that loading reads, without a word to the
    /// network; else what is missing is downloaded first.
    ///
    /// A file that a model may have and this one has not must be known as such: by `.no_exist`, which both
    /// [`Hub::pull`] and Python write, or by Python's list of a whole commit. So a part of a model is never taken for
    /// the whole.
    ///
    /// # Errors
    /// Where it is not in the cache and the settings say offline; and as [`Hub::pull`].
    pub fn snapshot(&self, id: &ModelId, revision: &Revision, observe: Observer<'_>) -> Result<PathBuf, Error> {
        let repository = Repository::new(&self.settings.cache, id);
        let absent = match repository.commit(revision)? {
            None => None,
            Some(commit) => match block_on(Snapshot::cached(&repository, &commit)?.settle_all()) {
                Ok(path) => return Ok(path),
                Err(error) if error.is_unsettled() => Some(error),
                Err(error) => return Err(error),
            },
        };
        if self.settings.offline {
            let (id, revision, cache) = (id.clone(), revision.clone(), self.settings.cache.clone());
            return Err(absent.unwrap_or_else(|| Kind::NotCached { id, revision, cache }.into()));
        }
        self.pull(id, revision, observe)
    }

    /// Asks the hub what `revision` is now, downloads what is not in the cache, and gives the directory. What is in the
    /// cache already is held against its checksum.
    ///
    /// # Errors
    /// Where the settings say offline, the hub cannot be reached, does not know the model or the revision or wants
    /// another token; where it goes on sending something else than it lists; where the cache cannot be written; where the
    /// model's small files say something that wembed does not know, which is found before its weights are fetched.
    pub fn pull(&self, id: &ModelId, revision: &Revision, observe: Observer<'_>) -> Result<PathBuf, Error> {
        if self.settings.offline {
            return Err(Kind::Offline { id: id.clone() }.into());
        }
        let repository = Repository::new(&self.settings.cache, id);
        let client = Client::new(&self.settings, observe)?;
        let listing = Listing::fetch(&client, id, revision)?;
        let commit = listing.commit.clone();
        let remote = Remote { client: &client, id, listing, observe };
        let path = block_on(Snapshot::remote(&repository, &commit, remote)?.settle_all())?;
        // Last, so that a name never leads to half a model.
        repository.point(revision, &commit)?;
        Ok(path)
    }
}
