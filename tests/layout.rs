//! The tree: dependencies go one way, a file holds one idea, and what is published says what it is, in one version.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// shaders <- kernels <- model <- native, wasm; the tests see all. The built-in model is bytes and depends on nothing.
const ORDER: [&[&str]; 5] = [
    &["wembed-shaders", "wembed-mini"],
    &["wembed-kernels"],
    &["wembed-model"],
    &["wembed", "wembed-wasm"],
    &["wembed-tests", "wembed-benches"],
];

/// Crates of the platform, and the lowest of ours that may see them.
const PLATFORM: &[(&str, &str)] = &[("wgpu", "wembed-kernels")];

/// What a registry of crates gets; the rest says `publish = false`.
const PUBLISHED: [&str; 5] = ["wembed", "wembed-kernels", "wembed-mini", "wembed-model", "wembed-shaders"];

const MOST_LINES: usize = 400;

/// Whose lines are counted: what people write and read.
const SOURCES: &[&str] = &["rs", "wgsl", "py", "ts", "js", "mjs", "sh", "html", "css"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the tree")
}

/// What a program of the tree's own tools prints.
fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(root()).output().expect("the program starts");
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it prints UTF-8")
}

/// A file of the tree.
fn text(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(root().join(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// The workspace's packages, as cargo describes them.
fn packages() -> Vec<Value> {
    let metadata = printed(env!("CARGO"), &["metadata", "--format-version", "1", "--no-deps", "--offline"]);
    let mut metadata: Value = serde_json::from_str(&metadata).expect("cargo writes JSON");
    std::mem::take(metadata["packages"].as_array_mut().expect("there are packages"))
}

fn name(value: &Value) -> String {
    value["name"].as_str().expect("it has a name").to_owned()
}

/// Each package of the workspace and what it depends on, for building and for testing.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let of = |package: &Value| package["dependencies"].as_array().expect("a list").iter().map(name).collect();
    packages().iter().map(|package| (name(package), of(package))).collect()
}

fn rank(package: &str) -> Option<usize> {
    ORDER.iter().position(|packages| packages.contains(&package))
}

/// What in these dependencies goes the wrong way.
fn wrong_ways(dependencies: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (package, needs) in dependencies {
        let own = rank(package);
        for need in needs {
            let backwards = rank(need).is_some_and(|rank| Some(rank) >= own);
            let above = PLATFORM.iter().any(|(platform, lowest)| need == platform && package != lowest);
            if own.is_none() || backwards || above {
                wrong.push(format!("{package} -> {need}"));
            }
        }
    }
    wrong
}

#[test]
fn dependencies_go_one_way() {
    let dependencies = dependencies();
    let ours: Vec<&str> = ORDER.concat();
    assert_eq!(dependencies.len(), ours.len(), "every package has its place: {:?}", dependencies.keys());
    assert_eq!(wrong_ways(&dependencies), [""; 0]);
    assert_eq!(dependencies["wembed-shaders"], [""; 0], "the shaders depend on nothing");
    assert_eq!(dependencies["wembed-mini"], [""; 0], "nor does the model");
}

#[test]
fn a_wrong_way_would_be_seen() {
    let one = |package: &str, need: &str| BTreeMap::from([(package.to_owned(), vec![need.to_owned()])]);
    for (package, need) in
        [("wembed-kernels", "wembed-model"), ("wembed-model", "wgpu"), ("wembed", "wembed-wasm"), ("another", "serde")]
    {
        assert_eq!(wrong_ways(&one(package, need)), [format!("{package} -> {need}")]);
    }
    assert_eq!(wrong_ways(&one("wembed-model", "wembed-kernels")), [""; 0]);
}

#[test]
fn no_source_file_is_too_long() {
    let mut long = Vec::new();
    let tracked = printed("git", &["ls-files", "-z"]);
    for file in tracked.split('\0').filter(|file| SOURCES.iter().any(|kind| file.ends_with(&format!(".{kind}")))) {
        // A file that is tracked but deleted has no lines.
        let lines = std::fs::read_to_string(root().join(file)).map_or(0, |text| text.lines().count());
        if lines > MOST_LINES {
            long.push(format!("{file}: {lines} lines of at most {MOST_LINES}"));
        }
    }
    assert_eq!(long, [""; 0]);
}

#[test]
fn what_is_published_says_what_it_is() {
    let mut published: Vec<Value> = packages().into_iter().filter(|package| package["publish"].is_null()).collect();
    published.sort_by_key(name);
    assert_eq!(published.iter().map(name).collect::<Vec<_>>(), PUBLISHED);
    for package in &published {
        let name = name(package);
        let words = |key: &str| -> Vec<&str> {
            package[key].as_array().expect("a list").iter().filter_map(Value::as_str).collect()
        };
        for key in ["description", "license", "readme", "rust_version"] {
            assert!(package[key].as_str().is_some_and(|said| !said.is_empty()), "{name}: no {key}");
        }
        // What crates.io takes: five at most, of twenty letters at most.
        let is_keyword =
            |word: &&str| word.len() <= 20 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        assert!((1..=5).contains(&words("keywords").len()), "{name}: {:?}", words("keywords"));
        assert!(words("keywords").iter().all(is_keyword), "{name}: {:?}", words("keywords"));
        assert!((1..=5).contains(&words("categories").len()), "{name}: {:?}", words("categories"));
        let folder = Path::new(package["manifest_path"].as_str().expect("a path")).parent().expect("a folder");
        assert!(folder.join(package["readme"].as_str().expect("a path")).is_file(), "{name}: no readme");
        for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
            assert_eq!(text(folder.join(licence)), text(licence), "{name}: {licence}");
        }
    }
}

/// Cargo.toml's `workspace.package.version` is the one; what has to repeat it says the same.
#[test]
fn there_is_one_version() {
    let manifest = text("Cargo.toml");
    let (_, own) = manifest.split_once("\nversion = \"").expect("the workspace has a version");
    let (version, _) = own.split_once('"').expect("a string ends");
    for package in packages() {
        assert_eq!(package["version"], version, "{}", name(&package));
    }
    let repeated: Vec<&str> = manifest.lines().filter(|line| line.starts_with("wembed")).collect();
    assert_eq!(repeated.len(), PUBLISHED.len(), "{repeated:?}");
    for line in repeated {
        assert!(line.ends_with(&format!(", version = \"{version}\" }}")), "expected {version}, found {line}");
    }
    // scripts/build-npm fills it in.
    let package: Value = serde_json::from_str(&text("crates/wasm/package.json")).expect("it is JSON");
    assert_eq!(package["version"], Value::Null, "crates/wasm/package.json");
    // Examples take what is compatible.
    let (compatible, _) = version.rsplit_once('.').expect("it has three parts");
    for example in ["inline", "node", "vite"] {
        let path = format!("crates/wasm/examples/{example}/package.json");
        let package: Value = serde_json::from_str(&text(&path)).expect("it is JSON");
        assert_eq!(package["dependencies"]["wembed"], format!("^{compatible}.0"), "{path}");
    }
    let mut pages = 0;
    for path in printed("git", &["ls-files", "-z"])
        .split('\0')
        .filter(|path| path.ends_with(".html") || path.ends_with(".md") || path.ends_with(".mjs"))
    {
        for (at, name) in text(path).match_indices("npm/wembed@") {
            let found = &text(path)[at + name.len()..];
            assert!(
                found.starts_with(&format!("{compatible}/")),
                "{path}: expected {compatible}, found {}",
                found.get(..8).unwrap_or(found)
            );
            pages += 1;
        }
    }
    assert!(pages > 2, "documents and examples that name a version");
}
