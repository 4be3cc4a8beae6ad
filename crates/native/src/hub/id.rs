//! The names of models and of their revisions.

use std::fmt;

use super::Error;
use super::error::Kind;

/// Who owns models that are named without an owner, as in sentence-transformers.
const USUAL_OWNER: &str = "sentence-transformers";

/// The characters of an owner or a name at most.
const LONGEST: usize = 96;

/// A model's name on the hub: `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelId(String);

impl ModelId {
    /// Reads `owner/name`, or `name` alone of sentence-transformers' own; nothing where it cannot be a name on the hub.
    pub fn parse(text: &str) -> Option<Self> {
        let (owner, name) = text.split_once('/').unwrap_or((USUAL_OWNER, text));
        (is_name(owner) && is_name(name)).then(|| Self(format!("{owner}/{name}")))
    }

    /// `owner/name`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder of the model in a cache.
    pub(super) fn folder(&self) -> String {
        format!("models--{}", self.0.replace('/', "--"))
    }
}

/// The hub's rule: letters, digits, `-`, `_` and `.`, none of the last two at an end, no `--` and no `..`.
fn is_name(text: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=LONGEST).contains(&text.len())
        && text.chars().all(known)
        && !text.starts_with(['-', '.'])
        && !text.ends_with(['-', '.'])
        && !text.contains("--")
        && !text.contains("..")
}

impl fmt::Display for ModelId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A branch, a tag or a commit of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision(String);

impl Default for Revision {
    fn default() -> Self {
        Self("main".to_owned())
    }
}

impl Revision {
    /// Reads the name of a revision.
    ///
    /// # Errors
    /// Where git has no such names: it becomes a path in the cache.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with('.');
        let strange = |c: char| c.is_ascii_control() || c.is_whitespace() || "\\:?*[~^".contains(c);
        if text.split('/').all(part) && !text.contains("..") && !text.contains(strange) {
            return Ok(Self(text.to_owned()));
        }
        Err(Kind::Revision { found: text.to_owned() }.into())
    }

    /// The revision that is a commit.
    pub(super) fn of_commit(commit: &str) -> Self {
        Self(commit.to_owned())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a commit's full hash, which always means the same files.
    pub(super) fn is_commit(&self) -> bool {
        is_commit(&self.0)
    }
}

/// Whether the text is a commit's full hash.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
}

impl fmt::Display for Revision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, id) in [
            ("owner/name", "owner/name"),
            ("BAAI/bge-small-en-v1.5", "BAAI/bge-small-en-v1.5"),
            ("all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"),
            ("o/_n_", "o/_n_"),
        ] {
            assert_eq!(ModelId::parse(text).map(|id| id.0).as_deref(), Some(id));
        }
        let long = "n".repeat(97);
        for text in
            ["", "/", "./x", "../x", "/x", "~/x", "x/", "a/b/c", "a\\b", "a b", "a/-b", "a/b.", "a--b", "a/..", &long]
        {
            assert_eq!(ModelId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn revisions() {
        for text in ["main", "v1.0", "refs/pr/1", &"a".repeat(40)] {
            assert_eq!(Revision::parse(text).expect("git has such names").as_str(), text);
        }
        for text in ["", "/", "..", "a/../b", "/etc", "a//b", ".git", "a\\b", "a b", "a?b", "C:x"] {
            let error = Revision::parse(text).expect_err("git has no such names").to_string();
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
        assert!(is_commit(&"a".repeat(40)) && !is_commit("main") && !is_commit(&"A".repeat(40)));
    }
}
