//! What one configuration gave.

use super::grid::{Configuration, Kind};

/// A configuration's requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub configuration: Configuration,
    /// How long each request took that was answered with a vector a text, in milliseconds, ascending.
    pub(super) latencies: Vec<f64>,
    /// Characters of a text, on average.
    pub characters: f64,
    /// Requests, those that failed too.
    pub requests: usize,
    /// From the first request to the end of the last, in seconds.
    pub wall: f64,
    /// Tokens of a text, on average, and the share of texts that were cut, where the server says so.
    pub tokens: Option<f64>,
    pub truncated: Option<f64>,
    /// Why the first one failed that did.
    pub failure: Option<String>,
}

impl Row {
    /// Of requests that took so long, in milliseconds, of so many.
    pub fn new(configuration: Configuration, mut latencies: Vec<f64>, requests: usize, wall: f64) -> Self {
        latencies.sort_by(f64::total_cmp);
        let characters = configuration.characters as f64;
        Self { configuration, latencies, characters, requests, wall, tokens: None, truncated: None, failure: None }
    }

    /// Requests that were answered.
    pub fn successes(&self) -> usize {
        self.latencies.len()
    }

    /// Of 100 requests, how many were answered.
    pub fn success_rate(&self) -> f64 {
        100.0 * self.successes() as f64 / self.requests as f64
    }

    /// Of the answered requests; 0 where there are none.
    pub fn average(&self) -> f64 {
        self.latencies.iter().sum::<f64>() / self.successes().max(1) as f64
    }

    /// The latency that so many of 100 requests do not exceed: nearest rank.
    pub fn percentile(&self, percent: f64) -> f64 {
        let rank = (percent / 100.0 * self.successes() as f64).ceil() as usize;
        self.latencies.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// The mean of the two in the middle.
    pub fn median(&self) -> f64 {
        let at = |index: usize| self.latencies.get(index).copied().unwrap_or_default();
        let count = self.successes();
        0.5 * (at(count.saturating_sub(1) / 2) + at(count / 2))
    }

    pub fn least(&self) -> f64 {
        self.latencies.first().copied().unwrap_or_default()
    }

    pub fn most(&self) -> f64 {
        self.latencies.last().copied().unwrap_or_default()
    }

    /// One request after the other: a request's texts over its latency. Of clients at once, and of one in their table: all texts over the time that all took.
    pub fn texts_per_second(&self) -> f64 {
        let seconds = match self.configuration.kind {
            Kind::Concurrent => self.wall,
            Kind::Serial | Kind::InProcess => 1e-3 * self.latencies.iter().sum::<f64>(),
        };
        if seconds == 0.0 { 0.0 } else { (self.successes() * self.configuration.batch) as f64 / seconds }
    }

    pub fn characters_per_second(&self) -> f64 {
        self.texts_per_second() * self.characters
    }

    pub fn batches_per_second(&self) -> f64 {
        self.texts_per_second() / self.configuration.batch as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(threads: usize, latencies: &[f64], requests: usize, wall: f64) -> Row {
        let kind = if threads == 1 { Kind::Serial } else { Kind::Concurrent };
        let configuration = Configuration { kind, characters: 500, batch: 64, threads, iterations: requests };
        Row::new(configuration, latencies.to_vec(), requests, wall)
    }

    #[test]
    fn by_hand() {
        let row = row(1, &[400.0, 100.0, 300.0, 200.0], 5, 1.1);
        assert_eq!((row.average(), row.median(), row.least(), row.most()), (250.0, 250.0, 100.0, 400.0));
        assert_eq!((row.percentile(50.0), row.percentile(95.0), row.percentile(99.0)), (200.0, 400.0, 400.0));
        assert_eq!((row.successes(), row.success_rate()), (4, 80.0));
        assert!((row.texts_per_second() - 256.0).abs() < 1e-9);
        assert!(
            (row.characters_per_second() - 128_000.0).abs() < 1e-6 && (row.batches_per_second() - 4.0).abs() < 1e-9
        );
    }

    #[test]
    fn several_clients_share_the_clock() {
        let row = row(2, &[100.0, 100.0, 100.0, 100.0], 4, 0.25);
        assert!((row.texts_per_second() - 1024.0).abs() < 1e-9);
        let one = Configuration { threads: 1, ..row.configuration };
        let row = Row::new(one, vec![100.0], 1, 0.25);
        assert!((row.texts_per_second() - 256.0).abs() < 1e-9, "one of their table, too");
    }

    #[test]
    fn where_nothing_was_answered_all_is_zero() {
        let row = row(1, &[], 3, 0.5);
        let all = [row.average(), row.median(), row.percentile(95.0), row.texts_per_second(), row.success_rate()];
        assert_eq!(all, [0.0; 5]);
    }
}
