//! XLM-R's tokenizer, whole, on real sentences of 150 languages: where WEMBED_SHARED says that they are.
//!
//! 20,000 in the ordinary run; `WEMBED_SENTENCES=1000000 cargo test --package wembed-tests --test tokenizer shared` takes a
//! million.

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};

use ruzstd::decoding::StreamingDecoder;

use crate::Pair;

/// How many there are in all, near enough.
const ALL: usize = 1_480_000;

/// How many the ordinary run takes, spread over all.
const SOME: usize = 20_000;

/// The folder of shared data. Its absence is no failure.
pub fn folder() -> Option<PathBuf> {
    Some(wembed_tests::shared::folder("no real tokenizer")?.join("data"))
}

/// XLM-R's tokenizer.json.
pub fn xlm_roberta(folder: &Path) -> Vec<u8> {
    std::fs::read(folder.join("tokenizers/xlm-roberta/tokenizer.json")).unwrap()
}

/// The texts of a file, whose first column is a language.
fn texts(path: &Path) -> impl Iterator<Item = String> + use<> {
    let file = StreamingDecoder::new(std::fs::File::open(path).unwrap()).unwrap();
    let file: Box<dyn Read> = Box::new(file);
    let lines = BufReader::new(file).lines().map(Result::unwrap);
    lines.flat_map(|line| line.split('\t').skip(1).map(str::to_owned).collect::<Vec<_>>())
}

#[test]
fn shared_sentences_give_the_same_ids() {
    let Some(folder) = folder() else { return };
    let count = std::env::var("WEMBED_SENTENCES").map_or(SOME, |count| count.parse().unwrap());
    let pair = Pair::new(&xlm_roberta(&folder));
    let files = ["common-voice-cc0.tsv.zst", "tatoeba-parallel.tsv.zst"];
    let mut sentences = files
        .iter()
        .flat_map(|file| texts(&folder.join("text").join(file)))
        .step_by((ALL / count).max(1))
        .take(count)
        .peekable();
    let (mut held, mut ids) = (0, 0);
    while sentences.peek().is_some() {
        let batch: Vec<String> = sentences.by_ref().take(4096).collect();
        ids += pair.hold(&batch.iter().map(String::as_str).collect::<Vec<_>>());
        held += batch.len();
    }
    println!("{held} sentences, {ids} ids");
    assert_eq!(held, count);
    assert!(ids > 8 * count, "{ids} ids");
}
