//! How far a run is, for a person at a terminal.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{DecimalBytes, HumanCount, HumanDuration, ProgressBar, ProgressState, ProgressStyle};

use crate::texts::Position;

/// Texts done and their rate, on standard error where that is a terminal; nothing where `wanted` is false.
pub fn bar(texts: u64, wanted: bool) -> ProgressBar {
    if !wanted {
        return ProgressBar::hidden();
    }
    let style = style("{wide_bar} {human_pos} of {human_len} texts, {rate}, {eta} left");
    ProgressBar::new(texts).with_style(style.with_key("rate", |state: &ProgressState, to: &mut dyn Write| {
        // A line that cannot be drawn is no loss.
        let _ = write!(to, "{:.0} a second", state.per_sec());
    }))
}

/// Characters of the requests that are done, and how long the rest will take, on standard error where that is a terminal.
pub fn characters(count: u64) -> ProgressBar {
    ProgressBar::new(count).with_style(style("{wide_bar} {percent}%, {eta} left"))
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
    let style = style(template).with_key("rate", move |state: &ProgressState, to: &mut dyn Write| {
        let _ = write!(to, "{}/s", DecimalBytes(rate(state) as u64));
    });
    let style = style.with_key("left", move |state: &ProgressState, to: &mut dyn Write| {
        let bytes = state.len().unwrap_or_default().saturating_sub(state.pos());
        let _ = write!(to, "{:#}", HumanDuration(Duration::from_secs((bytes as f64 / rate(state).max(1.0)) as u64)));
    });
    bar.with_style(style).with_message(path.to_owned()).with_position(present)
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Progress through an input: what was read of it tells how much is left, whatever number of texts that is.
pub struct Progress {
    bar: ProgressBar,
    position: Position,
    texts: Arc<AtomicU64>,
}

impl Progress {
    /// From where the input is now, with `done` texts behind it; nothing is shown where `wanted` is false.
    pub fn new(position: Position, done: u64, wanted: bool) -> Self {
        let texts = Arc::new(AtomicU64::new(done));
        let bar = match position.end {
            _ if !wanted => ProgressBar::hidden(),
            Some(end) => {
                let style = style("{wide_bar} {percent}%, {texts} texts, {rate}, {eta} left");
                ProgressBar::new(end).with_style(counting(style, &texts, done)).with_position(position.get())
            }
            None => {
                let style = style("{spinner} {texts} texts, {rate}, {elapsed}");
                ProgressBar::new_spinner().with_style(counting(style, &texts, done))
            }
        };
        // What an earlier run did says nothing about the speed of this one.
        bar.reset_eta();
        Self { bar, position, texts }
    }

    /// A text is done.
    pub fn text(&self) {
        self.texts.fetch_add(1, Ordering::Relaxed);
        self.bar.set_position(self.position.get());
    }

    /// Takes it off the screen.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

fn counting(style: ProgressStyle, texts: &Arc<AtomicU64>, before: u64) -> ProgressStyle {
    let (count, rate) = (texts.clone(), texts.clone());
    // A line that cannot be drawn is no loss.
    let style = style.with_key("texts", move |_: &ProgressState, to: &mut dyn Write| {
        let _ = write!(to, "{}", HumanCount(count.load(Ordering::Relaxed)));
    });
    style.with_key("rate", move |state: &ProgressState, to: &mut dyn Write| {
        let here = rate.load(Ordering::Relaxed).saturating_sub(before) as f64;
        let _ = write!(to, "{:.0} a second", here / state.elapsed().as_secs_f64().max(1e-3));
    })
}
