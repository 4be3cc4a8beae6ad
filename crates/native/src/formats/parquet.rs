//! Parquet: a row a text, the vector a list of fixed size, compressed by Zstandard.

use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, FixedSizeListArray, Float32Array, Int8Array, Int32Array, Int64Array, RecordBatch,
    StringArray, UInt8Array,
};
use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use wembed_model::{Precision, Quantized};

use super::{Shape, Writer};
use crate::record::{Id, IdKind, Row};

/// Bytes of vectors that make a group of rows: it waits in memory until it is full.
const GROUP: usize = 16 << 20;

/// Rows that are handed on at a time.
const ROWS: usize = 1024;

/// Columns `index`, `id` where there are ids, `embedding`, `tokens`, `truncated`, `windows` and `error`.
pub struct Parquet<W: Write + Send> {
    to: ArrowWriter<W>,
    shape: Shape,
    schema: SchemaRef,
    item: FieldRef,
    waiting: Vec<Row>,
}

impl<W: Write + Send> Parquet<W> {
    pub fn new(to: W, shape: Shape) -> io::Result<Self> {
        let (kind, bytes) = match shape.precision {
            Precision::Float32 => (DataType::Float32, 4),
            Precision::Int8 | Precision::Binary => (DataType::Int8, 1),
            Precision::Ubinary => (DataType::UInt8, 1),
        };
        let item: FieldRef = Field::new("element", kind, false).into();
        let vector = DataType::FixedSizeList(item.clone(), width(shape)?);
        let id = shape.ids.map(|kind| match kind {
            IdKind::Integer => Field::new("id", DataType::Int64, false),
            IdKind::Text => Field::new("id", DataType::Utf8, false),
        });
        let mut fields = vec![Field::new("index", DataType::Int64, false)];
        fields.extend(id);
        fields.extend([
            Field::new("embedding", vector, true),
            Field::new("tokens", DataType::Int32, true),
            Field::new("truncated", DataType::Boolean, true),
            Field::new("windows", DataType::Int32, true),
            Field::new("error", DataType::Utf8, true),
        ]);
        let schema = SchemaRef::new(Schema::new(fields));
        let values = ColumnPath::from(["embedding", "list", "element"].map(str::to_owned).to_vec());
        let rows = (GROUP / (bytes * shape.columns()).max(1)).max(ROWS);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(rows))
            // Hardly two values of a vector are the same, and nobody looks for one.
            .set_column_dictionary_enabled(values.clone(), bytes == 1)
            .set_column_statistics_enabled(values, EnabledStatistics::None)
            .build();
        let to = ArrowWriter::try_new(to, schema.clone(), Some(properties)).map_err(other)?;
        Ok(Self { to, shape, schema, item, waiting: Vec::with_capacity(ROWS) })
    }

    fn write(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.waiting);
        let batch = self.batch(&rows)?;
        self.waiting = rows;
        self.waiting.clear();
        self.to.write(&batch).map_err(other)
    }

    fn batch(&self, rows: &[Row]) -> io::Result<RecordBatch> {
        let vectors = || rows.iter().map(|row| row.outcome.as_ref().ok());
        let mut columns: Vec<ArrayRef> = vec![Arc::new(rows.iter().map(index).collect::<Int64Array>())];
        columns.extend(self.shape.ids.map(|kind| ids(rows, kind)));
        let error = |row: &Row| row.outcome.as_ref().err().cloned();
        let tokens = vectors().map(|vector| count(vector?.tokens));
        let windows = vectors().map(|vector| count(vector?.windows));
        let truncated = vectors().map(|vector| vector.map(|vector| vector.truncated));
        let valid = vectors().map(|vector| vector.is_some()).collect();
        let list = FixedSizeListArray::try_new(self.item.clone(), width(self.shape)?, self.values(rows), Some(valid));
        columns.extend([
            Arc::new(list.map_err(io::Error::other)?) as ArrayRef,
            Arc::new(tokens.collect::<Int32Array>()),
            Arc::new(truncated.collect::<BooleanArray>()),
            Arc::new(windows.collect::<Int32Array>()),
            Arc::new(rows.iter().map(error).collect::<StringArray>()),
        ]);
        RecordBatch::try_new(self.schema.clone(), columns).map_err(io::Error::other)
    }

    /// All values of all vectors, zeros where there is none.
    fn values(&self, rows: &[Row]) -> ArrayRef {
        let columns = self.shape.columns();
        // Only one of them is filled.
        let (mut floats, mut signed, mut unsigned) = (Vec::new(), Vec::new(), Vec::new());
        for (row, vector) in rows.iter().enumerate() {
            match vector.outcome.as_ref().map(|vector| &vector.values) {
                Ok(Quantized::Float32(values)) => floats.extend_from_slice(values),
                Ok(Quantized::Int8(values)) => signed.extend_from_slice(values),
                Ok(Quantized::Uint8(values)) => unsigned.extend_from_slice(values),
                Err(_) => {}
            }
            let filled = (row + 1) * columns;
            match self.shape.precision {
                Precision::Float32 => floats.resize(filled, 0.0),
                Precision::Int8 | Precision::Binary => signed.resize(filled, 0),
                Precision::Ubinary => unsigned.resize(filled, 0),
            }
        }
        match self.shape.precision {
            Precision::Float32 => Arc::new(Float32Array::from(floats)),
            Precision::Int8 | Precision::Binary => Arc::new(Int8Array::from(signed)),
            Precision::Ubinary => Arc::new(UInt8Array::from(unsigned)),
        }
    }
}

/// Numbers of a vector, as Arrow counts them.
fn width(shape: Shape) -> io::Result<i32> {
    i32::try_from(shape.columns()).map_err(io::Error::other)
}

fn index(row: &Row) -> Option<i64> {
    i64::try_from(row.index).ok()
}

fn count(of: usize) -> Option<i32> {
    i32::try_from(of).ok()
}

fn ids(rows: &[Row], kind: IdKind) -> ArrayRef {
    match kind {
        IdKind::Integer => Arc::new(rows.iter().map(|row| integer(row.id.as_ref()?)).collect::<Int64Array>()),
        IdKind::Text => Arc::new(rows.iter().map(|row| row.id.as_ref().map(Id::to_string)).collect::<StringArray>()),
    }
}

fn integer(id: &Id) -> Option<i64> {
    match id {
        Id::Integer(number) => Some(*number),
        Id::Text(_) => None,
    }
}

fn other(error: ParquetError) -> io::Error {
    match error {
        // What the destination said, as it said it.
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(source) => io::Error::other(source),
        },
        error => io::Error::other(error),
    }
}

impl<W: Write + Send> Writer for Parquet<W> {
    fn put(&mut self, row: Row) -> io::Result<()> {
        self.waiting.push(row);
        if self.waiting.len() < ROWS { Ok(()) } else { self.write() }
    }

    fn finish(&mut self) -> io::Result<()> {
        if !self.waiting.is_empty() {
            self.write()?;
        }
        self.to.finish().map_err(other)?;
        self.to.inner_mut().flush()
    }
}
