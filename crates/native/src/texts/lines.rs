//! Texts in lines, plain or JSON.

use std::io::BufRead;

use anyhow::{Context as _, anyhow};
use serde_json::{Map, Value};

use super::{Columns, Entry, listed, not_utf8};
use crate::record::Id;

/// A text a line.
pub fn plain(reader: impl BufRead, name: String) -> impl Iterator<Item = anyhow::Result<Entry>> {
    lines(reader, name, |line| Ok(Entry { text: line.to_owned(), id: None }))
}

/// A JSON string or object a line.
pub fn json(reader: impl BufRead, name: String, columns: Columns) -> impl Iterator<Item = anyhow::Result<Entry>> {
    lines(reader, name, move |line| columns.entry(line))
}

/// What `parse` makes of each line; errors name file and line.
fn lines(
    reader: impl BufRead,
    name: String,
    parse: impl Fn(&str) -> anyhow::Result<Entry>,
) -> impl Iterator<Item = anyhow::Result<Entry>> {
    reader.split(b'\n').enumerate().map(move |(index, line)| {
        let entry = line.map_err(|error| anyhow!(error).context("could not be read")).and_then(|mut line| {
            let range = text_of(&mut line, index == 0);
            let line = std::str::from_utf8(range).map_err(|error| not_utf8(range, error))?;
            parse(line)
        });
        entry.with_context(|| format!("{name}, line {}", index + 1))
    })
}

/// A line without its end and without a byte order mark at the first one's beginning.
fn text_of(line: &mut Vec<u8>, is_first: bool) -> &[u8] {
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    let mark = "\u{feff}".as_bytes();
    if is_first { line.strip_prefix(mark).unwrap_or(line) } else { line }
}

impl Columns {
    fn entry(&self, line: &str) -> anyhow::Result<Entry> {
        let value = serde_json::from_str(line).map_err(|error| {
            let message = error.to_string();
            // Its line is always 1.
            let what = message.split(" at line ").next().unwrap_or_default();
            anyhow!("{}: {what}, at column {}", self.expected(), error.column())
        })?;
        let found = match value {
            Value::Object(object) => match self.of_object(object) {
                Ok(entry) => return Ok(entry),
                Err(found) => found,
            },
            Value::String(text) if self.id.is_none() => return Ok(Entry { text, id: None }),
            Value::String(_) => "a string".to_owned(),
            Value::Array(_) => "an array".to_owned(),
            Value::Number(_) => "a number".to_owned(),
            Value::Bool(_) | Value::Null => line.trim().to_owned(),
        };
        Err(anyhow!("{}, found {found}", self.expected()))
    }

    fn expected(&self) -> String {
        match &self.id {
            None => format!("expected a JSON string or an object with `{}`", self.text),
            Some(id) => format!("expected a JSON object with `{}` and `{id}`", self.text),
        }
    }

    /// Its text and id, or what was found instead.
    fn of_object(&self, mut object: Map<String, Value>) -> Result<Entry, String> {
        let lacks = |name: &str, object: &Map<String, Value>| {
            let keys: Vec<_> = object.keys().map(String::as_str).collect();
            format!("an object without `{name}`; its keys: {}", listed(&keys))
        };
        // The id first: it may be the text itself.
        let id = match &self.id {
            None => None,
            Some(name) => Some(match object.get(name) {
                Some(Value::String(id)) => Id::Text(id.clone()),
                Some(Value::Number(id)) if id.is_i64() => Id::Integer(id.as_i64().unwrap_or_default()),
                Some(_) => return Err(format!("an object whose `{name}` is no string and no whole number")),
                None => return Err(lacks(name, &object)),
            }),
        };
        match object.remove(&self.text) {
            Some(Value::String(text)) => Ok(Entry { text, id }),
            Some(_) => Err(format!("an object whose `{}` is no string", self.text)),
            None => Err(lacks(&self.text, &object)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_line_is_a_text_without_its_end() {
        for (bytes, texts) in [
            ("", &[][..]),
            ("\n", &[""]),
            ("a", &["a"]),
            ("a\n", &["a"]),
            ("a\n\n", &["a", ""]),
            (" a \r\n\r\nb\r", &[" a ", "", "b"]),
            ("a\rb\u{2028}c\n", &["a\rb\u{2028}c"]),
            ("\u{feff}a\n\u{feff}b\n", &["a", "\u{feff}b"]),
        ] {
            let found: Vec<_> = plain(bytes.as_bytes(), String::new()).map(|entry| entry.unwrap().text).collect();
            assert_eq!(found, texts, "{bytes:?}");
        }
    }
}
