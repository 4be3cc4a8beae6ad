//! What is said on standard error, and what is not.

use std::fmt::Display;
use std::io::{self, Write as _};

/// A line on standard error. Where nobody reads that, nothing is lost.
pub fn say(message: impl Display) {
    let _ = writeln!(io::stderr(), "wembed: {message}");
}

/// A line that another program said.
pub fn repeat(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// The error that ends the program, with its causes.
pub fn error(error: &anyhow::Error) {
    say(format_args!("error: {error:#}"));
}

/// Whether the program that read the output has ended: no fault of this one, and nothing to say.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
