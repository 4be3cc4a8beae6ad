//! What can go wrong on a device.

use std::fmt;

/// An engine's error. What kind it is can be asked; what it says names the thing, what was expected and what was found.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Kind>);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Kind {
    #[error("no GPU adapter {wanted}: {found}")]
    NoAdapter { wanted: String, found: String },
    #[error("adapter `{adapter}` gave no device")]
    NoDevice { adapter: String, source: wgpu::RequestDeviceError },
    #[error("`{adapter}` computes wrongly: {what}")]
    Wrong { adapter: String, what: String },
    #[error("`{name}` needs {needed} {unit}, but the device's limit `{limit}` is {got}")]
    Limit { name: String, limit: &'static str, unit: &'static str, needed: u64, got: u64 },
    #[error("no {dtype} on {device}: it needs {needed}")]
    NoDtype { dtype: &'static str, device: String, needed: &'static str },
    #[error("{name}: expected at most {most} columns for the dtype `{dtype}`, found {columns}")]
    TooWide { name: String, columns: usize, most: usize, dtype: &'static str },
    #[error("this processor has no `{wanted}`: found {}", found.join(", "))]
    NoInstructions { wanted: String, found: Vec<&'static str> },
    #[error("expected at most {most} threads, found {count}")]
    TooManyThreads { count: usize, most: usize },
    #[error("{count} threads did not start")]
    NoThreads { count: usize, source: rayon::ThreadPoolBuildError },
    #[error("the device ran out of memory at {place}")]
    OutOfMemory { place: String },
    #[error("the device was lost: {reason}")]
    Lost { reason: String },
    #[error("the device refused {place}: {message}")]
    Refused { place: String, message: String },
    #[error("`{name}` holds {value} at row {row}, column {column}, which {dtype} cannot hold")]
    Unholdable { name: String, value: f32, row: usize, column: usize, dtype: &'static str },
}

impl Error {
    /// Whether the device is gone; a new engine may do the work again.
    pub fn is_device_lost(&self) -> bool {
        matches!(*self.0, Kind::Lost { .. })
    }

    /// Whether the device's memory did not suffice.
    pub fn is_out_of_memory(&self) -> bool {
        matches!(*self.0, Kind::OutOfMemory { .. })
    }

    /// Whether there is no adapter of the kind that was asked for.
    pub fn is_no_adapter(&self) -> bool {
        matches!(*self.0, Kind::NoAdapter { .. })
    }

    /// Whether there is an adapter whose device does not compute what it should.
    pub fn is_wrong_device(&self) -> bool {
        matches!(*self.0, Kind::Wrong { .. })
    }

    /// Whether a thing is larger than the device takes.
    pub fn is_limit(&self) -> bool {
        self.limit().is_some()
    }

    /// Of a thing that is larger than the device takes: the limit's name, what is needed and what the device has.
    pub fn limit(&self) -> Option<(&'static str, u64, u64)> {
        match *self.0 {
            Kind::Limit { limit, needed, got, .. } => Some((limit, needed, got)),
            _ => None,
        }
    }

    pub(crate) fn refused(place: impl Into<String>, message: impl fmt::Display) -> Self {
        Kind::Refused { place: place.into(), message: message.to_string() }.into()
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self(Box::new(kind))
    }
}
