//! Reading that fails in the middle, and paths that lead astray.

use std::cell::{Cell, RefCell};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use pollster::block_on;
use wembed::Directory;
use wembed_kernels::Engine;
use wembed_model::{EmbedOptions, Embedder, Error, Files, LoadOptions, Memory, Placement};
use wembed_tests::device::open;
use wembed_tests::embedding::embed;
use wembed_tests::golden::{Golden, folder, read};

use crate::case::{Faults, chain, changed, describe, edit_json, engine, fast, load, model};

/// How a read goes wrong.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// The disk or the network says no.
    Refused,
    /// Fewer bytes than were asked for.
    Short,
    /// None at all.
    Empty,
    /// More bytes than were asked for.
    Long,
}

/// Files of which one read or one look at a size goes wrong, counted from here.
struct Faulty {
    inner: Memory,
    mapped: bool,
    fault: Fault,
    /// Reads until then.
    good: Cell<Option<usize>>,
    /// What the fault hit.
    path: RefCell<Option<String>>,
}

impl Faulty {
    fn new(inner: Memory, fault: Fault, good: Option<usize>) -> Self {
        Self { inner, mapped: false, fault, good: Cell::new(good), path: RefCell::default() }
    }

    /// Whether this call is the one.
    fn is_due(&self, path: &str) -> bool {
        let good = self.good.get();
        self.good.set(good.and_then(|good| good.checked_sub(1)));
        let due = good == Some(0);
        if due {
            self.path.replace(Some(path.to_owned()));
        }
        due
    }
}

impl Files for Faulty {
    async fn size(&self, path: &str) -> io::Result<Option<u64>> {
        match self.fault {
            Fault::Refused if self.is_due(path) => Err(io::Error::other("the disk is on fire")),
            _ => self.inner.size(path).await,
        }
    }

    async fn read<'a>(&'a self, path: &str, range: Range<u64>, buffer: &'a mut Vec<u8>) -> io::Result<&'a [u8]> {
        if !self.is_due(path) {
            return self.inner.read(path, range, buffer).await;
        }
        let mut bytes = self.inner.read(path, range, &mut Vec::new()).await?.to_vec();
        match self.fault {
            Fault::Refused => return Err(io::Error::other("the disk is on fire")),
            Fault::Short => drop(bytes.pop()),
            Fault::Empty => bytes.clear(),
            Fault::Long => bytes.push(0),
        }
        *buffer = bytes;
        Ok(buffer)
    }

    fn mapped(&self) -> bool {
        self.mapped
    }
}

/// Holds an error of a read that went wrong.
fn hold(faults: &mut Faults, name: &str, files: &Faulty, error: Error) {
    let hit = files.path.borrow().clone().expect("the fault was due");
    let why = if matches!(files.fault, Fault::Refused) { "the disk is on fire" } else { "expected" };
    faults.hold(name, Err::<(), _>(error), &[&format!("`{hit}` could not be read"), why]);
}

/// Every read and every look at a size of a load, one after the other.
#[test]
fn every_read_of_the_small_files() {
    let mut faults = Faults::default();
    for fault in [Fault::Refused, Fault::Short, Fault::Empty, Fault::Long] {
        let mut good = 0;
        loop {
            let files = Faulty::new(model("bert"), fault, Some(good));
            match describe(&files) {
                Err(error) => hold(&mut faults, &format!("{fault:?} after {good}"), &files, error),
                Ok(()) => break,
            }
            good += 1;
        }
        assert!(good > 5, "there are files to read");
    }
}

#[test]
fn every_read_of_the_weights() {
    let mut faults = Faults::default();
    for (fault, step) in [(Fault::Refused, 1), (Fault::Short, 3), (Fault::Empty, 5), (Fault::Long, 7)] {
        let mut good = 0;
        loop {
            let engine = engine();
            let files = Faulty::new(model("xlm-roberta"), fault, Some(good));
            // By reference, to see afterwards what was hit.
            match block_on(Embedder::load(engine, Shared(&files), LoadOptions::default())) {
                Err(error) => hold(&mut faults, &format!("{fault:?} after {good}"), &files, error),
                Ok(_) => break,
            }
            good += step;
        }
        assert!(good > 40, "there are tensors to read");
    }
}

struct Shared<'f>(&'f Faulty);

impl Files for Shared<'_> {
    async fn size(&self, path: &str) -> io::Result<Option<u64>> {
        self.0.size(path).await
    }

    async fn read<'a>(&'a self, path: &str, range: Range<u64>, buffer: &'a mut Vec<u8>) -> io::Result<&'a [u8]> {
        self.0.read(path, range, buffer).await
    }

    fn mapped(&self) -> bool {
        self.0.mapped()
    }
}

fn load_faulty<E: Engine>(engine: E, files: &Faulty) -> Embedder<E, Shared<'_>> {
    let options = LoadOptions { vocabulary: Placement::Host, ..LoadOptions::default() };
    block_on(Embedder::load(engine, Shared(files), options)).unwrap()
}

/// Rows of the word table that are read for a batch: the call fails, and the next one works.
#[test]
fn reads_of_words() {
    let golden: Golden = read("golden.json");
    let texts = &golden.models.iter().find(|model| model.name == "bert").unwrap().expected.texts;
    let small = EmbedOptions { batch_tokens: Some(100), ..EmbedOptions::default() };
    let mut faults = Faults::default();
    for fault in [Fault::Refused, Fault::Short] {
        // In the first batch, and when others are on the device.
        for good in [0, 1, 50, 200] {
            let files = Faulty::new(model("bert"), fault, None);
            let mut embedder = load_faulty(engine(), &files);
            files.good.set(Some(good));
            let error = block_on(embedder.embed(texts, &small)).unwrap_err();
            assert!(!error.is_text());
            hold(&mut faults, &format!("{fault:?} after {good}"), &files, error);
            let again = embed(&mut embedder, texts, &small).unwrap();
            let mut healthy = load(model("bert")).unwrap();
            assert_eq!(again, embed(&mut healthy, texts, &small).unwrap());
        }
    }
}

/// A lost device whose replacement cannot read the weights: an error, and the next call tries again.
#[test]
fn reads_for_a_new_device() {
    let files = Faulty::new(model("bert"), Fault::Refused, None);
    let Some(engine) = open(fast()) else { return };
    let mut embedder = load_faulty(engine, &files);
    let texts = ["a text", "and another"];
    let expected = embed(&mut embedder, &texts, &EmbedOptions::default()).unwrap();
    embedder.engine().device().destroy();
    files.good.set(Some(10));
    let error = block_on(embedder.embed(&texts, &EmbedOptions::default())).unwrap_err();
    hold(&mut Faults::default(), "the new device", &files, error);
    assert_eq!(embed(&mut embedder, &texts, &EmbedOptions::default()).unwrap(), expected);
    assert_eq!(embedder.devices_replaced(), 1);
}

/// A copy of a tiny model where nothing else is.
fn copy(name: &str, files: &Memory) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults").join(name);
    let _ = std::fs::remove_dir_all(&root);
    let source = folder().join("models/xlm-roberta");
    for path in ["0_Transformer", "1_Pooling", ""].into_iter().flat_map(|folder| list(&source, folder)) {
        let target = root.join("model").join(&path);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        if let Some(bytes) = files.get(&path) {
            std::fs::write(target, bytes).unwrap();
        }
    }
    // What must not be read: beside the model, another one.
    std::fs::create_dir_all(root.join("outside")).unwrap();
    std::fs::write(root.join("outside/config.json"), "{}").unwrap();
    root.join("model")
}

fn list(source: &Path, folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(source.join(folder)).unwrap().map(|entry| entry.unwrap());
    let files = entries.filter(|entry| entry.path().is_file());
    files.map(|entry| Path::new(folder).join(entry.file_name()).to_str().unwrap().to_owned()).collect()
}

/// A model's files lie in its directory.
#[test]
fn paths_that_lead_out_of_the_directory() {
    let absolute = copy("absolute", &model("xlm-roberta")).parent().unwrap().join("outside");
    let mut faults = Faults::default();
    for (index, path) in
        ["../outside", "0_Transformer/../../outside", "..", absolute.to_str().unwrap(), "/"].into_iter().enumerate()
    {
        for module in 0..2 {
            let files = changed("xlm-roberta", |files| {
                edit_json(files, "modules.json", |json| json[module]["path"] = path.into());
            });
            let directory = Directory::open(copy(&format!("{index}-{module}"), &files)).unwrap();
            let says = [&format!("`{path}/config.json` could not be read"), "leads out of the model's directory"];
            faults.hold(&format!("{path} of module {module}"), describe(&directory), &says.map(|said| said));
        }
    }
    let index = "0_Transformer/model.safetensors.index.json";
    let files = changed("xlm-roberta", |files| {
        edit_json(files, index, |json| json["weight_map"]["roberta.x"] = "../../outside/config.json".into());
    });
    let directory = Directory::open(copy("shard", &files)).unwrap();
    let engine = engine();
    let loaded = block_on(Embedder::load(engine, directory, LoadOptions::default()));
    faults.hold(
        "a shard",
        loaded,
        &["`0_Transformer/../../outside/config.json`", "leads out of the model's directory"],
    );
}

#[test]
fn directories_that_are_none() {
    let root = copy("none", &model("xlm-roberta"));
    assert!(Directory::open(root.join("config.json")).is_err());
    assert!(Directory::open(root.join("modules.json")).is_err(), "a file is no directory");
    // A directory where a file should be.
    std::fs::remove_file(root.join("0_Transformer/config.json")).unwrap();
    std::fs::create_dir(root.join("0_Transformer/config.json")).unwrap();
    let error = describe(&Directory::open(&root).unwrap()).unwrap_err();
    assert!(error.is_missing_file(), "{}", chain(&error));
    // Nothing but a directory.
    let empty = root.join("empty");
    std::fs::create_dir(&empty).unwrap();
    let mut faults = Faults::default();
    faults.hold("empty", describe(&Directory::open(&empty).unwrap()), &["`config.json` is missing"]);
}
