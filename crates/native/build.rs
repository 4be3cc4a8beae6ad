//! Which commit this is, for `--version`: what git says, or what `cargo package` wrote down; nothing where neither does.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // What changes with each commit, and what may be changed without one; in a package there is neither.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|log| Path::new(log).exists()) {
        for path in [&log, "src", "../kernels/src", "../model/src", "../../shaders"] {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    let described = || git(&["describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]);
    let commit = packaged().or_else(described).unwrap_or_default();
    println!("cargo:rustc-env=WEMBED_COMMIT={commit}");
}

/// What git prints, where this is a checkout of wembed and not a folder in another project's.
fn git(arguments: &[&str]) -> Option<String> {
    let printed = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    printed(&["ls-files", "--error-unmatch", "build.rs"])?;
    printed(arguments)
}

/// The commit in what `cargo package` adds.
fn packaged() -> Option<String> {
    let said = std::fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let (_, rest) = said.split_once("\"sha1\"")?;
    Some(rest.split('"').nth(1)?.get(..10)?.to_owned())
}
