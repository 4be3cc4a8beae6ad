//! The tensors of a checkpoint: one safetensors file or several, and rows read from them in order.

use std::collections::BTreeMap;
use std::ops::Range;

use safetensors::Dtype;
use serde::Deserialize;
use wembed_kernels::{PIECE_BYTES, Piece, Rows, Stored};

use crate::Error;
use crate::files::{Files, join, read, read_json, size};
use crate::header::{Header, shape_text};
use crate::quantized::Matrix;

/// Where every tensor of a checkpoint lies.
#[derive(Debug)]
pub struct Tensors<'a, F> {
    files: &'a F,
    /// The file that all this was read from, or the one that names the others.
    path: String,
    tensors: BTreeMap<String, Tensor>,
    /// What the last of its files says beside its tensors.
    metadata: BTreeMap<String, String>,
}

/// One tensor of a file.
#[derive(Debug, Clone)]
pub struct Tensor {
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    bytes: Range<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "a JSON object")]
struct ShardIndex {
    weight_map: BTreeMap<String, String>,
}

impl<F> Tensors<'_, F> {
    /// What the file says of a key beside its tensors; the last file where there are several.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }
}

impl<'a, F: Files> Tensors<'a, F> {
    /// Reads the headers of `folder`'s checkpoint.
    ///
    /// # Errors
    /// Where there is none in safetensors form, or a header does not describe its file.
    pub async fn open(files: &'a F, folder: &str) -> Result<Self, Error> {
        let single = join(folder, "model.safetensors");
        let index = join(folder, "model.safetensors.index.json");
        let mut all = Self { files, path: String::new(), tensors: BTreeMap::new(), metadata: BTreeMap::new() };
        all.path = if size(files, &single).await?.is_some() {
            all.add(&single).await?;
            single
        } else if let Some(shards) = read_json::<ShardIndex>(files, &index).await? {
            let mut names: Vec<_> = shards.weight_map.values().collect();
            names.sort();
            names.dedup();
            for name in names {
                all.add(&join(folder, name)).await?;
            }
            index
        } else {
            return Err(no_weights(files, folder, &single).await?);
        };
        Ok(all)
    }

    /// Reads the header of one safetensors file.
    ///
    /// # Errors
    /// Where there is none at `path`, or its header does not describe it.
    pub async fn of_file(files: &'a F, path: &str) -> Result<Self, Error> {
        let (tensors, metadata) = (BTreeMap::new(), BTreeMap::new());
        let mut one = Self { files, path: path.to_owned(), tensors, metadata };
        one.add(path).await?;
        Ok(one)
    }

    /// Adds the tensors of one file.
    async fn add(&mut self, path: &str) -> Result<(), Error> {
        let Header { start, tensors, metadata } = Header::read(self.files, path).await?;
        self.metadata = metadata;
        for (name, info) in tensors {
            let bytes = start + info.data_offsets.0 as u64..start + info.data_offsets.1 as u64;
            let tensor =
                Tensor { path: path.to_owned(), name: name.clone(), dtype: info.dtype, shape: info.shape, bytes };
            if let Some(other) = self.tensors.insert(name, tensor) {
                let found = format!("another of this name in `{}`", other.path);
                return Err(Error::tensor(path, &other.name, "each tensor in one file", found));
            }
        }
        Ok(())
    }

    /// The file that all this was read from, or the one that names the others.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Every tensor, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Tensor> {
        self.tensors.values()
    }

    /// Whether there is a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The tensor of this name, if there is one.
    pub(crate) fn find(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// The tensor `name`, which must have `shape`.
    ///
    /// # Errors
    /// Where there is none of the name, or it has another shape.
    pub fn get(&self, name: &str, shape: &[usize]) -> Result<&Tensor, Error> {
        let Some(tensor) = self.find(name) else {
            let found = format!("nothing among {} tensors", self.tensors.len());
            return Err(Error::tensor(&self.path, name, shape_text(shape), found));
        };
        if tensor.shape != shape {
            return Err(Error::tensor(&tensor.path, name, shape_text(shape), shape_text(&tensor.shape)));
        }
        Ok(tensor)
    }

    /// A small vector's or matrix's values.
    ///
    /// # Errors
    /// As [`Tensors::get`], and where it has a type that holds no real numbers, cannot be read or holds a number that is none.
    pub async fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Error> {
        let values = match *shape {
            [rows, columns] => {
                let (mut all, mut values) = (self.rows(&[name], rows, columns).await?, Vec::new());
                while let Some(Piece { bytes, stored }) = all.next().await? {
                    stored.widen(bytes, &mut values);
                }
                values
            }
            _ => self.floats(self.get(name, shape)?).await?,
        };
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            let (found, path) = (format!("{} as number {index}", values[index]), self.find(name).map(Tensor::path));
            return Err(Error::tensor(path.unwrap_or(&self.path), name, "finite numbers", found));
        }
        Ok(values)
    }

    /// All bytes of a tensor, as its file has them.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn bytes(&self, tensor: &Tensor) -> Result<Vec<u8>, Error> {
        let (mut buffer, count) = (Vec::new(), (tensor.bytes.end - tensor.bytes.start) as usize);
        Ok(tensor.read(self.files, 0..count, &mut buffer).await?.to_owned())
    }

    /// All numbers of a tensor of floats, whatever they are.
    pub(crate) async fn floats(&self, tensor: &Tensor) -> Result<Vec<f32>, Error> {
        let stored = tensor.float()?;
        let (mut buffer, mut values) = (Vec::new(), Vec::new());
        let bytes = tensor.read(self.files, 0..tensor.elements() * stored.bytes(), &mut buffer).await?;
        stored.widen(bytes, &mut values);
        Ok(values)
    }

    /// The rows of several matrices of `columns` columns, one matrix after the other.
    ///
    /// # Errors
    /// As [`Tensors::get`], and where one has a type that holds no real numbers, or scales that do not belong to it.
    pub async fn rows<N: AsRef<str>>(
        &self,
        names: &[N],
        rows: usize,
        columns: usize,
    ) -> Result<TensorRows<'a, F>, Error> {
        let mut parts = Vec::with_capacity(names.len());
        for name in names {
            parts.push(self.matrix(name.as_ref(), rows, columns).await?);
        }
        Ok(TensorRows::of(self.files, parts))
    }
}

/// Why there are no weights, as precisely as the folder tells.
async fn no_weights(files: &impl Files, folder: &str, expected: &str) -> Result<Error, Error> {
    for pickle in ["pytorch_model.bin", "pytorch_model.bin.index.json"] {
        let path = join(folder, pickle);
        if size(files, &path).await?.is_some() {
            let why = format!(
                "found only `{path}`, a pickle, which can run code when it is read; convert the model once with `python \
                 -c \"from sentence_transformers import SentenceTransformer; SentenceTransformer('DIR').save('DIR')\"`"
            );
            return Ok(Error::missing(expected, why));
        }
    }
    Ok(Error::missing(expected, "the weights are read from safetensors"))
}

impl Tensor {
    /// The file that it lies in.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The type in which the file holds its numbers.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// How many numbers it has.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Its name in the checkpoint.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its size in each dimension.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Where it lies in its file.
    pub(crate) fn bytes(&self) -> Range<u64> {
        self.bytes.clone()
    }

    /// Some of its bytes, counted from its first one.
    pub(crate) async fn read<'a>(
        &self,
        files: &'a impl Files,
        bytes: Range<usize>,
        buffer: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], Error> {
        let start = self.bytes.start;
        read(files, &self.path, start + bytes.start as u64..start + bytes.end as u64, buffer).await
    }

    /// How its numbers are stored, which must be floats.
    pub(crate) fn float(&self) -> Result<Stored, Error> {
        Ok(match self.dtype {
            Dtype::F32 => Stored::F32,
            Dtype::F16 => Stored::F16,
            Dtype::BF16 => Stored::Bf16,
            other => {
                return Err(Error::tensor(&self.path, &self.name, "F32, F16 or BF16", format!("{other:?}")));
            }
        })
    }
}

/// The rows of one or several tensors, in order.
#[derive(Debug)]
pub struct TensorRows<'a, F> {
    files: &'a F,
    /// Every part's.
    name: String,
    parts: Vec<Matrix>,
    rows: usize,
    columns: usize,
    part: usize,
    /// The next row of the current part.
    row: usize,
    buffer: Vec<u8>,
    /// Rows of int8 with their scales.
    scaled: Vec<u8>,
}

impl<'a, F> TensorRows<'a, F> {
    /// The rows of matrices of as many columns each.
    pub(crate) fn of(files: &'a F, parts: Vec<Matrix>) -> Self {
        let mut names: Vec<_> = parts.iter().map(Matrix::name).collect();
        names.dedup();
        Self {
            files,
            name: names.join(" + "),
            rows: parts.iter().map(Matrix::rows).sum(),
            columns: parts.first().map_or(0, Matrix::columns),
            parts,
            part: 0,
            row: 0,
            buffer: Vec::new(),
            scaled: Vec::new(),
        }
    }
}

impl<F: Files> Rows for TensorRows<'_, F> {
    type Error = Error;

    fn name(&self) -> &str {
        &self.name
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn columns(&self) -> usize {
        self.columns
    }

    fn stored(&self) -> Option<Stored> {
        let stored = self.parts.first()?.stored();
        self.parts.iter().all(|part| part.stored() == stored).then_some(stored)
    }

    async fn next(&mut self) -> Result<Option<Piece<'_>>, Error> {
        let Some(matrix) = self.parts.get(self.part) else { return Ok(None) };
        let stored = matrix.stored();
        // A tensor of no rows may have any number of columns.
        let row_bytes = self.columns.saturating_mul(stored.bytes());
        // Rows of no columns come all at once.
        let count = PIECE_BYTES.checked_div(row_bytes).unwrap_or(usize::MAX).max(1).min(matrix.rows() - self.row);
        let first = self.row;
        self.row += count;
        if self.row == matrix.rows() {
            (self.part, self.row) = (self.part + 1, 0);
        }
        let bytes = matrix.read(self.files, first..first + count, &mut self.buffer).await?;
        Ok(Some(Piece { bytes: matrix.floats(first, bytes, &mut self.scaled), stored }))
    }
}
