//! A model's files, in a directory or in the program itself.

use std::io;
use std::ops::Range;

use wembed_model::{Files, Memory};

use crate::Directory;

/// The name of the model in this program, where it is built with one.
#[cfg(feature = "mini")]
pub const BUILT_IN: Option<&str> = Some(wembed_mini::NAME);
/// The name of the model in this program, where it is built with one.
#[cfg(not(feature = "mini"))]
pub const BUILT_IN: Option<&str> = None;

/// A model's files.
pub enum ModelFiles {
    /// In a directory.
    Directory(Directory),
    /// In this program.
    BuiltIn(Memory),
}

impl ModelFiles {
    /// The files of the model in this program, none where it is built without one.
    #[must_use]
    pub fn built_in() -> Self {
        #[cfg_attr(not(feature = "mini"), expect(unused_mut, reason = "nothing is put in"))]
        let mut files = Memory::default();
        #[cfg(feature = "mini")]
        for (path, bytes) in wembed_mini::FILES {
            files.insert_static(path, bytes);
        }
        Self::BuiltIn(files)
    }
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
