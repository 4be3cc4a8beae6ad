//! The tree: dependencies go one way, and a file holds one idea.

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

/// Each package of the workspace and what it depends on, for building and for testing.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let metadata = printed(env!("CARGO"), &["metadata", "--format-version", "1", "--no-deps", "--offline"]);
    let metadata: Value = serde_json::from_str(&metadata).expect("cargo writes JSON");
    let name = |value: &Value| value["name"].as_str().expect("it has a name").to_owned();
    let packages = metadata["packages"].as_array().expect("there are packages");
    let of = |package: &Value| package["dependencies"].as_array().expect("a list").iter().map(name).collect();
    packages.iter().map(|package| (name(package), of(package))).collect()
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
