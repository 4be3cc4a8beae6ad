//! The texts to embed: arguments, or the lines of a file or of standard input, read as they are needed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _};
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use serde_json::Value;

/// Texts in order. Ends at the first that cannot be read; `failure` then says why.
pub struct Texts {
    rest: Box<dyn Iterator<Item = anyhow::Result<String>>>,
    /// What ended them early.
    pub failure: Option<anyhow::Error>,
}

/// How a line holds a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    /// A JSON string, or an object with `text`.
    Json,
}

impl Texts {
    /// The arguments where there are any, else the lines of `input`, which is a file or `-`, else those of standard input.
    pub fn open(arguments: Vec<String>, input: Option<&Path>) -> anyhow::Result<Self> {
        let rest: Box<dyn Iterator<Item = _>> = match input {
            None if !arguments.is_empty() => Box::new(arguments.into_iter().map(Ok)),
            None if io::stdin().is_terminal() => {
                bail!("no text: give texts as arguments, a file with --input, or lines on standard input")
            }
            Some(path) if path != Path::new("-") => {
                let name = format!("`{}`", path.display());
                let file = File::open(path).with_context(|| format!("{name} could not be opened"))?;
                let form = if path.extension().is_some_and(|it| it == "jsonl") { Form::Json } else { Form::Plain };
                Box::new(lines(BufReader::new(file), name, form))
            }
            _ => Box::new(lines(io::stdin().lock(), "standard input".to_owned(), Form::Plain)),
        };
        Ok(Self { rest: Box::new(rest.fuse()), failure: None })
    }
}

impl Iterator for Texts {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.failure.is_some() {
            return None;
        }
        match self.rest.next()? {
            Ok(text) => Some(text),
            Err(error) => {
                self.failure = Some(error);
                None
            }
        }
    }
}

/// The texts of a file's lines; errors name file and line.
fn lines(reader: impl BufRead, name: String, form: Form) -> impl Iterator<Item = anyhow::Result<String>> {
    reader.split(b'\n').enumerate().map(move |(index, line)| {
        let text = line.map_err(|error| anyhow!(error).context("could not be read"));
        let text = text.and_then(|bytes| text_of(bytes, index == 0, form));
        text.with_context(|| format!("{name}, line {}", index + 1))
    })
}

fn text_of(mut line: Vec<u8>, is_first: bool, form: Form) -> anyhow::Result<String> {
    const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    if is_first && line.starts_with(BYTE_ORDER_MARK) {
        line.drain(..BYTE_ORDER_MARK.len());
    }
    let line = std::str::from_utf8(&line).map_err(|error| not_utf8(&line, error))?;
    match form {
        Form::Plain => Ok(line.to_owned()),
        Form::Json => json_text(line),
    }
}

/// Where in its line a file's text stops being UTF-8.
pub fn not_utf8(bytes: &[u8], error: std::str::Utf8Error) -> anyhow::Error {
    let (good, rest) = bytes.split_at(error.valid_up_to());
    let column = good.rsplit(|&byte| byte == b'\n').next().map_or(0, <[u8]>::len);
    let found = rest.first().map_or("nothing".to_owned(), |byte| format!("0x{byte:02x}"));
    anyhow!("expected UTF-8, found {found} at byte {}", column + 1)
}

fn json_text(line: &str) -> anyhow::Result<String> {
    const EXPECTED: &str = "expected a JSON string or an object with `text`";
    let value = serde_json::from_str(line).map_err(|error| {
        let message = error.to_string();
        // Its line is always 1.
        let what = message.split(" at line ").next().unwrap_or_default();
        anyhow!("{EXPECTED}: {what}, at column {}", error.column())
    })?;
    let kind = match value {
        Value::String(text) => return Ok(text),
        Value::Object(mut object) => match object.remove("text") {
            Some(Value::String(text)) => return Ok(text),
            Some(_) => "an object whose `text` is no string",
            None => "an object without `text`",
        },
        Value::Array(_) => "an array",
        Value::Number(_) => "a number",
        Value::Bool(_) | Value::Null => line.trim(),
    };
    Err(anyhow!("{EXPECTED}, found {kind}"))
}

#[cfg(test)]
mod tests {
    use super::{Form, lines};

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
            let found: Vec<_> = lines(bytes.as_bytes(), String::new(), Form::Plain).map(Result::unwrap).collect();
            assert_eq!(found, texts, "{bytes:?}");
        }
    }
}
