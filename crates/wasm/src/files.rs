//! A model's files as JavaScript has them: on a server, in the browser's own storage, dropped on a page, on a disk.

use std::io;
use std::ops::Range;

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use wembed_model::Files;

use crate::error::said;

#[wasm_bindgen]
extern "C" {
    /// `ModelFiles` of `js/files/files.ts`.
    #[derive(Debug, Clone)]
    pub type JsFiles;

    /// The file's size in bytes; undefined where there is no such file.
    #[wasm_bindgen(method, catch)]
    async fn size(this: &JsFiles, path: &str) -> Result<JsValue, JsValue>;

    /// The file's bytes from `start` up to `end`.
    #[wasm_bindgen(method, catch)]
    async fn read(this: &JsFiles, path: &str, start: f64, end: f64) -> Result<JsValue, JsValue>;
}

impl Files for JsFiles {
    async fn size(&self, path: &str) -> io::Result<Option<u64>> {
        let size = JsFiles::size(self, path).await.map_err(failed)?;
        if size.is_undefined() {
            return Ok(None);
        }
        let size = size.as_f64().filter(|size| size.fract() == 0.0 && (0.0..=MOST).contains(size));
        size.map(|size| Some(size as u64)).ok_or_else(|| io::Error::other("its size is no whole number"))
    }

    async fn read<'a>(&'a self, path: &str, range: Range<u64>, buffer: &'a mut Vec<u8>) -> io::Result<&'a [u8]> {
        // A file has at most 2^53 bytes, or it has no size in JavaScript.
        let bytes = JsFiles::read(self, path, range.start as f64, range.end as f64).await.map_err(failed)?;
        let bytes: Uint8Array = bytes.dyn_into().map_err(|_| io::Error::other("what was read is no Uint8Array"))?;
        let length = bytes.length() as usize;
        // One buffer for all pieces: it grows once.
        if buffer.len() < length {
            buffer.reserve_exact(length - buffer.len());
            buffer.resize(length, 0);
        }
        bytes.copy_to(&mut buffer[..length]);
        Ok(&buffer[..length])
    }

    fn mapped(&self) -> bool {
        false
    }
}

/// The largest whole number that JavaScript counts to.
const MOST: f64 = 9_007_199_254_740_991.0;

fn failed(thrown: JsValue) -> io::Error {
    io::Error::other(said(&thrown))
}
