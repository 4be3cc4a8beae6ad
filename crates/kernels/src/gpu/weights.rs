//! Weights on their way into device memory: converted, checked and padded piece by piece.

use half::slice::HalfFloatSliceExt;

use super::Context;
use super::arena::Slot;
use super::kernel::Storage;
use super::panels::Panels;
use super::scope::Scope;
use crate::error::Kind;
use crate::int8::{self, LARGEST_WEIGHT, MOST_COLUMNS};
use crate::{Dtype, Error, Gathered, Rows, Stored, padded};

/// How rows lie in device memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// One after the other: a table.
    Rows,
    /// As [`Panels`] has them: a matrix.
    Panels,
}

/// A matrix or a table: rows in `stride` columns, zeros beyond the real ones.
#[derive(Debug)]
pub struct Weights {
    pub(super) buffer: wgpu::Buffer,
    /// Rows, without padding.
    pub(super) rows: usize,
    /// Columns, without padding.
    pub(super) columns: usize,
    /// Keeps a table of gathered rows from being handed out again.
    pub(super) slot: Option<std::rc::Rc<Slot>>,
}

impl Weights {
    /// Columns with padding.
    pub(super) fn stride(&self) -> usize {
        padded(self.columns)
    }
}

/// f32 values, zeros beyond the real ones.
#[derive(Debug)]
pub struct Vector {
    pub(super) buffer: wgpu::Buffer,
}

/// Makes a buffer of `rows` rows and fills it from `source`, in this order.
pub(super) async fn load<R: Rows>(
    context: &Context,
    mut source: R,
    rows: usize,
    order: Order,
) -> Result<Weights, R::Error> {
    let (name, columns) = (source.name().to_owned(), source.columns());
    let stride = padded(columns);
    let storage = if order == Order::Panels { context.storage } else { context.storage.of_tables() };
    if storage == Storage::Int8 && stride > MOST_COLUMNS {
        let dtype = storage.dtype().name();
        return Err(Error::from(Kind::TooWide { name, columns, most: MOST_COLUMNS, dtype }).into());
    }
    let row_bytes = (stride * storage.dtype().bytes()) as u64;
    // Behind the rows, in int8, the scale of each.
    let scale_bytes = if storage == Storage::Int8 { 4 * rows as u64 } else { 0 };
    let size = rows as u64 * row_bytes + scale_bytes;
    context.check_binding(&name, size)?;
    let scope = Scope::open(&context.device, &context.loss, format!("the memory for `{name}`"));
    let buffer = context.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(&name),
        size,
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    scope.close().await?;

    let mut packer = Packer::new(&name, columns, storage);
    packer.factor = 1.0 / context.rotated_part(stride);
    let mut panels = (order == Order::Panels).then(|| Panels::new(stride, storage.dtype().bytes()));
    let write = |at: u64, bytes: &[u8]| context.queue.write_buffer(&buffer, at, bytes);
    while let Some(piece) = source.next().await? {
        let row = packer.first_row as u64;
        let bytes = packer.pack(piece.bytes, piece.stored)?;
        let scope = Scope::open(&context.device, &context.loss, format!("loading `{name}`"));
        match &mut panels {
            Some(panels) => panels.take(bytes, write),
            None => write(row * row_bytes, bytes),
        }
        // Without a submit, wgpu keeps every written piece in staging memory until the first batch.
        context.queue.submit([]);
        scope.close().await?;
    }
    if let Some(panels) = panels {
        let scope = Scope::open(&context.device, &context.loss, format!("loading `{name}`"));
        panels.finish(bytemuck::cast_slice(&packer.scales), write);
        context.queue.submit([]);
        scope.close().await?;
    }
    let loaded = packer.first_row;
    assert_eq!(loaded, source.rows(), "a source yields as many rows as it says");
    Ok(Weights { buffer, rows: loaded, columns, slot: None })
}

/// Rows that the host gathered, in memory that the next batch may use again.
pub(super) fn gather(context: &Context, rows: Gathered<'_>) -> Result<Weights, Error> {
    let Gathered { name, bytes, stored, columns } = rows;
    let mut packer = Packer::new(name, columns, context.storage.of_tables());
    let packed = packer.pack(bytes, stored)?;
    context.check_binding(name, packed.len() as u64)?;
    let slot = context.upload(packed);
    Ok(Weights { buffer: slot.buffer().clone(), rows: packer.first_row, columns, slot: Some(slot.into()) })
}

/// f32 values, padded with zeros.
pub(super) fn vector(context: &Context, name: &str, values: &[f32]) -> Result<Vector, Error> {
    if let Some(column) = values.iter().position(|value| !value.is_finite()) {
        return Err(unholdable(name, values[column], 0, column, Dtype::F32));
    }
    let size = 4 * padded(values.len()) as u64;
    context.check_binding(name, size)?;
    let buffer = context.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(name),
        size,
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    context.queue.write_buffer(&buffer, 0, bytemuck::cast_slice(values));
    Ok(Vector { buffer })
}

/// Turns pieces of a file into rows as they lie in device memory.
struct Packer<'a> {
    name: &'a str,
    columns: usize,
    storage: Storage,
    first_row: usize,
    packed: Vec<u8>,
    /// Of all rows so far, where they are in int8.
    scales: Vec<f32>,
    /// What they are multiplied by.
    factor: f32,
}

impl<'a> Packer<'a> {
    fn new(name: &'a str, columns: usize, storage: Storage) -> Self {
        Self { name, columns, storage, first_row: 0, packed: Vec::new(), scales: Vec::new(), factor: 1.0 }
    }

    /// The rows of `bytes` in the storage type and with padding; borrowed where the file already has them so.
    fn pack<'b>(&'b mut self, bytes: &'b [u8], stored: Stored) -> Result<&'b [u8], Error> {
        let dtype = self.storage.dtype();
        let row_bytes = self.columns * stored.bytes();
        let first_row = self.first_row;
        self.first_row += bytes.len() / row_bytes;
        let same_type = matches!((stored, dtype), (Stored::F16, Dtype::F16) | (Stored::F32, Dtype::F32));
        if same_type {
            self.check_finite(bytes, stored, first_row)?;
            if self.columns == padded(self.columns) {
                return Ok(bytes);
            }
        }
        if dtype == Dtype::Int8 {
            return self.pack_int8(bytes, stored, first_row);
        }
        let padding = (padded(self.columns) - self.columns) * dtype.bytes();
        self.packed.clear();
        let (mut values, mut halves) = (Vec::new(), Vec::new());
        for (index, row) in bytes.chunks_exact(row_bytes).enumerate() {
            if same_type {
                self.packed.extend_from_slice(row);
            } else {
                values.clear();
                stored.widen(row, &mut values);
                if dtype == Dtype::F16 {
                    halves.resize(values.len(), half::f16::ZERO);
                    halves.convert_from_f32_slice(&values);
                    self.packed.extend_from_slice(bytemuck::cast_slice(&halves));
                } else {
                    self.packed.extend_from_slice(bytemuck::cast_slice(&values));
                }
                let overflows = |&column: &usize| {
                    !values[column].is_finite() || halves.get(column).is_some_and(|half| !half.is_finite())
                };
                if let Some(column) = (0..self.columns).find(overflows) {
                    return Err(unholdable(self.name, values[column], first_row + index, column, dtype));
                }
            }
            self.packed.resize(self.packed.len() + padding, 0);
        }
        Ok(&self.packed)
    }

    /// Rows as [`crate::int8`] has them; their scales are kept.
    fn pack_int8(&mut self, bytes: &[u8], stored: Stored, first_row: usize) -> Result<&[u8], Error> {
        self.packed.clear();
        let stride = padded(self.columns);
        let (mut values, mut integers) = (Vec::new(), vec![0; stride]);
        for (index, row) in bytes.chunks_exact(self.columns * stored.bytes()).enumerate() {
            values.clear();
            stored.widen(row, &mut values);
            let holds = |value: &f32| value.abs() <= LARGEST_WEIGHT / self.factor;
            if let Some(column) = values.iter().position(|value| !holds(value)) {
                return Err(unholdable(self.name, values[column], first_row + index, column, Dtype::Int8));
            }
            values.resize(stride, 0.0);
            int8::rotate(&mut values);
            self.scales.push(self.factor * int8::round(&values, &mut integers));
            self.packed.extend_from_slice(bytemuck::cast_slice(&integers));
        }
        Ok(&self.packed)
    }

    /// Numbers with all exponent bits set are infinite or NaN.
    fn check_finite(&self, bytes: &[u8], stored: Stored, first_row: usize) -> Result<(), Error> {
        let width = stored.bytes();
        let is_bad = |number: &[u8]| match stored {
            Stored::F32 => number[3] & 0x7f == 0x7f && number[2] & 0x80 == 0x80,
            Stored::F16 => number[1] & 0x7c == 0x7c,
            Stored::Bf16 => number[1] & 0x7f == 0x7f && number[0] & 0x80 == 0x80,
        };
        let Some(index) = bytes.chunks_exact(width).position(is_bad) else {
            return Ok(());
        };
        let mut value = Vec::new();
        stored.widen(&bytes[index * width..][..width], &mut value);
        let (row, column) = (first_row + index / self.columns, index % self.columns);
        Err(unholdable(self.name, value[0], row, column, self.storage.dtype()))
    }
}

fn unholdable(name: &str, value: f32, row: usize, column: usize, dtype: Dtype) -> Error {
    Kind::Unholdable { name: name.to_owned(), value, row, column, dtype: dtype.name() }.into()
}
