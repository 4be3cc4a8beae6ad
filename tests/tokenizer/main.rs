//! wembed's tokenizers against those of `tokenizers`, from the same files.

#![expect(clippy::unwrap_used, reason = "a test that unwraps an error fails and says it")]

mod equal;
mod load;
mod shared;

use std::borrow::Cow;

use pollster::block_on;
use tokenizers::Tokenizer;
use wembed_model::{Description, FileTokenizer, Tokenize as _};
use wembed_tests::golden::{files, folder};

/// Tokenizers of one file: ours, and what it must equal.
pub struct Pair {
    ours: FileTokenizer,
    theirs: Tokenizer,
}

impl Pair {
    /// Both tokenizers of a tokenizer.json.
    pub fn new(json: &[u8]) -> Self {
        let mut theirs = Tokenizer::from_bytes(json).unwrap();
        theirs.with_padding(None);
        theirs.with_truncation(None).unwrap();
        Self { ours: ours(json), theirs }
    }

    /// Holds texts to the same ids, and says how many there were.
    pub fn hold(&self, texts: &[&str]) -> usize {
        let ours = self.ours.encode(&texts.iter().copied().map(Cow::Borrowed).collect::<Vec<_>>());
        let theirs = self.theirs.encode_batch(texts.to_vec(), true).unwrap();
        assert_eq!((ours.len(), theirs.len()), (texts.len(), texts.len()));
        let mut ids = 0;
        for ((text, ours), theirs) in texts.iter().zip(ours).zip(theirs) {
            let ours = ours.unwrap();
            assert_eq!(ours, theirs.get_ids(), "{text:?}");
            ids += ours.len();
        }
        ids
    }
}

/// Our tokenizer of a tokenizer.json. What else the model is does not matter here.
pub fn ours(json: &[u8]) -> FileTokenizer {
    let mut files = files(&folder().join("models/mpnet"));
    files.insert("tokenizer.json", json);
    let description = block_on(Description::read(&files)).unwrap();
    block_on(description.tokenizer(&files)).unwrap()
}
