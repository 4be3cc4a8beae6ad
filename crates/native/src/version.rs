//! What `--version` says: the version, the commit where that is known, and what was built in.

use std::sync::LazyLock;

/// As `0.1.0 (0123456789; mini)`.
pub static VERSION: LazyLock<String> = LazyLock::new(|| {
    let features: &[&str] = if cfg!(feature = "mini") { &["mini"] } else { &[] };
    let commit = Some(env!("WEMBED_COMMIT")).filter(|commit| !commit.is_empty()).unwrap_or("no commit");
    let features = if features.is_empty() { "no features".to_owned() } else { features.join(", ") };
    format!("{} ({commit}; {features})", env!("CARGO_PKG_VERSION"))
});
