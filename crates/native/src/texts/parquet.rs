//! Texts in a column of strings of a Parquet file, read page by page.

use std::fs::File;

use anyhow::{Context as _, anyhow, bail};
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::{Columns, Entries, Entry, Position, place_of};
use crate::record::{Id, IdKind};

/// Rows that are decoded at a time.
const ROWS: usize = 256;

/// The rows of a file called `name`, what their ids are, and how many were read. Errors name the file and the row, from 0.
pub fn entries(file: File, name: &str, columns: &Columns) -> anyhow::Result<(Entries, Option<IdKind>, Position)> {
    // What Arrow's writers note beside the file's own types (large strings, views, dictionaries) is how to hold them in memory.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder =
        ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).context("expected a Parquet file")?;
    let schema = builder.schema();
    let text = column(schema, &columns.text)?;
    if *schema.field(text).data_type() != DataType::Utf8 {
        bail!("column `{}`: expected strings, found {}", columns.text, schema.field(text).data_type());
    }
    let id = columns.id.as_deref().map(|name| column(schema, name)).transpose()?;
    let kind = id.map(|place| id_kind(schema, place)).transpose()?;
    let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).ok();
    let mask = ProjectionMask::roots(builder.parquet_schema(), [Some(text), id].into_iter().flatten());
    let reader = builder.with_projection(mask).with_batch_size(ROWS).build()?;

    let position = Position::new(rows);
    let (counted, columns, name) = (position.clone(), columns.clone(), name.to_owned());
    let mut row = 0;
    let entries = reader.flat_map(move |batch| -> Box<dyn Iterator<Item = anyhow::Result<Entry>>> {
        let entries = batch.context("could not be read").and_then(|batch| {
            let first = row;
            row += batch.num_rows();
            of_batch(&batch, &columns, first)
        });
        let name = name.clone();
        match entries {
            Ok(entries) => {
                let counted = counted.clone();
                let entries = entries.into_iter().inspect(move |_| counted.advance(1));
                Box::new(entries.map(move |entry| entry.with_context(|| name.clone())))
            }
            Err(error) => Box::new(std::iter::once(Err(error.context(name)))),
        }
    });
    Ok((Box::new(entries), kind, position))
}

fn column(schema: &Schema, name: &str) -> anyhow::Result<usize> {
    let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    place_of(name, &names)
}

fn id_kind(schema: &Schema, place: usize) -> anyhow::Result<IdKind> {
    use DataType::{Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, Utf8};
    let field = schema.field(place);
    match field.data_type() {
        Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 => Ok(IdKind::Integer),
        Utf8 => Ok(IdKind::Text),
        kind => bail!("column `{}`: expected strings or whole numbers as ids, found {kind}", field.name()),
    }
}

/// The entries of some rows, of which `first` is the first.
fn of_batch(batch: &RecordBatch, columns: &Columns, first: usize) -> anyhow::Result<Vec<anyhow::Result<Entry>>> {
    let of = |name: &str| batch.column_by_name(name).ok_or_else(|| anyhow!("a group of rows without `{name}`"));
    let texts = of(&columns.text)?;
    let ids = columns.id.as_deref().map(of).transpose()?;
    let value = |array: &dyn Array, name: &str, row: usize| {
        let id = if array.is_valid(row) { value(array, row) } else { None };
        id.ok_or_else(|| anyhow!("row {}: `{name}` is null", first + row))
    };
    let entry = |row| {
        let id = match (ids, &columns.id) {
            (Some(ids), Some(name)) => Some(value(ids, name, row)?),
            _ => None,
        };
        match value(texts, &columns.text, row)? {
            Id::Text(text) => Ok(Entry { text, id }),
            Id::Integer(number) => Err(anyhow!("row {}: expected a string, found {number}", first + row)),
        }
    };
    Ok((0..batch.num_rows()).map(entry).collect())
}

/// What stands in a row, where that is neither null nor of a kind that was refused.
fn value(array: &dyn Array, row: usize) -> Option<Id> {
    let integer = |number: i64| Some(Id::Integer(number));
    match array.data_type() {
        DataType::Utf8 => Some(Id::Text(array.as_string::<i32>().value(row).to_owned())),
        DataType::Int8 => integer(array.as_primitive::<Int8Type>().value(row).into()),
        DataType::Int16 => integer(array.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => integer(array.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => integer(array.as_primitive::<Int64Type>().value(row)),
        DataType::UInt8 => integer(array.as_primitive::<UInt8Type>().value(row).into()),
        DataType::UInt16 => integer(array.as_primitive::<UInt16Type>().value(row).into()),
        DataType::UInt32 => integer(array.as_primitive::<UInt32Type>().value(row).into()),
        _ => None,
    }
}
