//! A word table in the form in which its packs hold it.

use anyhow::Context as _;
use half::f16;
use safetensors::Dtype;
use wembed_kernels::{Piece, Rows as _};
use wembed_model::{Config, Files, Tensors, scale_name, word_table_name};

/// The largest number of int8 whose negative is one, too.
const MOST: f32 = 127.0;

/// All rows of a word table.
pub struct Table {
    pub name: String,
    pub dtype: Dtype,
    pub columns: usize,
    bytes: Vec<u8>,
    /// One a row where the numbers are int8.
    scales: Vec<f32>,
}

impl Table {
    /// Reads a checkpoint's word table. Where it is in floats and `int8` is asked for, each row becomes whole numbers of
    /// -127..=127 and a scale, the row's largest absolute value / 127; else f32 becomes f16, and all else stays as it is.
    pub async fn read<F: Files>(tensors: &Tensors<'_, F>, config: &Config, int8: bool) -> anyhow::Result<Self> {
        let (name, columns) = (word_table_name(config, tensors), config.hidden_size);
        let tensor = tensors.get(&name, &[config.vocabulary_size, columns])?;
        let mut table = Self { dtype: tensor.dtype(), columns, bytes: Vec::new(), scales: Vec::new(), name };
        match table.dtype {
            // As they are, with their scales.
            Dtype::I8 => {
                table.bytes = tensors.bytes(tensor).await?;
                table.scales = tensors.values(&scale_name(&table.name), &[config.vocabulary_size, 1]).await?;
            }
            Dtype::F16 | Dtype::BF16 if !int8 => table.bytes = tensors.bytes(tensor).await?,
            _ => {
                table.dtype = if int8 { Dtype::I8 } else { Dtype::F16 };
                table.convert(tensors, config.vocabulary_size).await?;
            }
        }
        Ok(table)
    }

    async fn convert<F: Files>(&mut self, tensors: &Tensors<'_, F>, rows: usize) -> anyhow::Result<()> {
        let mut rows = tensors.rows(&[&self.name], rows, self.columns).await?;
        let (mut values, mut row) = (Vec::new(), 0);
        while let Some(Piece { bytes, stored }) = rows.next().await? {
            values.clear();
            stored.widen(bytes, &mut values);
            for values in values.chunks_exact(self.columns) {
                self.push(values).with_context(|| format!("tensor `{}`, row {row}", self.name))?;
                row += 1;
            }
        }
        Ok(())
    }

    fn push(&mut self, row: &[f32]) -> anyhow::Result<()> {
        if let Some(column) = row.iter().position(|value| !value.is_finite()) {
            anyhow::bail!("column {column}: expected a finite number, found {}", row[column]);
        }
        if self.dtype == Dtype::I8 {
            let (scale, numbers) = int8(row);
            self.scales.push(scale);
            self.bytes.extend(numbers.map(|number| number as u8));
            return Ok(());
        }
        for (column, &value) in row.iter().enumerate() {
            let half = f16::from_f32(value);
            anyhow::ensure!(
                half.is_finite(),
                "column {column}: expected a number that f16 can hold, found {value}; --rows int8 has room for it"
            );
            self.bytes.extend(half.to_le_bytes());
        }
        Ok(())
    }

    /// Bytes of a row in its pack.
    pub fn row_bytes(&self) -> usize {
        let scale = if self.scales.is_empty() { 0 } else { size_of::<f32>() };
        self.columns * self.dtype.bitsize() / 8 + scale
    }

    /// The numbers of some rows, and their scales' bytes where they have some.
    pub fn of(&self, rows: &[u32]) -> (Vec<u8>, Option<Vec<u8>>) {
        let width = self.columns * self.dtype.bitsize() / 8;
        let row = |&row: &u32| &self.bytes[row as usize * width..(row as usize + 1) * width];
        let scales = || rows.iter().flat_map(|&row| self.scales[row as usize].to_le_bytes()).collect();
        (rows.iter().flat_map(row).copied().collect(), (!self.scales.is_empty()).then(scales))
    }
}

/// A row as whole numbers, and what they are times.
fn int8(row: &[f32]) -> (f32, impl Iterator<Item = i8>) {
    let largest = row.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    // A row of zeros, or of numbers so small that their scale would have few digits: all zeros, times 1.
    let scale = match largest / MOST {
        scale if scale < f32::MIN_POSITIVE => 1.0,
        scale if (scale * MOST).is_infinite() => scale.next_down(),
        scale => scale,
    };
    (scale, row.iter().map(move |value| (value / scale).round().clamp(-MOST, MOST) as i8))
}

#[cfg(test)]
mod tests {
    use super::int8;

    #[test]
    fn a_row_comes_back_within_half_a_step() {
        let rows: [&[f32]; 6] = [
            &[0.1, -0.25, 0.2, 1e-9],
            &[0.0, -0.0],
            &[f32::MAX, -f32::MAX, 1.0],
            &[1e-45, 0.0],
            &[1e-36, -1e-38, f32::MIN_POSITIVE],
            &[-3.0],
        ];
        for row in rows {
            let (scale, numbers) = int8(row);
            assert!(scale > 0.0 && scale.is_finite(), "{row:?}");
            for (value, number) in row.iter().zip(numbers) {
                assert!(number > i8::MIN && (f32::from(number) * scale).is_finite());
                assert!((f32::from(number) * scale - value).abs() <= 0.5001 * scale, "{value} of {row:?}");
            }
        }
    }
}
