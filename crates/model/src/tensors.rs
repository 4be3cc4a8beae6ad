//! The tensors of a checkpoint: one safetensors file or several, and rows read from them in order.

use std::collections::BTreeMap;
use std::ops::Range;

use safetensors::Dtype;
use safetensors::tensor::Metadata;
use serde::Deserialize;
use wembed_kernels::{PIECE_BYTES, Piece, Rows, Stored};

use crate::Error;
use crate::error::Kind;
use crate::files::{Files, join, parse_json, read, read_json, size};

/// Where every tensor of a checkpoint lies.
#[derive(Debug)]
pub struct Tensors<'a, F> {
    files: &'a F,
    folder: String,
    tensors: BTreeMap<String, Tensor>,
}

/// One tensor of a file.
#[derive(Debug, Clone)]
pub struct Tensor {
    path: String,
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Range<u64>,
}

/// safetensors' own bound on a header.
const LARGEST_HEADER: u64 = 100_000_000;

#[derive(Debug, Deserialize)]
struct ShardIndex {
    weight_map: BTreeMap<String, String>,
}

impl<'a, F: Files> Tensors<'a, F> {
    /// Reads the headers of `folder`'s checkpoint.
    ///
    /// # Errors
    /// Where there is none in safetensors form, or a header does not describe its file.
    pub async fn open(files: &'a F, folder: &str) -> Result<Self, Error> {
        let single = join(folder, "model.safetensors");
        let index = join(folder, "model.safetensors.index.json");
        let mut tensors = BTreeMap::new();
        if size(files, &single).await?.is_some() {
            read_header(files, &single, &mut tensors).await?;
        } else if let Some(shards) = read_json::<ShardIndex>(files, &index).await? {
            let mut names: Vec<_> = shards.weight_map.values().collect();
            names.sort();
            names.dedup();
            for name in names {
                read_header(files, &join(folder, name), &mut tensors).await?;
            }
        } else {
            return Err(no_weights(files, folder, &single).await?);
        }
        Ok(Self { files, folder: folder.to_owned(), tensors })
    }

    /// Every tensor, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Tensor> {
        self.tensors.values()
    }

    /// Whether there is a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The tensor `name`, which must have `shape`.
    ///
    /// # Errors
    /// Where there is none of the name, or it has another shape or a type that holds no real numbers.
    pub fn get(&self, name: &str, shape: &[usize]) -> Result<&Tensor, Error> {
        let Some(tensor) = self.tensors.get(name) else {
            let found = format!("nothing among {} tensors", self.tensors.len());
            let path = join(&self.folder, "model.safetensors");
            return Err(wrong(&path, name, format!("shape {shape:?}"), found));
        };
        if tensor.shape != shape {
            return Err(wrong(&tensor.path, name, format!("shape {shape:?}"), format!("shape {:?}", tensor.shape)));
        }
        tensor.stored()?;
        Ok(tensor)
    }

    /// A small tensor's values.
    ///
    /// # Errors
    /// As [`Tensors::get`], and where it cannot be read.
    pub async fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Error> {
        let tensor = self.get(name, shape)?;
        let mut buffer = Vec::new();
        let bytes = read(self.files, &tensor.path, tensor.bytes.clone(), &mut buffer).await?;
        let mut values = Vec::with_capacity(shape.iter().product());
        tensor.stored()?.widen(bytes, &mut values);
        Ok(values)
    }

    /// The rows of several matrices of `columns` columns, one matrix after the other.
    ///
    /// # Errors
    /// As [`Tensors::get`].
    pub fn rows<N: AsRef<str>>(&self, names: &[N], rows: usize, columns: usize) -> Result<TensorRows<'a, F>, Error> {
        let parts =
            names.iter().map(|name| self.get(name.as_ref(), &[rows, columns]).cloned()).collect::<Result<_, _>>()?;
        Ok(TensorRows {
            files: self.files,
            parts,
            rows: rows * names.len(),
            columns,
            part: 0,
            row: 0,
            buffer: Vec::new(),
        })
    }
}

/// Why there are no weights, as precisely as the folder tells.
async fn no_weights(files: &impl Files, folder: &str, expected: &str) -> Result<Error, Error> {
    for pickle in ["pytorch_model.bin", "pytorch_model.bin.index.json"] {
        let path = join(folder, pickle);
        if size(files, &path).await?.is_some() {
            let why = format!(
                "found only `{path}`, a pickle, which can run code when it is read; convert it once with `python -c \
                 \"from transformers import AutoModel; AutoModel.from_pretrained('DIR').save_pretrained('DIR')\"`"
            );
            return Ok(Error::missing(expected, why));
        }
    }
    Ok(Error::missing(expected, "the weights are read from safetensors"))
}

/// The header of one file: its length in 8 bytes, then JSON, then the tensors without gaps to the file's end.
async fn read_header(files: &impl Files, path: &str, tensors: &mut BTreeMap<String, Tensor>) -> Result<(), Error> {
    let Some(file_size) = size(files, path).await? else {
        return Err(Error::missing(path, "the checkpoint's index names it"));
    };
    if file_size < 8 {
        return Err(Error::malformed(
            path,
            format!("expected a safetensors header, found a file of {file_size} bytes"),
        ));
    }
    let mut buffer = Vec::new();
    let length: [u8; 8] = read(files, path, 0..8, &mut buffer).await?.try_into().expect("eight bytes were read");
    let length = u64::from_le_bytes(length);
    if length > LARGEST_HEADER || length > file_size - 8 {
        let room = LARGEST_HEADER.min(file_size - 8);
        return Err(Error::malformed(
            path,
            format!("expected a header of at most {room} bytes, found one of {length}"),
        ));
    }
    let start = 8 + length;
    let mut buffer = Vec::new();
    // Metadata's own deserialisation checks that every tensor's size fits its shape and that none overlap.
    let metadata: Metadata = parse_json(path, read(files, path, 8..start, &mut buffer).await?)?;
    let expected = start + metadata.data_len() as u64;
    if expected != file_size {
        return Err(Error::malformed(
            path,
            format!("expected {expected} bytes, as its header says, found {file_size}"),
        ));
    }
    for (name, info) in metadata.tensors() {
        let bytes = start + info.data_offsets.0 as u64..start + info.data_offsets.1 as u64;
        let (path, dtype, shape) = (path.to_owned(), info.dtype, info.shape.clone());
        tensors.insert(name.clone(), Tensor { path, name, dtype, shape, bytes });
    }
    Ok(())
}

fn wrong(path: &str, name: &str, expected: String, found: String) -> Error {
    Kind::Tensor { path: path.to_owned(), name: name.to_owned(), expected, found }.into()
}

impl Tensor {
    /// The file that it lies in.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The type in which the file holds its numbers.
    pub fn dtype(&self) -> impl std::fmt::Display {
        self.dtype
    }

    /// How many numbers it has.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Its name in the checkpoint.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Columns of a matrix.
    pub(crate) fn columns(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// One row of a matrix, in the file's type.
    pub(crate) async fn row<'a>(
        &self,
        files: &'a impl Files,
        row: u32,
        buffer: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], Error> {
        let row_bytes = (self.columns() * self.stored()?.bytes()) as u64;
        let start = self.bytes.start + u64::from(row) * row_bytes;
        read(files, &self.path, start..start + row_bytes, buffer).await
    }

    /// How its numbers are stored.
    pub(crate) fn stored(&self) -> Result<Stored, Error> {
        Ok(match self.dtype {
            Dtype::F32 => Stored::F32,
            Dtype::F16 => Stored::F16,
            Dtype::BF16 => Stored::Bf16,
            other => {
                return Err(wrong(&self.path, &self.name, "F32, F16 or BF16".to_owned(), format!("{other:?}")));
            }
        })
    }
}

/// The rows of one or several tensors, in order.
#[derive(Debug)]
pub struct TensorRows<'a, F> {
    files: &'a F,
    parts: Vec<Tensor>,
    rows: usize,
    columns: usize,
    part: usize,
    /// The next row of the current part.
    row: usize,
    buffer: Vec<u8>,
}

impl<F> TensorRows<'_, F> {
    /// The first matrix, for lookups out of order.
    pub(crate) fn into_tensor(mut self) -> Tensor {
        self.parts.swap_remove(0)
    }
}

impl<F: Files> Rows for TensorRows<'_, F> {
    type Error = Error;

    fn name(&self) -> &str {
        &self.parts[0].name
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn columns(&self) -> usize {
        self.columns
    }

    async fn next(&mut self) -> Result<Option<Piece<'_>>, Error> {
        let Some(tensor) = self.parts.get(self.part) else { return Ok(None) };
        let stored = tensor.stored()?;
        let row_bytes = self.columns * stored.bytes();
        let count = (PIECE_BYTES / row_bytes).max(1).min(tensor.shape[0] - self.row);
        let start = tensor.bytes.start + (self.row * row_bytes) as u64;
        let range = start..start + (count * row_bytes) as u64;
        self.row += count;
        if self.row == tensor.shape[0] {
            (self.part, self.row) = (self.part + 1, 0);
        }
        Ok(Some(Piece { bytes: read(self.files, &tensor.path, range, &mut self.buffer).await?, stored }))
    }
}
