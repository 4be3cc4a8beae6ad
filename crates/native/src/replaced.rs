//! A file that is written at the end, and named at the beginning: that it cannot be written is said before minutes are spent.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use tempfile::NamedTempFile;

/// A file that will be whole, or as it was.
#[derive(Debug)]
pub struct Replaced {
    path: PathBuf,
    file: NamedTempFile,
}

impl Replaced {
    /// The file at `path`.
    ///
    /// # Errors
    /// Where there cannot be one.
    pub fn at(path: &Path) -> anyhow::Result<Self> {
        ensure!(!path.is_dir(), "`{}` could not be written: expected a file, found a directory", path.display());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = in_folder(folder).with_context(|| format!("`{}` could not be written", path.display()))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Writes it.
    ///
    /// # Errors
    /// Where there is no room, for one.
    pub fn write(mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let written = self.file.write_all(bytes).and_then(|()| Ok(self.file.persist(&self.path)?));
        written.map(drop).with_context(|| format!("`{}` could not be written", self.path.display()))
    }
}

/// A file that everybody may read whom the user's mask lets.
fn in_folder(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}
