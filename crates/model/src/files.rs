//! A model's files, wherever they are.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use serde::de::DeserializeOwned;

use crate::Error;
use crate::error::Kind;

/// A model's files: the size of a path and a read of a range. A directory, a web address, bytes in the program.
///
/// Paths are relative to the model's top, with `/` between folders.
#[expect(async_fn_in_trait, reason = "one thread owns a model: in a browser no future of it is Send")]
pub trait Files {
    /// The file's size in bytes, or nothing where there is no such file.
    async fn size(&self, path: &str) -> io::Result<Option<u64>>;

    /// Bytes `range` of the file: borrowed from a memory map, or read into `buffer`.
    async fn read<'a>(&'a self, path: &str, range: Range<u64>, buffer: &'a mut Vec<u8>) -> io::Result<&'a [u8]>;

    /// Whether reads borrow from a memory map, so that reading again costs nothing.
    fn mapped(&self) -> bool;
}

/// Files in memory.
#[derive(Debug, Clone, Default)]
pub struct Memory(BTreeMap<String, Cow<'static, [u8]>>);

impl Memory {
    /// Adds or replaces a file.
    pub fn insert(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.insert(path.into(), Cow::Owned(bytes.into()));
    }

    /// Adds or replaces a file whose bytes lie in the program; they are not copied.
    pub fn insert_static(&mut self, path: impl Into<String>, bytes: &'static [u8]) {
        self.0.insert(path.into(), Cow::Borrowed(bytes));
    }

    /// Takes a file away and gives its bytes.
    pub fn remove(&mut self, path: &str) -> Option<Vec<u8>> {
        self.0.remove(path).map(Cow::into_owned)
    }

    /// A file's bytes.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.0.get(path).map(AsRef::as_ref)
    }
}

impl Files for Memory {
    async fn size(&self, path: &str) -> io::Result<Option<u64>> {
        Ok(self.0.get(path).map(|bytes| bytes.len() as u64))
    }

    async fn read<'a>(&'a self, path: &str, range: Range<u64>, _: &'a mut Vec<u8>) -> io::Result<&'a [u8]> {
        let bytes = self.0.get(path).ok_or(io::ErrorKind::NotFound)?;
        bytes.get(range.start as usize..range.end as usize).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn mapped(&self) -> bool {
        true
    }
}

/// The most bytes that a configuration file or a tokenizer may have. The largest tokenizers of this family have 20 MB.
const LARGEST_TEXT_FILE: u64 = 256 << 20;

/// The most bytes of a key that an error names. Only nonsense is nested deeper.
const LONGEST_KEY: usize = 100;

/// The path of `file` in `folder`, which may be the top.
pub(crate) fn join(folder: &str, file: &str) -> String {
    if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") }
}

/// The file's size, or nothing where it is not there.
pub(crate) async fn size(files: &impl Files, path: &str) -> Result<Option<u64>, Error> {
    files.size(path).await.map_err(|source| Kind::Read { path: path.to_owned(), source }.into())
}

/// A range of a file, whole.
pub(crate) async fn read<'a>(
    files: &'a impl Files,
    path: &str,
    range: Range<u64>,
    buffer: &'a mut Vec<u8>,
) -> Result<&'a [u8], Error> {
    let expected = range.end - range.start;
    let failed = |source| Error::from(Kind::Read { path: path.to_owned(), source });
    let bytes = files.read(path, range, buffer).await.map_err(failed)?;
    if bytes.len() as u64 != expected {
        let message = format!("expected {expected} bytes, found {}", bytes.len());
        return Err(failed(io::Error::new(io::ErrorKind::UnexpectedEof, message)));
    }
    Ok(bytes)
}

/// A whole small file, borrowed from a memory map or read into `buffer`; nothing where it is not there.
pub(crate) async fn read_whole<'a>(
    files: &'a impl Files,
    path: &str,
    buffer: &'a mut Vec<u8>,
) -> Result<Option<&'a [u8]>, Error> {
    let Some(size) = size(files, path).await? else { return Ok(None) };
    if size > LARGEST_TEXT_FILE {
        return Err(Error::malformed(path, format!("expected at most {LARGEST_TEXT_FILE} bytes, found {size}")));
    }
    read(files, path, 0..size, buffer).await.map(Some)
}

/// A JSON file, or nothing where it is not there. Errors name the file and the key.
pub(crate) async fn read_json<T: DeserializeOwned>(files: &impl Files, path: &str) -> Result<Option<T>, Error> {
    let mut buffer = Vec::new();
    let Some(bytes) = read_whole(files, path, &mut buffer).await? else { return Ok(None) };
    parse_json(path, bytes).map(Some)
}

pub(crate) fn parse_json<T: DeserializeOwned>(path: &str, bytes: &[u8]) -> Result<T, Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let key = error.path().to_string();
        let message = error.into_inner();
        // Neither the top nor what has no name yet is worth saying.
        let is_named = !matches!(key.as_str(), "." | "?") && key.len() <= LONGEST_KEY;
        Error::malformed(path, if is_named { format!("`{key}`: {message}") } else { message.to_string() })
    })?;
    deserializer.end().map_err(|error| Error::malformed(path, error))?;
    Ok(value)
}

/// A JSON text without the white space between its parts, all else byte for byte: numbers stay as they are written.
#[must_use]
pub fn compact_json(text: &[u8]) -> Vec<u8> {
    let (mut in_string, mut escaped) = (false, false);
    let kept = |byte: &u8| {
        let keep = in_string || !byte.is_ascii_whitespace();
        in_string ^= *byte == b'"' && !escaped;
        escaped = in_string && *byte == b'\\' && !escaped;
        keep
    };
    text.iter().copied().filter(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::compact_json;

    #[test]
    fn only_white_space_between_parts_goes() {
        let text = br#"{ "a b": [1.50, "x \" y\\", "\\\" z" ],
            "c" : null }"#;
        assert_eq!(compact_json(text), br#"{"a b":[1.50,"x \" y\\","\\\" z"],"c":null}"#);
    }
}
