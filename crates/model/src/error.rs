//! What can go wrong between a model's files and a vector.

use std::fmt;

/// An error of this crate. What it says names the thing, what was expected and what was found.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Kind>);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Kind {
    #[error("`{path}` could not be read")]
    Read { path: String, source: std::io::Error },
    #[error("`{path}` is missing: {why}")]
    Missing { path: String, why: String },
    #[error("`{path}`: {message}")]
    Malformed { path: String, message: String },
    #[error("`{path}`: `{key}`: expected {expected}, found `{found}`")]
    Unknown { path: String, key: String, expected: String, found: String },
    #[error("tensor `{name}` in `{path}`: expected {expected}, found {found}")]
    Tensor { path: String, name: String, expected: String, found: String },
    #[error("{option}: expected {expected}, found {found}")]
    Option { option: String, expected: String, found: String },
    #[error("this text could not be embedded: {reason}")]
    Text { reason: String },
    #[error("this text could not be embedded: its token {id}: {reason}")]
    Token { id: u32, reason: String },
    #[error(transparent)]
    Device(#[from] wembed_kernels::Error),
}

impl Error {
    /// What an engine said, where that is what went wrong.
    pub fn device(&self) -> Option<&wembed_kernels::Error> {
        match &*self.0 {
            Kind::Device(error) => Some(error),
            _ => None,
        }
    }

    /// Whether the device is gone.
    pub fn is_device_lost(&self) -> bool {
        self.device().is_some_and(wembed_kernels::Error::is_device_lost)
    }

    /// Whether a file could not be read, whatever is in it.
    pub fn is_unreadable(&self) -> bool {
        matches!(*self.0, Kind::Read { .. })
    }

    /// Whether an option is wrong, or does not fit the model.
    pub fn is_option(&self) -> bool {
        matches!(*self.0, Kind::Option { .. })
    }

    /// Whether a file that the model needs is not there.
    pub fn is_missing_file(&self) -> bool {
        matches!(*self.0, Kind::Missing { .. })
    }

    /// Whether one text failed by itself; the others have their vectors.
    pub fn is_text(&self) -> bool {
        matches!(*self.0, Kind::Text { .. } | Kind::Token { .. })
    }

    pub(crate) fn malformed(path: impl Into<String>, message: impl fmt::Display) -> Self {
        Kind::Malformed { path: path.into(), message: message.to_string() }.into()
    }

    pub(crate) fn missing(path: impl Into<String>, why: impl Into<String>) -> Self {
        Kind::Missing { path: path.into(), why: why.into() }.into()
    }

    pub(crate) fn unknown(path: &str, key: &str, expected: impl Into<String>, found: impl fmt::Display) -> Self {
        Kind::Unknown {
            path: path.to_owned(),
            key: key.to_owned(),
            expected: expected.into(),
            found: found.to_string(),
        }
        .into()
    }

    pub(crate) fn tensor(path: &str, name: &str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        let (expected, found) = (expected.into(), found.into());
        Kind::Tensor { path: path.to_owned(), name: name.to_owned(), expected, found }.into()
    }

    pub(crate) fn option(option: &str, expected: impl Into<String>, found: impl fmt::Display) -> Self {
        Kind::Option { option: option.to_owned(), expected: expected.into(), found: found.to_string() }.into()
    }

    pub(crate) fn text(reason: impl fmt::Display) -> Self {
        Kind::Text { reason: reason.to_string() }.into()
    }

    pub(crate) fn token(id: u32, reason: impl fmt::Display) -> Self {
        Kind::Token { id, reason: reason.to_string() }.into()
    }

    /// The token that is at fault, and why.
    pub(crate) fn of_token(&self) -> Option<(u32, &str)> {
        match &*self.0 {
            Kind::Token { id, reason } => Some((*id, reason)),
            _ => None,
        }
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self(Box::new(kind))
    }
}

impl From<wembed_kernels::Error> for Error {
    fn from(error: wembed_kernels::Error) -> Self {
        Kind::Device(error).into()
    }
}
