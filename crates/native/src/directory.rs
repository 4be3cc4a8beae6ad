//! A model in a directory, its files mapped into memory.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use elsa::FrozenMap;
use memmap2::Mmap;
use wembed_model::Files;

/// The files of a directory. Each is mapped at its first read and stays so.
pub struct Directory {
    root: PathBuf,
    maps: FrozenMap<String, Box<Mmap>>,
}

impl Directory {
    /// The directory at `root`.
    ///
    /// # Errors
    /// Where there is none, or it is something else.
    pub fn open(root: impl AsRef<Path>) -> io::Result<Self> {
        let root = root.as_ref().to_owned();
        if !root.metadata()?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { root, maps: FrozenMap::new() })
    }

    /// Where a model's own path lies. A model's files lie in its directory: a path that leads out of it is refused.
    fn place(&self, path: &str) -> io::Result<PathBuf> {
        if Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Ok(self.root.join(path));
        }
        let message = format!("`{path}` leads out of the model's directory");
        Err(io::Error::new(io::ErrorKind::InvalidInput, message))
    }

    fn map(&self, path: &str) -> io::Result<&Mmap> {
        if let Some(map) = self.maps.get(path) {
            return Ok(map);
        }
        let file = File::open(self.place(path)?)?;
        // SAFETY: the bytes are only ever read as plain numbers and text, and every value that could steer memory access
        // (lengths, offsets, ids) is checked after it was read. A file that another process cuts short while it is
        // mapped ends this process with a signal; memory safety does not depend on it.
        #[expect(unsafe_code, reason = "mapping a file is unsafe; this is the one place that does it")]
        let map = unsafe { Mmap::map(&file)? };
        Ok(self.maps.insert(path.to_owned(), Box::new(map)))
    }
}

impl Files for Directory {
    async fn size(&self, path: &str) -> io::Result<Option<u64>> {
        match self.place(path)?.metadata() {
            Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn read<'a>(&'a self, path: &str, range: Range<u64>, _: &'a mut Vec<u8>) -> io::Result<&'a [u8]> {
        let map = self.map(path)?;
        map.get(range.start as usize..range.end as usize).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn mapped(&self) -> bool {
        true
    }
}
