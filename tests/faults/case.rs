//! A case of a table, and what every error must hold to.

use std::error::Error as _;

use pollster::block_on;
use serde_json::{Value, json};
use wembed_kernels::Dtype;
use wembed_kernels::cpu::{self, CpuEngine};
use wembed_kernels::gpu::{Options, Plan};
use wembed_model::{Description, Embedder, Error, Files, LoadOptions, Memory};
use wembed_tests::embedding::options;
use wembed_tests::golden::{change_json, files, folder};

/// Files that must be refused.
pub struct Case {
    /// What is wrong, in words.
    pub name: &'static str,
    /// Which tiny model.
    pub model: &'static str,
    /// Makes it wrong.
    pub change: fn(&mut Memory),
    /// What the error must say, each somewhere in its chain.
    pub says: &'static [&'static str],
}

/// Holds a table's cases, and tells of all that are not as they must be.
#[derive(Default)]
pub struct Faults(Vec<String>);

impl Faults {
    /// Holds one result.
    pub fn hold<T>(&mut self, name: &str, result: Result<T, Error>, says: &[&str]) {
        match result {
            Ok(_) => self.0.push(format!("{name}: was taken")),
            Err(error) => self.hold_message(name, &chain(&error), says),
        }
    }

    /// Holds what must be taken.
    pub fn expect<T>(&mut self, name: &str, result: Result<T, Error>) {
        if let Err(error) = result {
            self.0.push(format!("{name}: was refused: {}", chain(&error)));
        }
    }

    fn hold_message(&mut self, name: &str, message: &str, says: &[&str]) {
        println!("{name}: {message}");
        let missing: Vec<_> = says.iter().filter(|said| !message.contains(*said)).collect();
        if !missing.is_empty() {
            self.0.push(format!("{name}: `{message}` does not say {missing:?}"));
        }
        // A sentence for people: in lower case, of one line, no value as the debugger shows it.
        let first = message.chars().next();
        let is_readable = first.is_some_and(|first| first == '`' || first.is_lowercase())
            && message.chars().count() < 600
            && !["\n", "Some(", "Os {", "Kind", "Error("].iter().any(|debris| message.contains(debris));
        if !is_readable {
            self.0.push(format!("{name}: `{message}` is not for people"));
        }
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.0.is_empty(), "{} faults:\n{}", self.0.len(), self.0.join("\n"));
        }
    }
}

/// An error and its causes, as the command line prints them.
pub fn chain(error: &Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    message
}

/// A tiny model's files.
pub fn model(name: &str) -> Memory {
    files(&folder().join("models").join(name))
}

/// A model's files, changed.
pub fn changed(name: &str, change: impl FnOnce(&mut Memory)) -> Memory {
    let mut files = model(name);
    change(&mut files);
    files
}

/// Sets a key of a JSON file.
pub fn set(files: &mut Memory, path: &str, key: &str, value: Value) {
    change_json(files, path, json!({ key: value }).as_object().expect("an object was written"));
}

/// Changes a JSON file that has any form.
pub fn edit_json(files: &mut Memory, path: &str, change: impl FnOnce(&mut Value)) {
    let bytes = files.get(path).expect("the tiny model has this file");
    let mut json = serde_json::from_slice(bytes).expect("the tiny model's file is JSON");
    change(&mut json);
    files.insert(path, json.to_string());
}

/// Reads all that can be read without a device.
pub fn describe(files: &impl Files) -> Result<(), Error> {
    let description = block_on(Description::read(files))?;
    block_on(description.tokenizer(files)).map(drop)
}

/// The engine that every machine has, with weights held as on a GPU.
pub fn engine() -> CpuEngine {
    processor(Dtype::F16)
}

/// The same with weights held as `dtype`.
pub fn processor(dtype: Dtype) -> CpuEngine {
    CpuEngine::open(cpu::Options { dtype: Some(dtype), ..cpu::Options::default() })
        .expect("every processor has this type")
}

/// One variant of each of a GPU's kernels, so that opening compares nothing.
pub fn fast() -> Options {
    Options { linear: Plan::only("tiled"), ..options() }
}

/// Loads a model.
pub fn load<F: Files>(files: F) -> Result<Embedder<CpuEngine, F>, Error> {
    block_on(Embedder::load(engine(), files, LoadOptions::default()))
}

/// Holds a table's cases to refusals without a device.
pub fn hold_described(cases: &[Case]) {
    let mut faults = Faults::default();
    for case in cases {
        faults.hold(case.name, describe(&changed(case.model, case.change)), case.says);
    }
}

/// Holds a table's cases to refusals by the whole of loading.
pub fn hold_loaded(cases: &[Case]) {
    let mut faults = Faults::default();
    for case in cases {
        let loaded = load(changed(case.model, case.change));
        faults.hold(case.name, loaded, case.says);
    }
}
