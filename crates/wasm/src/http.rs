//! A model's files over HTTP: the parts that are asked for, by Range requests.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::rc::Rc;

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, ReadableStreamDefaultReader, ReadableStreamReadResult, RequestInit, Response};
use wembed_model::Files;

use crate::error::{argument, said};

/// Bytes that are asked for first, so that most configuration files need one request.
const OPENING: u64 = 64 << 10;

/// The largest file that is taken, and kept, whole from a server that gives no parts.
const LARGEST_WHOLE: usize = 32 << 20;

#[wasm_bindgen]
extern "C" {
    // The global one: a window, a worker and Node all have it.
    #[wasm_bindgen(catch)]
    fn fetch(url: &str, init: &RequestInit) -> Result<Promise, JsValue>;
}

/// Files below a URL.
#[derive(Debug)]
pub(crate) struct Http {
    top: String,
    /// What the first request for each path found; nothing where there is no such file.
    opened: RefCell<HashMap<String, Option<Rc<Opening>>>>,
}

/// A file's size and its first bytes, or all of them.
#[derive(Debug)]
struct Opening {
    size: u64,
    bytes: Vec<u8>,
}

impl Http {
    pub fn new(url: &str) -> Result<Self, JsError> {
        if url.contains(['?', '#']) {
            return Err(argument("url", "a folder, without `?` and `#`", &format!("`{url}`")));
        }
        Ok(Self { top: url.trim_end_matches('/').to_owned(), opened: RefCell::default() })
    }

    /// The URL of a model's own path, which must stay below the top.
    fn place(&self, path: &str) -> io::Result<String> {
        let mut url = self.top.clone();
        for part in path.split('/') {
            if matches!(part, "" | "." | "..") {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!("`{path}` leads out of the model's folder"),
                ));
            }
            url.push('/');
            url.push_str(&String::from(js_sys::encode_uri_component(part)));
        }
        Ok(url)
    }

    /// The file's size and beginning, asked for once.
    async fn open(&self, path: &str) -> io::Result<Option<Rc<Opening>>> {
        if let Some(known) = self.opened.borrow().get(path) {
            return Ok(known.clone());
        }
        let opening = opening(&self.place(path)?).await?.map(Rc::new);
        self.opened.borrow_mut().insert(path.to_owned(), opening.clone());
        Ok(opening)
    }
}

impl Files for Http {
    async fn size(&self, path: &str) -> io::Result<Option<u64>> {
        Ok(self.open(path).await?.map(|opening| opening.size))
    }

    async fn read<'a>(&'a self, path: &str, range: Range<u64>, buffer: &'a mut Vec<u8>) -> io::Result<&'a [u8]> {
        let opening = self.open(path).await?.ok_or(io::ErrorKind::NotFound)?;
        if range.end > opening.size {
            let message = format!("expected at least {} bytes, found {}", range.end, opening.size);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        let length = (range.end - range.start) as usize;
        if range.end <= opening.bytes.len() as u64 {
            buffer.clear();
            buffer.extend_from_slice(&opening.bytes[range.start as usize..][..length]);
            return Ok(buffer);
        }
        let response = request("GET", &self.place(path)?, &range).await?;
        match response.status() {
            206 => {
                if let Some(part) = Part::of(&response)? {
                    part.check(&range, opening.size)?;
                }
                buffer.reserve_exact(length.saturating_sub(buffer.len()));
                let found = body(&response, length, buffer).await?;
                if found != length {
                    return Err(refused(format!("expected {length} bytes from {}, found {found}", range.start)));
                }
                Ok(&buffer[..length])
            }
            200 => Err(refused("the server gave a part of it before and now gives the whole of it")),
            status => Err(refused(format!("the server answered {status}"))),
        }
    }

    fn mapped(&self) -> bool {
        false
    }
}

/// Asks for a file's first bytes.
async fn opening(url: &str) -> io::Result<Option<Opening>> {
    let first = 0..OPENING;
    let response = request("GET", url, &first).await?;
    let mut bytes = Vec::new();
    let size = match response.status() {
        404 | 410 => return Ok(None),
        // There is no first byte: the file is empty.
        416 => 0,
        206 => {
            let found = body(&response, OPENING as usize, &mut bytes).await?;
            bytes.truncate(found);
            let size = match Part::of(&response)? {
                Some(Part { size: Some(size), .. }) => size,
                // Another origin that does not say that this header may be read, or a server that does not know.
                _ => size_of_head(url).await?,
            };
            let expected = OPENING.min(size);
            if found as u64 != expected {
                return Err(refused(format!("expected {expected} bytes from 0, found {found}")));
            }
            size
        }
        200 => {
            let found = body(&response, LARGEST_WHOLE, &mut bytes).await.map_err(|error| match error.kind() {
                io::ErrorKind::FileTooLarge => refused(format!(
                    "the server does not answer Range requests, without which a file may have at most {LARGEST_WHOLE} bytes"
                )),
                _ => error,
            })?;
            bytes.truncate(found);
            bytes.shrink_to_fit();
            found as u64
        }
        status => return Err(refused(format!("the server answered {status}"))),
    };
    Ok(Some(Opening { size, bytes }))
}

/// The file's size as the server says it without sending the file. With a range of all of it, no compression is applied
/// that would make this the length of something else.
async fn size_of_head(url: &str) -> io::Result<u64> {
    let response = request("HEAD", url, &(0..u64::MAX)).await?;
    let length = response.headers().get("content-length").map_err(|thrown| refused(said(&thrown)))?;
    length.and_then(|length| length.parse().ok()).ok_or_else(|| refused("the server does not say how long it is"))
}

/// Sends a request for a range, to the file's end where that is `u64::MAX`.
async fn request(method: &str, url: &str, range: &Range<u64>) -> io::Result<Response> {
    let failed = |thrown: JsValue| refused(said(&thrown));
    let headers = Headers::new().map_err(failed)?;
    let last = if range.end == u64::MAX { String::new() } else { (range.end - 1).to_string() };
    headers.set("range", &format!("bytes={}-{last}", range.start)).map_err(failed)?;
    let init = RequestInit::new();
    init.set_method(method);
    init.set_headers(&headers);
    let answer = JsFuture::from(fetch(url, &init).map_err(failed)?).await.map_err(failed)?;
    Ok(answer.unchecked_into())
}

/// Reads a body into the beginning of `buffer`, chunk by chunk; gives its length. A body of more than `most` bytes is
/// [`io::ErrorKind::FileTooLarge`].
async fn body(response: &Response, most: usize, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let failed = |thrown: JsValue| refused(format!("the connection broke: {}", said(&thrown)));
    let Some(stream) = response.body() else { return Ok(0) };
    let reader = ReadableStreamDefaultReader::new(&stream).map_err(failed)?;
    let mut filled = 0;
    loop {
        let result: ReadableStreamReadResult = JsFuture::from(reader.read()).await.map_err(failed)?.unchecked_into();
        if result.get_done() == Some(true) {
            return Ok(filled);
        }
        let chunk: Uint8Array = result.get_value().unchecked_into();
        let end = filled + chunk.length() as usize;
        if end > most {
            // Its outcome does not matter: the body is not wanted any more.
            let _ = reader.cancel();
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than the expected {most} bytes")));
        }
        if buffer.len() < end {
            buffer.resize(end, 0);
        }
        chunk.copy_to(&mut buffer[filled..end]);
        filled = end;
    }
}

/// What a `Content-Range` header says.
struct Part {
    range: Range<u64>,
    size: Option<u64>,
}

impl Part {
    /// Of a response; nothing where the header is not there or may not be read.
    fn of(response: &Response) -> io::Result<Option<Self>> {
        let header = response.headers().get("content-range").map_err(|thrown| refused(said(&thrown)))?;
        let malformed = |header: &str| refused(format!("malformed Content-Range `{header}`"));
        header.map(|header| Self::parse(&header).ok_or_else(|| malformed(&header))).transpose()
    }

    /// `bytes FIRST-LAST/SIZE`, where SIZE may be `*`.
    fn parse(header: &str) -> Option<Self> {
        let (range, size) = header.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let size = if size == "*" { None } else { Some(size.parse().ok()?) };
        Some(Self { range: first.parse().ok()?..last.parse::<u64>().ok()?.checked_add(1)?, size })
    }

    fn check(&self, wanted: &Range<u64>, size: u64) -> io::Result<()> {
        if self.range != *wanted {
            return Err(refused(format!("expected bytes {wanted:?}, the server sent {:?}", self.range)));
        }
        match self.size {
            Some(found) if found != size => {
                Err(refused(format!("it changed on the server: expected {size} bytes, found {found}")))
            }
            _ => Ok(()),
        }
    }
}

fn refused(message: impl Into<String>) -> io::Error {
    io::Error::other(message.into())
}

#[cfg(test)]
mod tests {
    use super::Part;

    #[test]
    fn content_ranges_are_read_exactly() {
        let read = |header| Part::parse(header).map(|part| (part.range, part.size));
        assert_eq!(read("bytes 0-65535/90868376"), Some((0..65536, Some(90868376))));
        assert_eq!(read("bytes 5-5/*"), Some((5..6, None)));
        for header in ["", "bytes */0", "items 0-1/2", "bytes 0-1", "bytes 1-/2", "bytes 0-18446744073709551615/2"] {
            assert_eq!(read(header), None, "{header}");
        }
    }
}
