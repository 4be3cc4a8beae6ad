//! The golden files: texts, ids and vectors by Hugging Face's own code, made by `golden/make_golden.py`.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};
use wembed_model::Memory;

/// golden.json: tiny models of every architecture.
#[derive(Debug, Deserialize)]
pub struct Golden {
    /// One a tiny model; first mpnet, xlm-roberta and bert.
    pub models: Vec<GoldenModel>,
    /// Those models with a few configuration keys changed.
    pub variants: Vec<Variant>,
}

/// A model's texts and what they must become.
#[derive(Debug, Deserialize)]
pub struct GoldenModel {
    /// Its architecture.
    pub name: String,
    /// Its directory, beside golden.json.
    pub path: String,
    /// What was asked and what must come out.
    #[serde(flatten)]
    pub expected: Expected,
}

/// The built-in model's texts and vectors, which `wembed verify` is held to.
#[derive(Debug, Deserialize)]
pub struct BuiltIn {
    /// What was embedded.
    pub texts: Vec<String>,
    /// sentence-transformers' vectors, in f64 arithmetic on the model's f16 form.
    pub vectors: Vec<Vec<f64>>,
}

impl BuiltIn {
    /// Reads them.
    pub fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/native/src/published/wembed-mini.json");
        let bytes = std::fs::read(path).expect("the file is in the repository");
        serde_json::from_slice(&bytes).expect("it is JSON of this form")
    }
}

/// Texts and what they must become.
#[derive(Debug, Clone, Deserialize)]
pub struct Expected {
    /// What was embedded.
    pub texts: Vec<String>,
    /// Their token ids, after truncation.
    pub ids: Vec<Vec<u32>>,
    /// Whether they were cut.
    pub truncated: Vec<bool>,
    /// Their vectors, in f64 arithmetic.
    pub vectors: Vec<Vec<f64>>,
    /// The prompt that they were asked with, where it is not the model's default.
    pub prompt_name: Option<String>,
}

/// Longer texts cost seconds.
const LONG: usize = 1000;

/// Whether the processor is acted out, so that some of the texts must do: `scripts/check` says so with WEMBED_SLOW.
pub fn is_slow() -> bool {
    std::env::var_os("WEMBED_SLOW").is_some()
}

impl Expected {
    /// All texts; every fourth short one where that is asked for.
    pub fn as_time_allows(self) -> Self {
        if !is_slow() {
            return self;
        }
        let Self { texts, ids, truncated, vectors, prompt_name } = self.without_longest();
        Self {
            texts: texts.into_iter().step_by(4).collect(),
            ids: ids.into_iter().step_by(4).collect(),
            truncated: truncated.into_iter().step_by(4).collect(),
            vectors: vectors.into_iter().step_by(4).collect(),
            prompt_name,
        }
    }

    /// Without the text of thousands of tokens, which is embedded once an engine, not in all its ways.
    pub fn without_longest(mut self) -> Self {
        let mut short = self.ids.iter().map(|ids| ids.len() < LONG).collect::<Vec<_>>().into_iter().cycle();
        let mut keep = || short.next().unwrap_or(true);
        self.texts.retain(|_| keep());
        self.ids.retain(|_| keep());
        self.truncated.retain(|_| keep());
        self.vectors.retain(|_| keep());
        self
    }

    /// Holds what the text `index` was tokenised into.
    ///
    /// # Errors
    /// Where the ids or the flag differ.
    pub fn hold_tokens(&self, index: usize, ids: &[u32], truncated: bool) -> Result<(), String> {
        let (text, wanted, cut) = (&self.texts[index], &self.ids[index], self.truncated[index]);
        if ids != wanted || truncated != cut {
            return Err(format!("{text:?} became {ids:?}, truncated: {truncated}; not {wanted:?}, truncated: {cut}"));
        }
        Ok(())
    }

    /// Holds what is said of the text `index` beside its vector.
    ///
    /// # Errors
    /// Where the number of its tokens or the flag differs.
    pub fn hold_counts(&self, index: usize, tokens: usize, truncated: bool) -> Result<(), String> {
        if tokens != self.ids[index].len() || truncated != self.truncated[index] {
            return Err(format!("{:?} reports {tokens} tokens, truncated: {truncated}", self.texts[index]));
        }
        Ok(())
    }
}

/// A tiny model with changed configuration.
#[derive(Debug, Deserialize)]
pub struct Variant {
    /// What is changed, in words.
    pub name: String,
    /// Which tiny model.
    pub model: String,
    /// File to keys to values.
    pub changes: Map<String, Value>,
    /// What was asked and what must come out.
    #[serde(flatten)]
    pub expected: Expected,
}

/// minilm.json: the real all-MiniLM-L6-v2.
#[derive(Debug, Deserialize)]
pub struct Minilm {
    /// With the weights as they are published.
    #[serde(flatten)]
    pub expected: Expected,
    /// With matrices and tables rounded to f16.
    pub vectors_f16: Vec<Vec<f64>>,
}

/// tests/golden.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// Reads a file of tests/golden.
///
/// # Panics
/// Where it is not there or malformed: the golden files are part of the repository.
pub fn read<T: for<'de> Deserialize<'de>>(name: &str) -> T {
    let bytes = std::fs::read(folder().join(name)).expect("the golden files are in the repository");
    serde_json::from_slice(&bytes).expect("the golden files have their form")
}

/// A directory's files in memory, where tests can change them.
///
/// # Panics
/// Where the directory cannot be read.
pub fn files(directory: &Path) -> Memory {
    let mut files = Memory::default();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a model's directory can be listed") {
            let path = entry.expect("a model's directory can be listed").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(directory).expect("it was listed there").to_str().expect("names are ASCII");
            files.insert(name.replace('\\', "/"), std::fs::read(&path).expect("a model's files can be read"));
        }
    }
    files
}

/// Sets keys of a JSON file; null removes one.
///
/// # Panics
/// Where the file is there and is no JSON object.
pub fn change_json(files: &mut Memory, path: &str, keys: &Map<String, Value>) {
    let old = files.get(path).map_or(Ok(Map::new()), serde_json::from_slice::<Map<String, Value>>);
    let mut object = old.expect("the file is a JSON object");
    for (key, value) in keys {
        object.insert(key.clone(), value.clone());
    }
    files.insert(path, serde_json::to_vec(&object).expect("JSON can be written"));
}

/// A tiny model with a variant's changes.
pub fn variant_files(variant: &Variant) -> Memory {
    let mut files = files(&folder().join("models").join(&variant.model));
    for (path, keys) in &variant.changes {
        change_json(&mut files, path, keys.as_object().expect("changes are objects"));
    }
    files
}
