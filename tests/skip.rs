//! A test that cannot run here says so, or fails where it must run.

use std::io::Write as _;

/// Says on stderr, past the test harness, that something was not tested; panics where `WEMBED_REQUIRE` is set.
///
/// # Panics
/// Where the environment variable `WEMBED_REQUIRE` is set and not empty.
pub fn skip(why: &str) {
    let required = std::env::var_os("WEMBED_REQUIRE").is_some_and(|value| !value.is_empty());
    assert!(!required, "WEMBED_REQUIRE is set, but {why}");
    // The harness hides what the print macros print in a test that passes.
    writeln!(std::io::stderr(), "skipped: {why}").expect("stderr takes a line");
}
