//! The form of an answer that is said once.

use clap::ValueEnum;

/// For people, or for programs.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Form {
    /// For people
    Text,
    /// A JSON value
    Json,
}
