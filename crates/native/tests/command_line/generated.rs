//! What is made of the command line itself: the version, completions, the manual.

use std::process::Command;

use crate::run::run;

#[test]
fn the_version_says_commit_and_features() {
    let printed = run(&["--version"]).good();
    let (version, rest) = printed.trim().split_once(" (").expect("more than the version");
    assert_eq!(version, concat!("wembed ", env!("CARGO_PKG_VERSION")));
    let (commit, features) = rest.trim_end_matches(')').split_once("; ").expect("a commit and features");
    let head = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    match head.ok().filter(|head| head.status.success()) {
        Some(head) => {
            let head = String::from_utf8(head.stdout).expect("a commit");
            assert!(head.starts_with(commit.trim_end_matches("-dirty")), "expected {head}, found {printed}");
        }
        None => assert_eq!(commit, "no commit"),
    }
    assert_eq!(features.contains("mini"), cfg!(feature = "mini"), "{printed}");
    assert_eq!(features.contains("faults"), cfg!(feature = "faults"), "{printed}");
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(&["completions", shell]).good();
        assert!(script.contains("similarity") && script.contains("batch-tokens"), "{shell}: {script}");
    }
    run(&["completions", "abacus"]).bad(2, &["abacus"]);
}

#[test]
fn a_page_for_every_command() {
    let place = tempfile::TempDir::new().expect("there is room");
    let folder = place.path().join("man1");
    run(&["man", folder.to_str().expect("it is UTF-8")]).good();
    let page = |name: &str| std::fs::read_to_string(folder.join(name)).expect(name);
    assert!(page("wembed.1").contains("wembed\\-embed(1)"));
    assert!(page("wembed-bench.1").contains("export\\-csv"));
    let file = folder.join("wembed.1");
    run(&["man", file.to_str().expect("it is UTF-8")]).bad(1, &["expected a folder, found a file"]);
    run(&["man", "/proc/nowhere"]).bad(1, &["`/proc/nowhere`"]);
}
