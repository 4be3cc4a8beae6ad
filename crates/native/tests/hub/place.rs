//! A hub with a model and an empty cache, and what must hold of the cache whatever happened.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use assert_cmd::Command;
use tempfile::TempDir;
use wembed::hub::{Error, Event, Hub, ModelId, Revision, Settings, Token};

use crate::models::model;
use crate::run::{finish, json_lines, run, vector, wembed};
use crate::server::{Server, etag};

/// The model that is served.
pub const ID: &str = "tests/mpnet";

/// The file that is large.
pub const WEIGHTS: &str = "model.safetensors";

pub struct Place {
    pub server: Server,
    /// What HF_HOME is.
    pub home: TempDir,
    pub notes: RefCell<Vec<String>>,
    source: String,
}

impl Place {
    /// A hub with the tiny MPNet model.
    pub fn new() -> Self {
        Self::with("mpnet")
    }

    /// A hub with a tiny model.
    pub fn with(name: &str) -> Self {
        let place = Self {
            server: Server::start(),
            home: TempDir::new().expect("there is room"),
            notes: RefCell::default(),
            source: model(name),
        };
        place.server.add(ID, Path::new(&place.source));
        place
    }

    pub fn settings(&self) -> Settings {
        Settings {
            endpoint: self.server.address.clone(),
            cache: self.cache(),
            token: Token::parse("hf_secret"),
            offline: false,
            patience: Duration::from_millis(1),
            silence: Duration::from_secs(20),
        }
    }

    pub fn cache(&self) -> PathBuf {
        self.home.path().join("hub")
    }

    /// The model's own folder in the cache.
    pub fn folder(&self) -> PathBuf {
        self.cache().join("models--tests--mpnet")
    }

    /// The weights' bytes.
    pub fn weights(&self) -> Vec<u8> {
        fs::read(Path::new(&self.source).join(WEIGHTS)).expect("the model has weights")
    }

    /// Where the weights are while they come.
    pub fn incomplete(&self) -> PathBuf {
        self.folder().join("blobs").join(format!("{}.incomplete", etag(WEIGHTS, &self.weights())))
    }

    /// Pulls by the library; what it notes is kept.
    pub fn pull(&self) -> Result<PathBuf, Error> {
        self.pull_by(self.settings())
    }

    pub fn pull_by(&self, settings: Settings) -> Result<PathBuf, Error> {
        let observe = |event: Event<'_>| {
            if let Event::Note(note) = event {
                self.notes.borrow_mut().push(note);
            }
        };
        let pulled = Hub::new(settings).pull(&ModelId::parse(ID).expect("a name"), &Revision::default(), &observe);
        self.check();
        pulled
    }

    /// The message of a pull that must fail, with all of `parts`.
    pub fn refused(&self, parts: &[&str]) -> String {
        let error = format!("{:#}", anyhow::Error::from(self.pull().expect_err("it must fail")));
        assert!(!error.contains("hf_secret"), "{error}");
        for part in parts {
            assert!(error.contains(part), "expected {part:?} in {error:?}");
        }
        error
    }

    /// Some note has all of `parts`.
    pub fn noted(&self, parts: &[&str]) {
        let notes = self.notes.borrow();
        let has = |note: &String| parts.iter().all(|part| note.contains(part));
        assert!(notes.iter().any(has), "expected {parts:?} in {notes:?}");
    }

    /// The binary with this hub and cache.
    pub fn wembed(&self, arguments: &[&str]) -> Command {
        let mut command = wembed(arguments);
        command.env_remove("HF_HUB_OFFLINE").env("HF_HOME", self.home.path()).env("HF_ENDPOINT", &self.server.address);
        command
    }

    /// The binary embeds by the model's name as it does by the directory, and the hub is not asked.
    pub fn works(&self) {
        self.server.requests();
        let text = ["embed", "--device", "cpu", "hello world", "--model"];
        let object = |line: String| vector(&json_lines(&line)[0]);
        let expected = object(run(&[&text[..], &[&self.source]].concat()).good());
        let run = finish(&mut self.wembed(&[&text[..], &[ID]].concat()));
        assert_eq!(run.stderr, "");
        assert_eq!(object(run.good()), expected);
        let requests = self.server.requests();
        assert!(requests.is_empty(), "{requests:?}");
        self.check();
    }

    /// Every blob has the bytes of its name, and every file of a snapshot is a blob's.
    pub fn check(&self) {
        for (path, bytes) in files(&self.folder().join("blobs")) {
            if path.extension().is_none() {
                let name = path.file_name().expect("it has a name").to_str().expect("UTF-8");
                let kind = if name.len() == 64 { WEIGHTS } else { "" };
                assert_eq!(etag(kind, &bytes), name, "a bad blob");
            }
        }
        for (path, bytes) in files(&self.folder().join("snapshots")) {
            let blob = fs::canonicalize(&path).expect("it leads to a blob");
            assert!(blob.starts_with(fs::canonicalize(self.folder()).expect("it is there").join("blobs")), "{path:?}");
            let name = blob.file_name().and_then(|name| name.to_str()).expect("UTF-8");
            let kind = if name.len() == 64 { WEIGHTS } else { "" };
            assert_eq!(etag(kind, &bytes), name, "{path:?}");
        }
    }
}

/// Every file below a folder.
pub fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("the cache can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.clone(), fs::read(&path).expect("it can be read"));
            }
        }
    }
    found
}
