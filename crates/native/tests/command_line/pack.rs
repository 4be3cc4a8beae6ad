//! `wembed pack`: a model as the web is served it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::models::{Copied, model, text};
use crate::run::{Run, json_lines, run, vector};

/// Texts of several scripts, and one that has tokens of none.
const TEXTS: [&str; 5] = ["a little test", "Übung macht den Meister", "проверка", "测试 中文", "1, 2; 3"];

/// A folder for packed models.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::new().expect("there is room for a tiny model"))
    }

    fn path(&self, name: &str) -> String {
        text(self.0.path().join(name))
    }
}

fn pack(of: &str, to: &str, words: &[&str]) -> Run {
    run(&[&["pack", of, to, "--format", "json"], words].concat())
}

fn object(run: Run) -> Value {
    serde_json::from_str(&run.good()).expect("the answer is JSON")
}

fn vectors(model: &str, words: &[&str]) -> Vec<Vec<f32>> {
    let output = run(&[&["embed", "--format", "jsonl", "--model", model, "--device", "cpu"], words, &TEXTS].concat());
    json_lines(&output.good()).iter().map(vector).collect()
}

fn fingerprint(model: &str) -> String {
    let answer = object(run(&["verify", model, "--device", "cpu", "--format", "json"]));
    answer["fingerprint"].as_str().expect("it is there").to_owned()
}

/// Rows of f16 stay what they are: whichever pack a row is in and wherever the table lives, the vectors have the same bits and the
/// model the same fingerprint.
#[test]
fn rows_in_f16_give_the_same_vectors() {
    for name in ["mpnet", "xlm-roberta", "bert", "roberta"] {
        let (place, original) = (Place::new(), model(name));
        let packed = place.path("packed");
        let said = object(pack(&original, &packed, &["--rows", "f16"]));
        assert_eq!(said["off"], 0.0, "{name}");
        let expected = vectors(&original, &[]);
        for words in [&[][..], &["--vocabulary", "host"], &["--vocabulary", "device"]] {
            assert_eq!(vectors(&packed, words), expected, "{name} {words:?}");
        }
        assert_eq!(fingerprint(&packed), fingerprint(&original), "{name}");
    }
}

/// Texts say which rows a language needs, and int8 is near f16.
#[test]
fn rows_in_int8_by_language() {
    let (place, original) = (Place::new(), model("xlm-roberta"));
    let (packed, german, russian) = (place.path("packed"), place.path("de.txt"), place.path("ru.txt"));
    fs::write(&german, "Übung macht den Meister\nein kleiner Test\n").expect("there is room");
    fs::write(&russian, "проверка слова\n").expect("there is room");
    let texts = [format!("de={german}"), format!("ru={russian}")];
    let said = object(pack(&original, &packed, &["--texts", &texts[0], "--texts", &texts[1]]));
    let off = said["off"].as_f64().expect("it is a number");
    assert!(off > 0.0 && off < 1e-3, "{off}");
    let packs = said["packs"].as_array().expect("they are listed");
    let languages: Vec<_> = packs.iter().filter_map(|pack| pack["language"].as_str()).collect();
    assert_eq!(languages, ["de", "ru"]);
    // Every file is as pack.json says.
    let files = said["files"].as_object().expect("they are listed");
    for (path, known) in files {
        let bytes = fs::read(Path::new(&packed).join(path)).expect("it is there");
        let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((&known["size"], &known["sha256"]), (&json!(bytes.len()), &json!(sha256)), "{path}");
    }
    // The same again is the same bytes.
    let again = place.path("again");
    let twice = object(pack(&original, &again, &["--texts", &texts[0], "--texts", &texts[1]]));
    assert_eq!(twice["files"], said["files"]);
    // With one language alone special tokens and digits are everybody's, too.
    let german = object(pack(&original, &place.path("german"), &["--texts", &texts[0]]));
    assert_eq!(german["packs"][0]["script"], "Zyyy");
    let rows: u64 = packs.iter().filter_map(|pack| pack["rows"].as_u64()).sum();
    let info = object(run(&["info", &packed, "--format", "json"]));
    assert_eq!(info["vocabulary_size"], rows);
    assert_eq!(info["parameters"], object(run(&["info", &original, "--format", "json"]))["parameters"]);
    assert!(info["files"]["vocabulary/de.safetensors"].is_u64(), "{info}");
    assert_ne!(fingerprint(&packed), fingerprint(&original));
    run(&["info", &packed]).good();
}

#[test]
fn what_cannot_be_packed() {
    let (place, original) = (Place::new(), model("mpnet"));
    let (packed, texts, empty) = (place.path("packed"), place.path("missing.txt"), place.path("empty.txt"));
    fs::write(&empty, "").expect("there is room");
    pack(&original, &original, &[]).bad(1, &["is there already"]);
    pack(&original, &packed, &["--texts", "German=x"]).bad(2, &["--texts", "LANG=FILE"]);
    pack(&original, &packed, &["--texts", &format!("de={texts}")]).bad(1, &[&texts, "could not be opened"]);
    pack(&original, &packed, &["--texts", &format!("de={empty}")]).bad(1, &[&empty, "expected texts"]);
    pack(&original, &packed, &["--texts", "de=a", "--texts", "de=b"]).bad(1, &["one file for `de`"]);
    pack(&original, &packed, &["--pack-size", "0"]).bad(2, &["--pack-size"]);
    pack(&original, &place.path("no/folder"), &[]).bad(1, &["could not be written to"]);
    assert_eq!(fs::read_dir(place.0.path()).expect("it can be listed").count(), 1, "nothing was left behind");
    pack(&original, &packed, &[]).good();
    pack(&packed, &place.path("again"), &[]).bad(1, &["packed already"]);
}

/// A packed model whose files do not belong together is refused, with the file and what is wrong.
#[test]
fn packs_that_do_not_fit() {
    let place = Place::new();
    let packed = place.path("packed");
    pack(&model("mpnet"), &packed, &["--rows", "f16"]).good();
    let broken = |what: &str, spoil: &dyn Fn(&Copied), parts: &[&str]| {
        let copy = Copied::at(Path::new(&packed));
        spoil(&copy);
        let embed = run(&["embed", "a", "--model", &copy.path(), "--device", "cpu"]);
        assert_ne!(embed.code, Some(0), "{what}");
        embed.bad(1, parts);
    };
    let latin = "vocabulary/Latn.safetensors";
    broken("no pack", &|copy| fs::remove_file(copy.file(latin)).expect("it was there"), &[latin, "is missing"]);
    broken(
        "a pack of other rows",
        &|copy| {
            fs::copy(copy.file("vocabulary/Zyyy.safetensors"), copy.file(latin)).expect("both are there");
        },
        &[latin, "shape"],
    );
    let metadata = |from: &'static str, to: &'static str| {
        move |copy: &Copied| {
            assert_eq!(from.len(), to.len(), "the header stays as long as it is");
            let mut bytes = fs::read(copy.file("model.safetensors")).expect("it is there");
            let place =
                bytes.windows(from.len()).position(|part| part == from.as_bytes()).expect("it is in the header");
            bytes[place..place + to.len()].copy_from_slice(to.as_bytes());
            fs::write(copy.file("model.safetensors"), bytes).expect("it can be written");
        }
    };
    let form = |from: &'static str, to: &'static str| metadata(from, to);
    let version = form("\"wembed_pack\":\"1", "\"wembed_pack\":\"2");
    broken("another version", &version, &["`model.safetensors`", "`wembed_pack`", "expected version 1", "`2`"]);
    broken("another type", &form("\\nF16\\n", "\\nF32\\n"), &["F32, as the encoder's file says", "F16"]);
    broken("no numbers", &form("\\nF16\\n", "\\nI64\\n"), &["`wembed_pack`", "I8, F16", "`I64`"]);
    broken("a way out", &form("\\nvocabulary/", "\\n../abulary/"), &["leads out of the model's directory"]);
    broken("fewer packs", &form("\\nvocabulary/Latn", "  vocabulary/Latn"), &["`wembed_pack`", "as the index says"]);
    let index = metadata("word_embeddings.weight_pack\"", "word_embeddings.weight_pick\"");
    broken("no index", &index, &["embeddings.word_embeddings.weight_pack", "shape [580]"]);
}
