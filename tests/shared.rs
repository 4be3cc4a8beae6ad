//! Data that is never part of the project, so that its absence fails nowhere, not even where `WEMBED_REQUIRE` is set.

use std::io::Write as _;
use std::path::PathBuf;

/// The folder that `WEMBED_SHARED` names; where it names none, says on stderr, past the test harness, what was not tested.
///
/// # Panics
/// Where stderr does not take a line.
pub fn folder(what: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("WEMBED_SHARED").map(PathBuf::from);
    if folder.is_none() {
        writeln!(std::io::stderr(), "skipped: {what}: WEMBED_SHARED is not set").expect("stderr takes a line");
    }
    folder
}
