//! Matrices in int8: a tensor `NAME` of I8 and beside it `NAME_scale`, one positive factor a row, under the names that
//! compressed-tensors gave them. Row n is `NAME[n, :] * NAME_scale[n]`, each product rounded once, to f32.

use std::ops::Range;

use safetensors::Dtype;
use serde_json::Value;
use wembed_kernels::Stored;

use crate::Error;
use crate::files::Files;
use crate::header::shape_text;
use crate::tensors::{Tensor, Tensors};

/// What the name of a matrix's scales has more than the matrix's own.
const ENDING: &str = "_scale";

/// The name of a matrix's scales.
pub fn scale_name(matrix: &str) -> String {
    format!("{matrix}{ENDING}")
}

/// Whether config.json's `quantization_config` asks for what [`Matrix`] reads and nothing else: compressed-tensors' form of int8 weights,
/// symmetric, one scale a row, and neither activations nor caches rounded.
pub(crate) fn describes_rows(config: &Value) -> bool {
    only(config, &["quant_method", "format", "config_groups"], &|key, value| match key {
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
    /// One a row, where the file has int8.
    scales: Option<Vec<f32>>,
}

impl<F: Files> Tensors<'_, F> {
    /// The matrix `name` of so many rows and columns.
    ///
    /// # Errors
    /// Where there is none of the name, it has another shape or type, or its scales are not such that it can be read.
    pub(crate) async fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<Matrix, Error> {
        let tensor = self.get(name, &[rows, columns])?;
        let scales = self.find(&scale_name(name));
        let (stored, scales) = match (tensor.dtype, scales) {
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
        Ok(Matrix { tensor: tensor.clone(), stored, scales })
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
        let matrix = tensor.name.strip_suffix(ENDING).and_then(|name| self.find(name));
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
        self.tensor.shape[1]
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
        let row_bytes = self.columns().saturating_mul(width);
        self.tensor.read(files, rows.start * row_bytes..rows.end * row_bytes, buffer).await
    }

    /// A row's scale, where it has one.
    pub fn scale(&self, row: usize) -> Option<f32> {
        Some(self.scales.as_ref()?[row])
    }

    /// Rows from `first` on that were read as floats: `bytes` themselves, or with their scales in `buffer`.
    pub fn floats<'a>(&self, first: usize, bytes: &'a [u8], buffer: &'a mut Vec<u8>) -> &'a [u8] {
        let Some(scales) = self.scales.as_ref().filter(|_| !bytes.is_empty()) else { return bytes };
        buffer.resize(4 * bytes.len(), 0);
        let columns = self.columns();
        let rows = bytes.chunks_exact(columns).zip(buffer.chunks_exact_mut(4 * columns));
        for ((row, floats), scale) in rows.zip(&scales[first..]) {
            for (float, &number) in floats.chunks_exact_mut(4).zip(row) {
                float.copy_from_slice(&(f32::from(number as i8) * scale).to_le_bytes());
            }
        }
        buffer
    }
}
