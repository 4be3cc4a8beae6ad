//! How far a run is, for a person at a terminal.

use std::fmt::Write;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

/// Texts done and their rate, on standard error where that is a terminal; nothing where `wanted` is false.
pub fn bar(texts: Option<u64>, wanted: bool) -> ProgressBar {
    if !wanted {
        return ProgressBar::hidden();
    }
    let (bar, template) = match texts {
        Some(count) => (ProgressBar::new(count), "{wide_bar} {human_pos} of {human_len} texts, {rate}, {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {human_pos} texts, {rate}, {elapsed}"),
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style.with_key("rate", |state: &ProgressState, to: &mut dyn Write| {
        // A line that cannot be drawn is no loss.
        let _ = write!(to, "{:.0} a second", state.per_sec());
    }))
}

/// Bytes of a file and their rate, of `size` where that is known, after those that are `present`; on standard error where
/// that is a terminal.
pub fn download(path: &str, present: u64, size: Option<u64>) -> ProgressBar {
    let (bar, template) = match size {
        Some(size) => {
            (ProgressBar::new(size), "{msg} {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left")
        }
        None => (ProgressBar::new_spinner(), "{spinner} {msg} {bytes}, {bytes_per_sec}, {elapsed}"),
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style).with_message(path.to_owned()).with_position(present)
}
