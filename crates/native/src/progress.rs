//! How far a run is, for a person at a terminal.

use std::fmt::Write;
use std::time::Duration;

use indicatif::{DecimalBytes, HumanDuration, ProgressBar, ProgressState, ProgressStyle};

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

/// Bytes of a file and the rate at which they come after the first `present`, of `size` where that is known; on standard
/// error where that is a terminal.
pub fn download(path: &str, present: u64, size: Option<u64>) -> ProgressBar {
    const KNOWN: &str = "{msg} {wide_bar} {decimal_bytes} of {decimal_total_bytes}, {rate}, {left} left";
    const UNKNOWN: &str = "{spinner} {msg} {decimal_bytes}, {rate}, {elapsed}";
    let (bar, template) = match size {
        Some(size) => (ProgressBar::new(size), KNOWN),
        None => (ProgressBar::new_spinner(), UNKNOWN),
    };
    // The bar's own rate would count what was there before.
    let rate = move |state: &ProgressState| {
        state.pos().saturating_sub(present) as f64 / state.elapsed().as_secs_f64().max(1e-3)
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let style = style.with_key("rate", move |state: &ProgressState, to: &mut dyn Write| {
        let _ = write!(to, "{}/s", DecimalBytes(rate(state) as u64));
    });
    let style = style.with_key("left", move |state: &ProgressState, to: &mut dyn Write| {
        let bytes = state.len().unwrap_or_default().saturating_sub(state.pos());
        let _ = write!(to, "{:#}", HumanDuration(Duration::from_secs((bytes as f64 / rate(state).max(1.0)) as u64)));
    });
    bar.with_style(style).with_message(path.to_owned()).with_position(present)
}
