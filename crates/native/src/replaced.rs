//! A file that is written at the end, and named at the beginning: that it cannot be written is said before minutes are spent.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use tempfile::NamedTempFile;

/// A file that will be whole, or as it was.
#[derive(Debug)]
pub struct Replaced {
    path: PathBuf,
}

impl Replaced {
    /// The file at `path`.
    ///
    /// # Errors
    /// Where there cannot be one.
    pub fn at(path: &Path) -> anyhow::Result<Self> {
        ensure!(!path.is_dir(), "`{}` could not be written: expected a file, found a directory", path.display());
        let replaced = Self { path: path.to_owned() };
        // Nothing stays of it: who ends this program meanwhile finds no file beside the one that was asked for.
        replaced.named(beside(path).map(drop))?;
        Ok(replaced)
    }

    /// Writes it.
    ///
    /// # Errors
    /// Where there is no room, for one.
    pub fn write(self, bytes: &[u8]) -> anyhow::Result<()> {
        let write = || {
            let mut file = beside(&self.path)?;
            file.write_all(bytes)?;
            file.persist(&self.path)?;
            Ok(())
        };
        self.named(write())
    }

    fn named(&self, done: io::Result<()>) -> anyhow::Result<()> {
        done.with_context(|| format!("`{}` could not be written", self.path.display()))
    }
}

/// A file in the same folder, which everybody may read whom the user's mask lets.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_lies_there_until_it_is_written() {
        let folder = tempfile::TempDir::new().expect("there is room");
        let files = || std::fs::read_dir(folder.path()).expect("it is there").count();
        let path = folder.path().join("results.json");
        let file = Replaced::at(&path).expect("it can be written");
        assert_eq!(files(), 0);
        file.write(b"{}").expect("there is room");
        assert_eq!((files(), std::fs::read(&path).expect("it is there")), (1, b"{}".to_vec()));
        let error = Replaced::at(&folder.path().join("nowhere/results.json")).expect_err("no folder");
        assert!(format!("{error:#}").contains("nowhere/results.json` could not be written"), "{error:#}");
        Replaced::at(folder.path()).expect_err("a folder");
    }
}
