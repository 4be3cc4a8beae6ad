//! The files of one commit, each settled when it is asked for: it is there, or it comes, or the commit has none.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use wembed_model::{Description, Error as ModelError, Files, Step, Tensors};

use super::cache::{Repository, is_nothing};
use super::checksum::Checksum;
use super::client::Client;
use super::download::Download;
use super::error::{Kind, at};
use super::listing::{Listed, Listing, explained};
use super::{Error, Event, ModelId, Observer, Revision};
use crate::Directory;

/// What of a model is fetched when it is asked for. Of other files (a pickle that explains why there are no safetensors)
/// only that they exist is of interest.
const FETCHED: [&str; 3] = [".json", ".safetensors", ".txt"];

/// Where files come from that are not in the cache.
pub(super) struct Remote<'a> {
    pub(super) client: &'a Client<'a>,
    pub(super) id: &'a ModelId,
    pub(super) listing: Listing,
    pub(super) observe: Observer<'a>,
}

/// The files of one commit.
pub(super) struct Snapshot<'a> {
    repository: &'a Repository,
    commit: &'a str,
    remote: Option<Remote<'a>>,
    path: PathBuf,
    directory: Directory,
    /// What was settled.
    sizes: RefCell<BTreeMap<String, Option<u64>>>,
    /// What kept a file from being settled: more than fits into the error that reading the model ends with.
    failure: RefCell<Option<Error>>,
}

impl<'a> Snapshot<'a> {
    /// As far as it is in the cache.
    pub(super) fn cached(repository: &'a Repository, commit: &'a str) -> Result<Self, Error> {
        Self::new(repository, commit, None)
    }

    /// As the hub has it.
    pub(super) fn remote(repository: &'a Repository, commit: &'a str, remote: Remote<'a>) -> Result<Self, Error> {
        repository.make_snapshot(commit)?;
        Self::new(repository, commit, Some(remote))
    }

    fn new(repository: &'a Repository, commit: &'a str, remote: Option<Remote<'a>>) -> Result<Self, Error> {
        let path = repository.snapshot(commit);
        let directory = Directory::open(&path).map_err(at(&path, "be opened"))?;
        let (sizes, failure) = (RefCell::default(), RefCell::default());
        Ok(Self { repository, commit, remote, path, directory, sizes, failure })
    }

    /// Settles every file that loading the model reads, the weights last, and gives the directory.
    pub(super) async fn settle_all(self) -> Result<PathBuf, Error> {
        let read = self.read_all().await;
        match (self.failure.take(), read) {
            (Some(failure), _) => Err(failure),
            // What is wrong with a model that was in the cache, loading it says again.
            (None, Err(error)) if self.remote.is_some() => Err(Kind::Model(error).into()),
            _ => Ok(self.path),
        }
    }

    async fn read_all(&self) -> Result<(), ModelError> {
        let description = Description::read(self).await?;
        let encoder = &description.modules.encoder;
        if self.remote.is_some() {
            description.tokenizer(self).await?;
        } else {
            // To read it takes its time, and whether it is there is all that matters.
            let path =
                if encoder.is_empty() { "tokenizer.json".to_owned() } else { format!("{encoder}/tokenizer.json") };
            if self.size(&path).await.is_err() {
                return Ok(());
            }
        }
        Tensors::open(self, encoder).await?;
        for step in &description.modules.steps {
            if let Step::Dense(dense) = step {
                Tensors::open(self, &dense.folder).await?;
            }
        }
        Ok(())
    }

    /// The size of a file, which is in the directory then.
    async fn settle(&self, path: &str) -> Result<Option<u64>, Error> {
        // This refuses a path that leads out of the directory.
        let present = || async { self.directory.size(path).await.map_err(at(&self.path.join(path), "be read")) };
        let size = present().await?;
        let Some(remote) = &self.remote else {
            if size.is_none() && !self.repository.is_absent(self.commit, path) {
                return Err(Kind::Unsettled { snapshot: self.path.clone(), path: path.to_owned() }.into());
            }
            return Ok(size);
        };
        match remote.listing.get(path) {
            None => {
                self.repository.mark_absent(self.commit, path);
                Ok(None)
            }
            Some(listed) if FETCHED.iter().any(|kind| path.ends_with(kind)) => {
                self.fetch(remote, path, listed)?;
                present().await
            }
            Some(listed) => Ok(Some(listed.size.unwrap_or_default())),
        }
    }

    /// Brings a file into the cache, or makes sure that it is there.
    fn fetch(&self, remote: &Remote<'_>, path: &str, listed: &Listed) -> Result<(), Error> {
        let Remote { client, id, observe, .. } = *remote;
        let parts: Vec<_> = id.as_str().split('/').chain(["resolve", self.commit]).chain(path.split('/')).collect();
        let url = client.url(&parts);
        let refused = |error| explained(error, client, id, &Revision::of_commit(self.commit));
        let (size, checksum) = listed.complete(client, &url).map_err(refused)?;
        // Python moves a blob into the snapshot where it cannot link.
        let (blob, own) = (self.repository.blob(&checksum), self.path.join(path));
        if !own.is_symlink() && is_whole(&own, size, &checksum)? {
            return Ok(());
        }
        if !is_whole(&blob, size, &checksum)? {
            let wait = || observe(Event::Note(format!("waiting for another process, which fetches `{path}`")));
            let lock = self.repository.lock(&checksum, wait)?;
            if !is_whole(&blob, size, &checksum)? {
                let incomplete = self.repository.incomplete(&checksum)?;
                let download = Download { client, url: &url, path, size, checksum: &checksum, observe };
                download.run(&incomplete).map_err(refused)?;
                let file = File::options().write(true).open(&incomplete).map_err(at(&incomplete, "be opened"))?;
                file.sync_all().map_err(at(&incomplete, "be written"))?;
                fs::rename(&incomplete, &blob).map_err(at(&blob, "be put in its place"))?;
                observe(Event::Done);
            }
            drop(lock);
        }
        self.repository.link(self.commit, path, &checksum)
    }
}

/// Whether a file is there with this size and checksum.
fn is_whole(path: &Path, size: Option<u64>, checksum: &Checksum) -> Result<bool, Error> {
    match path.metadata() {
        Ok(metadata) if size.is_none_or(|size| size == metadata.len()) => {
            let found = checksum.of(path).map_err(at(path, "be read"))?;
            Ok(found == checksum.digits())
        }
        Ok(_) => Ok(false),
        Err(error) if is_nothing(&error) => Ok(false),
        Err(error) => Err(at(path, "be read")(error)),
    }
}

impl Files for Snapshot<'_> {
    async fn size(&self, path: &str) -> io::Result<Option<u64>> {
        if let Some(&size) = self.sizes.borrow().get(path) {
            return Ok(size);
        }
        match self.settle(path).await {
            Ok(size) => {
                self.sizes.borrow_mut().insert(path.to_owned(), size);
                Ok(size)
            }
            Err(error) => {
                let message = error.to_string();
                self.failure.replace(Some(error));
                Err(io::Error::other(message))
            }
        }
    }

    async fn read<'b>(&'b self, path: &str, range: Range<u64>, buffer: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
        self.directory.read(path, range, buffer).await
    }

    fn mapped(&self) -> bool {
        self.directory.mapped()
    }
}
