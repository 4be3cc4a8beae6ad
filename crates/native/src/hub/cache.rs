//! The layout of Hugging Face's cache, which wembed shares.
//!
//! ```text
//! models--OWNER--NAME/blobs/ETAG              a file's bytes under their hash; ETAG.incomplete while they come
//! models--OWNER--NAME/snapshots/COMMIT/PATH   a link to a blob, or a copy where there are no links
//! models--OWNER--NAME/refs/REVISION           the commit that a branch or tag was
//! models--OWNER--NAME/.no_exist/COMMIT/PATH   an empty file: the commit has no such path
//! models--OWNER--NAME/trees/COMMIT.json       what the commit has, where newer Python downloaded all of it
//! .locks/models--OWNER--NAME/ETAG.lock        held while a blob is fetched
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::iter;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;
use tempfile::Builder;

use super::checksum::Checksum;
use super::error::at;
use super::id::is_commit;
use super::{Error, ModelId, Revision};

/// Python's list of the files of a commit.
#[derive(Deserialize)]
struct Tree {
    format_version: u32,
    files: BTreeMap<String, IgnoredAny>,
}

/// A model's folders in a cache.
#[derive(Debug)]
pub(super) struct Repository {
    root: PathBuf,
    locks: PathBuf,
}

impl Repository {
    pub(super) fn new(cache: &Path, id: &ModelId) -> Self {
        Self { root: cache.join(id.folder()), locks: cache.join(".locks").join(id.folder()) }
    }

    /// The commit that `revision` is, as far as the cache knows.
    pub(super) fn commit(&self, revision: &Revision) -> Result<Option<String>, Error> {
        let commit = if revision.is_commit() {
            revision.as_str().to_owned()
        } else {
            let path = self.reference(revision);
            match fs::read_to_string(&path) {
                Ok(text) => text.trim().to_owned(),
                Err(error) if is_nothing(&error) => return Ok(None),
                Err(error) => return Err(at(&path, "be read")(error)),
            }
        };
        Ok((is_commit(&commit) && self.snapshot(&commit).is_dir()).then_some(commit))
    }

    /// Writes down which commit `revision` is.
    pub(super) fn point(&self, revision: &Revision, commit: &str) -> Result<(), Error> {
        if revision.is_commit() || self.commit(revision)?.as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.reference(revision);
        let folder = make_parent(&path)?;
        let write = || {
            let mut file = Builder::new().prefix(".wembed-").make_in(folder, |path| File::create_new(path))?;
            file.write_all(commit.as_bytes())?;
            file.persist(&path).map_err(|error| error.error)
        };
        write().map(drop).map_err(at(&path, "be written"))
    }

    fn reference(&self, revision: &Revision) -> PathBuf {
        self.root.join("refs").join(revision.as_str())
    }

    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.root.join("snapshots").join(commit)
    }

    /// Makes the folder of a commit's files.
    pub(super) fn make_snapshot(&self, commit: &str) -> Result<PathBuf, Error> {
        let path = self.snapshot(commit);
        make(&path)?;
        Ok(path)
    }

    pub(super) fn blob(&self, checksum: &Checksum) -> PathBuf {
        self.root.join("blobs").join(checksum.digits())
    }

    /// Where a blob's bytes are while they come.
    pub(super) fn incomplete(&self, checksum: &Checksum) -> Result<PathBuf, Error> {
        let path = self.root.join("blobs").join(format!("{}.incomplete", checksum.digits()));
        make_parent(&path)?;
        Ok(path)
    }

    /// Whether the commit is known to have no such file.
    pub(super) fn is_absent(&self, commit: &str, path: &str) -> bool {
        let listed = || {
            let bytes = fs::read(self.root.join("trees").join(format!("{commit}.json"))).ok()?;
            let tree: Tree = serde_json::from_slice(&bytes).ok()?;
            (tree.format_version == 1 && !tree.files.is_empty()).then_some(tree.files)
        };
        self.root.join(".no_exist").join(commit).join(path).is_file()
            || listed().is_some_and(|files| !files.contains_key(path))
    }

    /// Writes down that the commit has no such file. Where that cannot be written it is asked again another time.
    pub(super) fn mark_absent(&self, commit: &str, path: &str) {
        let path = self.root.join(".no_exist").join(commit).join(path);
        if make_parent(&path).is_ok() && !path.exists() {
            let _ = File::create(&path);
        }
    }

    /// Holds a blob's lock until the file that this gives is dropped; calls `wait` where another process has it. Nothing
    /// where the file system knows no locks: two processes then may fetch the same, and see it by the checksum.
    pub(super) fn lock(&self, checksum: &Checksum, wait: impl FnOnce()) -> Result<Option<File>, Error> {
        let path = self.locks.join(format!("{}.lock", checksum.digits()));
        make_parent(&path)?;
        let file = File::options().create(true).write(true).truncate(false).open(&path);
        let file = file.map_err(at(&path, "be opened"))?;
        let locked = match file.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => {
                wait();
                file.lock()
            }
            Err(TryLockError::Error(error)) => Err(error),
        };
        match locked {
            Ok(()) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
            Err(error) => Err(at(&path, "be locked")(error)),
        }
    }

    /// Makes the file `path` of a commit lead to a blob.
    pub(super) fn link(&self, commit: &str, path: &str, checksum: &Checksum) -> Result<(), Error> {
        let from = self.snapshot(commit).join(path);
        let folder = make_parent(&from)?;
        // Up from the folders of the path, the commit and `snapshots`.
        let up = path.split('/').count() + 1;
        let relative: PathBuf = iter::repeat_n("..", up).chain(["blobs", checksum.digits()]).collect();
        if fs::read_link(&from).is_ok_and(|target| target == relative) {
            return Ok(());
        }
        let blob = self.blob(checksum);
        // Beside it first and then in its place, so that nobody sees it missing. Without symbolic links (on Windows they
        // are a privilege) the file gets a second name, without those it is copied.
        let write = || {
            let make = |place: &Path| {
                let linked = symbolic_link(&relative, place).or_else(|_| fs::hard_link(&blob, place));
                linked.or_else(|_| fs::copy(&blob, place).map(drop))
            };
            let link = Builder::new().prefix(".wembed-").make_in(folder, make)?;
            link.into_temp_path().persist(&from).map_err(|error| error.error)
        };
        write().map_err(at(&from, "be linked to its blob"))
    }
}

#[cfg(unix)]
fn symbolic_link(target: &Path, place: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, place)
}

#[cfg(windows)]
fn symbolic_link(target: &Path, place: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, place)
}

fn make(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(at(folder, "be made in the cache"))
}

/// Makes the folder that a path lies in.
fn make_parent(path: &Path) -> Result<&Path, Error> {
    let folder = path.parent().unwrap_or(path);
    make(folder)?;
    Ok(folder)
}

/// Whether an error says that there is no such file.
pub(super) fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
