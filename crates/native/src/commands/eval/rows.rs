//! Tables in files: rows of fields with commas or tabs between them.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use csv::StringRecord;

use crate::texts::delimited;

/// A row and the line that it begins on.
pub struct Row {
    place: String,
    fields: StringRecord,
}

/// All rows of a file: tabs separate fields in `.tsv` files, commas in others. With tabs a quotation mark is a letter like any other.
pub fn read(path: &Path) -> anyhow::Result<Vec<Row>> {
    let name = format!("`{}`", path.display());
    let tabs = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("tsv"));
    let mut reader = delimited::reader(if tabs { b'\t' } else { b',' });
    let mut reader = reader
        .has_headers(false)
        .flexible(true)
        .from_path(path)
        .with_context(|| format!("{name} could not be opened"))?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let fields = record.with_context(|| format!("{name} could not be read"))?;
        let line = fields.position().map_or(0, csv::Position::line);
        rows.push(Row { place: format!("{name}, line {line}"), fields });
    }
    if rows.is_empty() {
        bail!("{name} has no rows");
    }
    Ok(rows)
}

impl Row {
    /// Its number of fields.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// An error unless it has `count` fields: `expected`.
    pub fn check(&self, count: usize, expected: &str) -> anyhow::Result<()> {
        if self.len() != count {
            bail!("{}: expected {expected}, found {} fields", self.place, self.len());
        }
        Ok(())
    }

    /// The field `index`, of at least `expected`.
    pub fn field(&self, index: usize, expected: &str) -> anyhow::Result<&str> {
        self.fields
            .get(index)
            .ok_or_else(|| anyhow!("{}: expected {expected}, found {} fields", self.place, self.len()))
    }

    /// The field `index` as a number.
    pub fn number(&self, index: usize, expected: &str) -> anyhow::Result<f64> {
        let field = self.field(index, expected)?;
        let number = field.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or_else(|| anyhow!("{}: expected a number in field {}, found `{field}`", self.place, index + 1))
    }
}
