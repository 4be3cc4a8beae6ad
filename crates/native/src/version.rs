//! What `--version` says: the version, the commit where that is known, and what was built in.

use std::sync::LazyLock;

/// As `0.1.0 (0123456789; mini)`.
pub static VERSION: LazyLock<String> = LazyLock::new(|| {
    let features = [("mini", cfg!(feature = "mini")), ("faults", cfg!(feature = "faults"))];
    let features: Vec<&str> = features.into_iter().filter_map(|(name, is_on)| is_on.then_some(name)).collect();
    let commit = Some(env!("WEMBED_COMMIT")).filter(|commit| !commit.is_empty()).unwrap_or("no commit");
    let features = if features.is_empty() { "no features".to_owned() } else { features.join(", ") };
    format!("{} ({commit}; {features})", env!("CARGO_PKG_VERSION"))
});
