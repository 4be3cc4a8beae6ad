//! Texts in a column of comma- or tab-separated values with a header. Commas come with quotation marks as in RFC 4180; between tabs
//! a quotation mark is a letter like any other, and no field holds a tab or a new line.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use anyhow::{Context as _, anyhow, bail};
use csv::{ByteRecord, ReaderBuilder};

use super::{Columns, Entries, Entry, not_utf8, place_of};
use crate::record::Id;

/// How values are read that `by` separates: the rule for quotation marks.
pub fn reader(by: u8) -> ReaderBuilder {
    let mut reader = ReaderBuilder::new();
    reader.delimiter(by).quoting(by != b'\t');
    reader
}

/// The entries below the header; errors name file and line.
pub(super) fn entries(from: impl Read + 'static, by: u8, name: String, columns: &Columns) -> anyhow::Result<Entries> {
    let quotes = Rc::new(Cell::new(0));
    let mut reader = reader(by).from_reader(Quotes { from, seen: quotes.clone() });
    let headers = reader.byte_headers().with_context(|| format!("{name} could not be read"))?;
    let place = |column: &str| {
        let names: Vec<_> = headers.iter().map(String::from_utf8_lossy).collect();
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        place_of(column, &names).with_context(|| format!("{name}, line 1"))
    };
    let text = place(&columns.text)?;
    let id = columns.id.as_deref().map(place).transpose()?;
    let entry = move |record: Result<ByteRecord, csv::Error>, is_last: bool| {
        // The library's own message names the line.
        let record = record.map_err(|error| anyhow!(error).context(name.clone()))?;
        let line = record.position().map_or(0, csv::Position::line);
        // The library takes the rest of the file for the field: texts would be lost in it.
        let unclosed = by == b',' && is_last && quotes.get() % 2 == 1;
        if unclosed && record.iter().any(|field| field.contains(&b'\n')) {
            bail!("{name}, the record that begins on line {line}: expected a closing quotation mark, found the end");
        }
        let cell = |place: usize| {
            // Every record is as long as the header.
            let bytes = record.get(place).unwrap_or_default();
            let cell = std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error));
            cell.map(str::to_owned).with_context(|| format!("{name}, the record that begins on line {line}"))
        };
        Ok(Entry { text: cell(text)?, id: id.map(cell).transpose()?.map(Id::Text) })
    };
    let mut records = reader.into_byte_records().peekable();
    Ok(Box::new(std::iter::from_fn(move || {
        let record = records.next()?;
        Some(entry(record, records.peek().is_none()))
    })))
}

/// Counts the quotation marks of what is read: where all are closed their number is even.
struct Quotes<R> {
    from: R,
    seen: Rc<Cell<usize>>,
}

impl<R: Read> Read for Quotes<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.seen.set(self.seen.get() + into[..read].iter().filter(|&&byte| byte == b'"').count());
        Ok(read)
    }
}
