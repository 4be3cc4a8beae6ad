//! Which of a model's files were looked at.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::ops::Range;

use pollster::block_on;
use wembed::ModelFiles;
use wembed_model::Files;

/// Files, and the paths of those that somebody asked for and that are there.
pub struct Seen<'a> {
    files: &'a ModelFiles,
    paths: RefCell<BTreeSet<String>>,
}

impl<'a> Seen<'a> {
    pub fn new(files: &'a ModelFiles) -> Self {
        Self { files, paths: RefCell::default() }
    }

    pub fn paths(&self) -> BTreeSet<String> {
        self.paths.borrow().clone()
    }

    /// A file's bytes.
    pub fn whole(&self, path: &str) -> io::Result<Vec<u8>> {
        block_on(async {
            let size = self.files.size(path).await?.ok_or(io::ErrorKind::NotFound)?;
            let mut buffer = Vec::new();
            Ok(self.files.read(path, 0..size, &mut buffer).await?.to_owned())
        })
    }
}

impl Files for &Seen<'_> {
    async fn size(&self, path: &str) -> io::Result<Option<u64>> {
        let size = self.files.size(path).await?;
        if size.is_some() {
            self.paths.borrow_mut().insert(path.to_owned());
        }
        Ok(size)
    }

    async fn read<'a>(&'a self, path: &str, range: Range<u64>, buffer: &'a mut Vec<u8>) -> io::Result<&'a [u8]> {
        self.files.read(path, range, buffer).await
    }

    fn mapped(&self) -> bool {
        self.files.mapped()
    }
}
