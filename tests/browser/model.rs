//! What the page's calls give, and models to give them.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use wembed_tests::golden::{Expected, Variant, variant_files};

use crate::browser::{Done, Job};

/// What `embed` gives.
#[derive(Debug, Deserialize)]
pub struct Embeddings {
    data: String,
    dims: usize,
    pub tokens: Vec<usize>,
    pub truncated: Vec<bool>,
    pub errors: Vec<Option<String>>,
}

/// What `tokenize` gives.
#[derive(Debug, Deserialize)]
pub struct Tokens {
    pub ids: Vec<u32>,
    pub truncated: bool,
}

/// What `info` gives, as far as it is looked at here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    pub form: String,
    pub storage: String,
    pub device: Device,
    pub kernels: Vec<Value>,
    pub devices_replaced: u64,
}

/// What computes.
#[derive(Debug, Deserialize)]
#[serde(tag = "engine", rename_all = "lowercase")]
pub enum Device {
    Gpu { software: bool },
    Cpu { instructions: String, threads: usize },
}

impl Embeddings {
    /// Each text's vector, bit by bit.
    pub fn bits(&self) -> Vec<Vec<u32>> {
        let word = |eight: &[u8]| {
            let hex = std::str::from_utf8(eight).expect("hex is ASCII");
            u32::from_str_radix(hex, 16).expect("vectors come as hex").swap_bytes()
        };
        let words: Vec<u32> = self.data.as_bytes().chunks_exact(8).map(word).collect();
        assert_eq!(words.len(), self.dims * self.tokens.len(), "one vector a text");
        words.chunks_exact(self.dims).map(<[u32]>::to_vec).collect()
    }

    /// Each text's vector.
    pub fn vectors(&self) -> Vec<Vec<f32>> {
        self.bits().into_iter().map(|vector| vector.into_iter().map(f32::from_bits).collect()).collect()
    }
}

/// The call that embeds `texts`.
pub fn embed<S: AsRef<str>>(texts: &[S], options: Value) -> Value {
    let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    json!(["embed", texts, options])
}

/// A job that embeds and tokenises all of `expected`'s texts, put in front of them what the model puts there.
pub fn expecting(directory: &Path, expected: &Expected, prompt: &str) -> Job {
    let mut job = Job::new(directory);
    job.calls.push(json!(["info"]));
    let options = expected.prompt_name.as_ref().map_or(json!({}), |name| json!({ "promptName": name }));
    job.calls.push(embed(&expected.texts, options));
    job.calls.extend(expected.texts.iter().map(|text| json!(["tokenize", format!("{prompt}{text}")])));
    job
}

/// The vectors that such a job gave, once ids, counts and flags are what is expected.
pub fn expected_vectors(done: &Done, expected: &Expected) -> Result<Vec<Vec<f32>>, String> {
    if let Some(error) = &done.error {
        return Err(error.clone());
    }
    let [_, embeddings, tokens @ ..] = done.results.as_slice() else { return Err("no results".to_owned()) };
    for (index, outcome) in tokens.iter().enumerate() {
        let Tokens { ids, truncated } = outcome.get()?;
        expected.hold_tokens(index, &ids, truncated)?;
    }
    let embeddings: Embeddings = embeddings.get()?;
    for (index, (&tokens, &truncated)) in embeddings.tokens.iter().zip(&embeddings.truncated).enumerate() {
        expected.hold_counts(index, tokens, truncated)?;
    }
    match embeddings.errors.iter().flatten().next() {
        Some(error) => Err(error.clone()),
        None => Ok(embeddings.vectors()),
    }
}

/// A folder of its own for a model that a test changes, empty.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser").join(name.replace([' ', ','], "-"));
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Copies a model's directory.
pub fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A variant's files in a folder of its own.
pub fn variant(variant: &Variant, name: &str) -> PathBuf {
    let folder = folder(name);
    copy(&wembed_tests::golden::folder().join("models").join(&variant.model), &folder);
    let files = variant_files(variant);
    for path in variant.changes.keys() {
        std::fs::write(folder.join(path), files.get(path).expect("what was changed is there")).unwrap();
    }
    folder
}
