//! A model's folder being written: files, tensors, and what is known of each.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::path::Path;

use anyhow::Context as _;
use half::f16;
use safetensors::tensor::{Dtype, View, serialize_to_file};
use serde::Serialize;
use wembed::hub::sha256;

/// What is known of a file.
#[derive(Debug, Serialize)]
pub struct WrittenFile {
    /// Bytes.
    pub size: u64,
    /// Of all of them, in hex.
    pub sha256: String,
}

/// Files of a folder, and what is known of them.
pub struct Writer<'a> {
    pub to: &'a Path,
    pub files: BTreeMap<String, WrittenFile>,
}

impl Writer<'_> {
    pub fn write(&mut self, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
        self.add(path, |place| fs::write(place, bytes).map_err(Into::into))
    }

    pub fn tensors(
        &mut self,
        path: &str,
        tensors: BTreeMap<String, Part>,
        metadata: Option<HashMap<String, String>>,
    ) -> anyhow::Result<()> {
        self.add(path, |place| Ok(serialize_to_file(tensors, metadata, place)?))
    }

    fn add(&mut self, path: &str, write: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let place = self.to.join(path);
        let known = || {
            fs::create_dir_all(place.parent().unwrap_or(self.to))?;
            write(&place)?;
            let file = File::open(&place)?;
            file.sync_all()?;
            anyhow::Ok(WrittenFile { size: file.metadata()?.len(), sha256: sha256(&place)? })
        };
        let known = known().with_context(|| format!("`{}` could not be written", place.display()))?;
        self.files.insert(path.to_owned(), known);
        Ok(())
    }
}

/// A tensor to be written.
pub struct Part {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

impl Part {
    /// A matrix of f32 that f16 has room for becomes one; vectors are small, and added to sums in f32.
    pub fn in_half(dtype: Dtype, shape: &[usize], bytes: Vec<u8>) -> Self {
        let halved = (dtype == Dtype::F32 && shape.len() == 2 && shape[1] > 1).then(|| halved(&bytes)).flatten();
        let shape = shape.to_owned();
        match halved {
            Some(bytes) => Self { dtype: Dtype::F16, shape, bytes },
            None => Self { dtype, shape, bytes },
        }
    }
}

impl View for Part {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// f32 as f16; nothing where one of them is beyond f16.
fn halved(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut halves = Vec::with_capacity(bytes.len() / 2);
    for four in bytes.chunks_exact(4) {
        let half = f16::from_f32(f32::from_le_bytes([four[0], four[1], four[2], four[3]]));
        halves.extend(half.is_finite().then(|| half.to_le_bytes())?);
    }
    Some(halves)
}
