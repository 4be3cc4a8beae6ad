//! A model's files, in a directory or in the program itself.

use std::io;
use std::ops::Range;

use wembed_model::{Files, Memory};

use crate::Directory;

/// The model in this program, where it is built with one.
#[cfg(feature = "mini")]
pub const BUILT_IN: Option<BuiltIn> = Some(BuiltIn { name: wembed_mini::NAME, files: &wembed_mini::FILES });
/// The model in this program, where it is built with one.
#[cfg(not(feature = "mini"))]
pub const BUILT_IN: Option<BuiltIn> = None;

/// A model whose files lie in this program.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn {
    /// What it is called.
    pub name: &'static str,
    files: &'static [(&'static str, &'static [u8])],
}

impl BuiltIn {
    /// One of its files.
    #[must_use]
    pub fn file(self, path: &str) -> Option<&'static [u8]> {
        self.files.iter().find(|&&(name, _)| name == path).map(|&(_, bytes)| bytes)
    }

    /// Its files, not copied.
    #[must_use]
    pub fn open(self) -> ModelFiles {
        let mut files = Memory::default();
        for &(path, bytes) in self.files {
            files.insert_static(path, bytes);
        }
        ModelFiles::BuiltIn(files)
    }
}

/// A model's files.
pub enum ModelFiles {
    /// In a directory.
    Directory(Directory),
    /// In memory: in this program, or made by it.
    BuiltIn(Memory),
}

impl Files for ModelFiles {
    async fn size(&self, path: &str) -> io::Result<Option<u64>> {
        match self {
            Self::Directory(files) => files.size(path).await,
            Self::BuiltIn(files) => files.size(path).await,
        }
    }

    async fn read<'a>(&'a self, path: &str, range: Range<u64>, buffer: &'a mut Vec<u8>) -> io::Result<&'a [u8]> {
        match self {
            Self::Directory(files) => files.read(path, range, buffer).await,
            Self::BuiltIn(files) => files.read(path, range, buffer).await,
        }
    }

    fn mapped(&self) -> bool {
        match self {
            Self::Directory(files) => files.mapped(),
            Self::BuiltIn(files) => files.mapped(),
        }
    }
}
