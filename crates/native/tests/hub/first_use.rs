//! What is fetched, when, and where it is found again.

use std::fs;

use serde_json::{Map, json};

use crate::models::model;
use crate::place::{ID, Place, WEIGHTS, files};
use crate::run::{finish, json_lines, run, vector};
use crate::server::{COMMIT, Request, etag};

#[test]
fn the_first_use_downloads_and_the_second_asks_nobody() {
    let place = Place::new();
    let embed = ["embed", "hello world", "--device", "cpu", "--model", ID];
    let first = finish(&mut place.wembed(&embed));
    let line = format!("wembed: downloading `{ID}` from {} into `{}`\n", place.server.address, place.cache().display());
    assert_eq!(first.stderr, line, "one plain line where there is no terminal");
    let own = run(&["embed", "hello world", "--device", "cpu", "--model", &model("mpnet")]).good();
    assert_eq!(vector(&json_lines(&first.good())[0]), vector(&json_lines(&own)[0]));

    let before = files(place.home.path());
    place.works();
    assert_eq!(files(place.home.path()), before, "what only reads writes nothing");
    let offline = finish(place.wembed(&["info", ID, "--offline"]).env("HF_ENDPOINT", "http://127.0.0.1:1")).good();
    assert_eq!(offline, run(&["info", &model("mpnet")]).good());
}

#[test]
fn only_what_loading_reads_is_fetched() {
    for (name, count) in [("mpnet", 9), ("bert", 10), ("xlm-roberta", 9)] {
        let place = Place::with(name);
        place.pull().expect("the hub is well");
        let asked: Vec<Request> = place.server.requests();
        let resolved = asked.iter().filter(|request| request.target.contains("/resolve/"));
        let paths: Vec<_> = resolved.map(|request| request.target.split("/resolve/").nth(1).expect("a path")).collect();
        assert_eq!(paths.len(), count, "{paths:?}");
        // The index of the shards is with them.
        let is_small = |path: &&str| path.ends_with(".json") && !path.ends_with(".index.json");
        let last_small = paths.iter().rposition(is_small).expect("there are some");
        assert!(paths[..last_small].iter().all(is_small), "weights last: {paths:?}");
        for other in ["onnx", ".bin", ".h5", "README", "vocab.txt", ".git"] {
            assert!(!paths.iter().any(|path| path.contains(other)), "{paths:?}");
        }
        assert!(asked.iter().all(|request| request.method == "GET"), "the list says what a HEAD would");
    }
}

#[test]
fn the_layout_is_hugging_faces() {
    let place = Place::new();
    let path = place.pull().expect("the hub is well");
    let folder = place.folder();
    assert_eq!(path, folder.join("snapshots").join(COMMIT));
    assert_eq!(fs::read_to_string(folder.join("refs/main")).expect("it is there"), COMMIT);
    let blob = etag(WEIGHTS, &place.weights());
    assert!(folder.join("blobs").join(&blob).is_file());
    assert!(place.cache().join(".locks/models--tests--mpnet").join(format!("{blob}.lock")).is_file());
    #[cfg(unix)]
    {
        let target =
            |path: &str| fs::read_link(folder.join("snapshots").join(COMMIT).join(path)).expect("it is a link");
        assert_eq!(target(WEIGHTS), std::path::Path::new("../../blobs").join(&blob));
        assert!(target("1_Pooling/config.json").starts_with("../../../blobs"));
    }
    let xlm = Place::with("xlm-roberta");
    xlm.pull().expect("the hub is well");
    // What loading looks for and this model has not.
    for absent in ["config_sentence_transformers.json", "0_Transformer/model.safetensors"] {
        assert!(xlm.folder().join(".no_exist").join(COMMIT).join(absent).is_file(), "{absent}");
    }
    xlm.works();
}

#[test]
fn revisions() {
    let place = Place::new();
    for revision in ["v1", "refs/pr/1", COMMIT] {
        let path = finish(&mut place.wembed(&["pull", ID, "--revision", revision])).good();
        assert_eq!(path, format!("{}\n", place.folder().join("snapshots").join(COMMIT).display()));
        finish(&mut place.wembed(&["info", ID, "--offline", "--revision", revision])).good();
    }
    assert!(place.folder().join("refs/refs/pr/1").is_file());
    let offline = finish(&mut place.wembed(&["info", ID, "--offline"]));
    offline.bad(1, &[ID, "at `main` is not in the cache", "--offline"]);
    finish(&mut place.wembed(&["info", ID, "--revision", "v9"]))
        .bad(1, &["404", "Invalid rev id", "revision `v9`", ID]);
    finish(&mut place.wembed(&["info", ID, "--revision", "../v1"])).bad(1, &["revision", "`../v1`"]);
}

#[test]
fn pull_takes_what_is_newest_and_others_what_is_there() {
    let place = Place::new();
    let old = place.pull().expect("the hub is well");
    place.server.put(ID, "sentence_bert_config.json", br#"{"max_seq_length": 9}"#, &"b".repeat(40));
    let length = || {
        let info = finish(&mut place.wembed(&["info", ID, "--format", "json"])).good();
        serde_json::from_str::<serde_json::Value>(&info).expect("it is JSON")["max_length"].as_u64()
    };
    assert_ne!(length(), Some(9));
    place.server.requests();
    let new = place.pull().expect("the hub is well");
    assert_ne!(old, new);
    assert_eq!(length(), Some(9));
    let fetched = place.server.requests();
    let fetched: Vec<_> = fetched.iter().filter(|request| !request.target.starts_with("/api/")).collect();
    assert_eq!(fetched.len(), 1, "what is the same is not fetched again: {fetched:?}");
}

#[test]
fn a_part_of_a_model_is_not_taken_for_the_whole() {
    let place = Place::new();
    let path = place.pull().expect("the hub is well");
    for name in ["modules.json", "sentence_bert_config.json", "tokenizer.json", WEIGHTS] {
        fs::remove_file(path.join(name)).expect("it is there");
        let offline = finish(&mut place.wembed(&["embed", "a", "--device", "cpu", "--offline", "--model", ID]));
        offline.bad(1, &["a part of the model only", name, "--offline"]);
        place.server.requests();
        finish(&mut place.wembed(&["embed", "a", "--device", "cpu", "--model", ID])).good();
        let requests = place.server.requests();
        assert_eq!(requests.len(), 1, "the list; the blob is there: {requests:?}");
        place.works();
    }
}

#[test]
fn a_whole_model_that_python_wrote() {
    let place = Place::new();
    let path = place.pull().expect("the hub is well");
    // Python's `snapshot_download` leaves no marks, but lists what the commit has.
    fs::remove_dir_all(place.folder().join(".no_exist")).expect("it is there");
    fs::remove_dir_all(place.cache().join(".locks")).expect("it is there");
    let offline = || finish(&mut place.wembed(&["info", ID, "--offline"]));
    offline().bad(1, &["a part of the model only", "adapter_config.json"]);
    let tree = place.folder().join("trees").join(format!("{COMMIT}.json"));
    fs::create_dir(place.folder().join("trees")).expect("there is room");
    let names = files(&path).into_keys().map(|file| {
        let name = file.strip_prefix(&path).expect("it lies there").to_str().expect("UTF-8").to_owned();
        (name, json!({"size": 1}))
    });
    let mut list = json!({"format_version": 1, "files": names.collect::<Map<_, _>>()});
    fs::write(&tree, list.to_string()).expect("there is room");
    place.works();
    offline().good();
    // A list of a form that is not known, and one with a file that did not come.
    list["format_version"] = json!(2);
    fs::write(&tree, list.to_string()).expect("there is room");
    offline().bad(1, &["a part of the model only"]);
    list["format_version"] = json!(1);
    fs::write(&tree, list.to_string()).expect("there is room");
    fs::remove_file(path.join("modules.json")).expect("it is there");
    offline().bad(1, &["a part of the model only", "modules.json"]);
}

#[test]
fn without_safetensors() {
    let place = Place::new();
    place.server.remove(ID, WEIGHTS);
    place.refused(&["`model.safetensors` is missing", "only `pytorch_model.bin`, a pickle", "SentenceTransformer"]);
    let asked = place.server.requests();
    assert!(!asked.iter().any(|request| request.target.contains("pytorch")), "{asked:?}");
    assert!(!place.folder().join("refs").exists(), "half a model has no name");
}

#[test]
fn what_is_not_known_is_found_before_the_weights_are_fetched() {
    let place = Place::new();
    let config = fs::read_to_string(format!("{}/config.json", model("mpnet"))).expect("it is there");
    let config = config.replace("\"mpnet\"", "\"deberta\"");
    place.server.put(ID, "config.json", config.as_bytes(), COMMIT);
    place.refused(&["`config.json`", "`deberta`"]);
    assert!(!place.server.requests().iter().any(|request| request.target.contains(WEIGHTS)));
}

#[test]
fn names_that_are_none() {
    let place = Place::new();
    for name in ["./nothing", "/nothing/here", "a/b/c", "../up", "models/"] {
        finish(&mut place.wembed(&["info", name]))
            .bad(1, &[&format!("`{name}` is not a directory"), "Hugging Face hub"]);
        finish(&mut place.wembed(&["pull", name])).bad(1, &[&format!("`{name}` is no name"), "owner/name"]);
    }
    assert!(place.server.requests().is_empty());
    finish(&mut place.wembed(&["info", "nothing"]))
        .bad(1, &["no directory here", "sentence-transformers/nothing", "401"]);
    finish(&mut place.wembed(&["pull", ID, "--offline"])).bad(1, &[ID, "offline"]);
    finish(place.wembed(&["info", ID]).env("HF_HUB_OFFLINE", "1")).bad(1, &[ID, "not in the cache", "HF_HUB_OFFLINE"]);
    finish(place.wembed(&["info", ID]).env("HF_ENDPOINT", "hub")).bad(1, &["HF_ENDPOINT", "`hub`"]);
}

#[test]
fn a_directory_comes_before_a_name() {
    let place = Place::new();
    let here = tempfile::tempdir().expect("there is room");
    let mut command = place.wembed(&["info", ID]);
    fs::create_dir_all(here.path().join(ID)).expect("there is room");
    finish(command.current_dir(here.path())).bad(1, &["`config.json` is missing"]);
    let mut command = place.wembed(&["info", ID, "--revision", "main"]);
    finish(command.current_dir(here.path())).bad(1, &["--revision", &format!("`{ID}` is a directory")]);
    assert!(place.server.requests().is_empty());
}
