//! Texts in a column of comma- or tab-separated values with a header. Commas come with quotation marks as in RFC 4180; between tabs
//! a quotation mark is a letter like any other, and no field holds a tab or a new line.

use std::io::Read;

use anyhow::{Context as _, anyhow};
use csv::{ByteRecord, ReaderBuilder};

use super::{Columns, Entries, Entry, not_utf8, place_of};
use crate::record::Id;

/// The entries below the header; errors name file and line.
pub fn entries(from: impl Read + 'static, by: u8, name: String, columns: &Columns) -> anyhow::Result<Entries> {
    let mut reader = ReaderBuilder::new().delimiter(by).quoting(by != b'\t').from_reader(from);
    let headers = reader.byte_headers().with_context(|| format!("{name} could not be read"))?;
    let place = |column: &str| {
        let names: Vec<_> = headers.iter().map(String::from_utf8_lossy).collect();
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        place_of(column, &names).with_context(|| format!("{name}, line 1"))
    };
    let text = place(&columns.text)?;
    let id = columns.id.as_deref().map(place).transpose()?;
    let entry = move |record: Result<ByteRecord, csv::Error>| {
        // The library's own message names the line.
        let record = record.map_err(|error| anyhow!(error).context(name.clone()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |place: usize| {
            // Every record is as long as the header.
            let bytes = record.get(place).unwrap_or_default();
            let cell = std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error));
            cell.map(str::to_owned).with_context(|| format!("{name}, the record that begins on line {line}"))
        };
        Ok(Entry { text: cell(text)?, id: id.map(cell).transpose()?.map(Id::Text) })
    };
    Ok(Box::new(reader.into_byte_records().map(entry)))
}
