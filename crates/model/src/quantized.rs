//! Matrices in int8: a tensor `NAME` of I8 and beside it `NAME_scale`, one positive factor a row, under the names that
//! compressed-tensors gave them. Row n is `NAME[n, :] * NAME_scale[n]`, each product rounded once, to f32.
//!
//! Beside `NAME_rotated_scale` instead the product is a row as [`int8::rotate`] leaves it, padded to a multiple of 64 columns, and row n
//! is what [`int8::unrotate`] makes of it: the form that `wembed quantize` writes for linear layers. The name is another one so that
//! nobody who knows of no rotation takes such numbers for weights.

use std::ops::Range;

use safetensors::Dtype;
use serde_json::{Value, json};
use wembed_kernels::{Stored, int8, padded};

use crate::Error;
use crate::files::Files;
use crate::header::shape_text;
use crate::tensors::{Tensor, Tensors};

/// What the name of a matrix's scales has more than the matrix's own.
const ENDING: &str = "_scale";

/// The same where its rows are rotated.
const ROTATED_ENDING: &str = "_rotated_scale";

/// The name of a matrix's scales.
pub fn scale_name(matrix: &str) -> String {
    format!("{matrix}{ENDING}")
}

/// The name of a matrix's scales where its rows are rotated.
pub fn rotated_scale_name(matrix: &str) -> String {
    format!("{matrix}{ROTATED_ENDING}")
}

/// The `quantization_config` of config.json of a model with rotated rows, for programs that would take its numbers for weights.
pub fn rotated_config() -> Value {
    json!({ "quant_method": ROTATED_METHOD, "bits": 8 })
}

/// Who reads such a model.
const ROTATED_METHOD: &str = "wembed";

/// Whether config.json's `quantization_config` asks for what [`Matrix`] reads and nothing else: compressed-tensors' form of int8 weights,
/// symmetric, one scale a row, and neither activations nor caches rounded; or [`rotated_config`].
pub(crate) fn describes_rows(config: &Value) -> bool {
    *config == rotated_config()
        || only(config, &["quant_method", "format", "config_groups"], &|key, value| match key {
            "quant_method" => value == "compressed-tensors",
            "format" => value == "int-quantized",
            "config_groups" => only(value, &[], &|_, group| only(group, &["weights"], &describes_group)),
            "quantization_status" | "ignore" | "global_compression_ratio" | "version" => true,
            _ => false,
        })
}

fn describes_group(key: &str, value: &Value) -> bool {
    match key {
        "targets" => true,
        "format" => value == "int-quantized",
        "weights" => only(value, &["num_bits", "strategy"], &|key, value| match key {
            "num_bits" => value == 8,
            "type" => value == "int",
            "symmetric" => value == true,
            "strategy" => value == "channel",
            "dynamic" => value == false,
            // How the scales were found.
            "observer" | "observer_kwargs" => true,
            _ => false,
        }),
        _ => false,
    }
}

/// Whether this is an object that has the keys it must have, and `holds` of each of its keys that has a value.
fn only(value: &Value, required: &[&str], holds: &dyn Fn(&str, &Value) -> bool) -> bool {
    let Some(object) = value.as_object() else { return false };
    required.iter().all(|&key| object.get(key).is_some_and(|value| !value.is_null()))
        && object.iter().all(|(key, value)| value.is_null() || holds(key, value))
}

/// A matrix whose rows are floats: as its file has them, or int8 times their scales.
#[derive(Debug)]
pub(crate) struct Matrix {
    tensor: Tensor,
    /// What its rows are given in.
    stored: Stored,
    /// Of a row, without what it is padded with.
    columns: usize,
    /// One a row, where the file has int8.
    scales: Option<Vec<f32>>,
    /// Whether its rows are rotated.
    rotated: bool,
}

impl<F: Files> Tensors<'_, F> {
    /// The matrix `name` of so many rows and columns.
    ///
    /// # Errors
    /// Where there is none of the name, it has another shape or type, or its scales are not such that it can be read.
    pub(crate) async fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<Matrix, Error> {
        let rotated_scales = self.find(&rotated_scale_name(name));
        let rotated = rotated_scales.is_some();
        let tensor = self.get(name, &[rows, if rotated { padded(columns) } else { columns }])?;
        let scales = self.find(&scale_name(name));
        if let (Some(one), Some(other)) = (scales, rotated_scales) {
            let found = format!("`{}`, too", other.name);
            return Err(Error::tensor(&one.path, &one.name, format!("one kind of scales for `{name}`"), found));
        }
        let (stored, scales) = match (tensor.dtype, scales.or(rotated_scales)) {
            (Dtype::I8, Some(scales)) => (Stored::F32, Some(self.scales(scales, tensor).await?)),
            (Dtype::I8, None) => {
                let expected = format!("{} for the rows of `{name}`, which are I8", shape_text(&[rows, 1]));
                let found = format!("nothing among {} tensors", self.iter().count());
                return Err(Error::tensor(&tensor.path, &scale_name(name), expected, found));
            }
            (other, Some(scales)) => {
                let expected = format!("no scales, or I8 in `{name}`");
                return Err(Error::tensor(&scales.path, &scales.name, expected, format!("{other}")));
            }
            (_, None) => (tensor.float()?, None),
        };
        Ok(Matrix { tensor: tensor.clone(), stored, columns, scales, rotated })
    }

    /// The scales of a matrix's rows.
    async fn scales(&self, scales: &Tensor, matrix: &Tensor) -> Result<Vec<f32>, Error> {
        let shape = [matrix.shape[0], 1];
        let wrong = |expected, found| Error::tensor(&scales.path, &scales.name, expected, found);
        if scales.shape != shape {
            let expected = format!("{}, one for each row of `{}`", shape_text(&shape), matrix.name);
            return Err(wrong(expected, shape_text(&scales.shape)));
        }
        let values = self.floats(scales).await?;
        match values.iter().position(|&scale| !(scale.is_finite() && scale > 0.0)) {
            Some(row) => Err(wrong("positive finite scales".to_owned(), format!("{} at row {row}", values[row]))),
            None => Ok(values),
        }
    }

    /// Whether the tensor holds the scales of another one.
    pub fn is_scale(&self, tensor: &Tensor) -> bool {
        let matrix = [ROTATED_ENDING, ENDING].iter().find_map(|ending| self.find(tensor.name.strip_suffix(ending)?));
        matrix.is_some_and(|matrix| matrix.dtype == Dtype::I8)
    }
}

impl Matrix {
    pub fn name(&self) -> &str {
        &self.tensor.name
    }

    pub fn rows(&self) -> usize {
        self.tensor.shape[0]
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The type in which the file holds its numbers.
    pub fn dtype(&self) -> Dtype {
        self.tensor.dtype
    }

    /// What its rows are given in.
    pub fn stored(&self) -> Stored {
        self.stored
    }

    /// Some of its rows as the file has them: borrowed from a memory map, or read into `buffer`.
    pub async fn read<'a>(
        &self,
        files: &'a impl Files,
        rows: Range<usize>,
        buffer: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], Error> {
        let width = if self.scales.is_some() { 1 } else { self.stored.bytes() };
        // A tensor of no rows may have any number of columns.
        let row_bytes = self.tensor.shape[1].saturating_mul(width);
        self.tensor.read(files, rows.start * row_bytes..rows.end * row_bytes, buffer).await
    }

    /// A row's scale, where it has one.
    pub fn scale(&self, row: usize) -> Option<f32> {
        Some(self.scales.as_ref()?[row])
    }

    /// Rows from `first` on that were read as floats: `bytes` themselves, or with their scales in `buffer`.
    pub fn floats<'a>(&self, first: usize, bytes: &'a [u8], buffer: &'a mut Vec<u8>) -> &'a [u8] {
        let Some(scales) = self.scales.as_ref().filter(|_| !bytes.is_empty()) else { return bytes };
        let (columns, stored) = (self.columns, self.tensor.shape[1]);
        buffer.resize(4 * columns * (bytes.len() / stored), 0);
        let mut row = vec![0.0; stored];
        let rows = bytes.chunks_exact(stored).zip(buffer.chunks_exact_mut(4 * columns));
        for ((numbers, floats), scale) in rows.zip(&scales[first..]) {
            for (value, &number) in row.iter_mut().zip(numbers) {
                *value = f32::from(number as i8) * scale;
            }
            if self.rotated {
                int8::unrotate(&mut row);
            }
            for (float, value) in floats.as_chunks_mut().0.iter_mut().zip(&row) {
                *float = value.to_le_bytes();
            }
        }
        buffer
    }
}
