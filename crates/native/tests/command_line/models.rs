//! The tiny models of tests/golden, and copies with changes.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tempfile::TempDir;

/// Their names.
pub const NAMES: [&str; 3] = ["mpnet", "xlm-roberta", "bert"];

/// tests/golden.
pub fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden")
}

/// A tiny model's directory.
pub fn model(name: &str) -> String {
    text(golden().join("models").join(name))
}

/// What golden.json says of a tiny model.
pub fn expected(name: &str) -> Value {
    let bytes = fs::read(golden().join("golden.json")).expect("the golden file is in the repository");
    let mut golden: Value = serde_json::from_slice(&bytes).expect("the golden file is JSON");
    let models = golden["models"].as_array_mut().expect("it lists models");
    models.iter_mut().find(|model| model["name"] == name).expect("it lists the model").take()
}

/// A copy of a tiny model that a test may spoil.
pub struct Copied(TempDir);

impl Copied {
    pub fn of(name: &str) -> Self {
        Self::at(Path::new(&model(name)))
    }

    pub fn at(place: &Path) -> Self {
        let folder = TempDir::new().expect("there is room for a tiny model");
        copy(place, folder.path());
        Self(folder)
    }

    pub fn path(&self) -> String {
        text(self.0.path().to_owned())
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Leaves WordPiece no token for what it does not know: an error for just these texts.
    pub fn forget_unknown_words(&self) {
        let path = self.file("tokenizer.json");
        let tokenizer = fs::read_to_string(&path).expect("the model has the file");
        let spoiled = tokenizer.replace(r#""unk_token": "[UNK]""#, r#""unk_token": "nothing""#);
        assert_ne!(spoiled, tokenizer);
        fs::write(path, spoiled).expect("the copy can be written");
    }

    /// Sets a key of a JSON file.
    pub fn set(&self, file: &str, key: &str, value: impl Into<Value>) {
        let path = self.file(file);
        let bytes = fs::read(&path).expect("the model has the file");
        let mut object: Map<String, Value> = serde_json::from_slice(&bytes).expect("the file is a JSON object");
        object.insert(key.to_owned(), value.into());
        fs::write(path, Value::Object(object).to_string()).expect("the copy can be written");
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a model's directory can be listed") {
        let entry = entry.expect("a model's directory can be listed");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&to).expect("the copy can be written");
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("the copy can be written");
        }
    }
}

/// A path as an argument.
pub fn text(path: PathBuf) -> String {
    path.into_os_string().into_string().expect("paths of tests are UTF-8")
}
