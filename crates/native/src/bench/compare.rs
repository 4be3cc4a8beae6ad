//! What is slower than it was.

use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

use super::grid::Kind;
use super::row::Row;

/// An earlier run's JSON, as far as it is looked at: the sidecar's own, too.
#[derive(Debug, Deserialize)]
struct Earlier {
    serial: Vec<EarlierRow>,
    #[serde(default)]
    concurrent: Vec<EarlierRow>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EarlierRow {
    text_size: usize,
    batch_size: usize,
    threads: usize,
    texts_per_sec: f64,
}

/// Less than this is noise: a share of what it was.
const NOISE: f64 = 0.05;

/// One row that got slower.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slower<'a> {
    pub row: &'a Row,
    /// Texts a second, as they were.
    pub before: f64,
}

/// The rows that give at least 5 % fewer texts a second than in the run at `path`, and how many could be compared.
///
/// # Errors
/// Where there is no such run.
pub fn slower<'a>(path: &Path, rows: &'a [Row]) -> anyhow::Result<(Vec<Slower<'a>>, usize)> {
    let said = || format!("`{}`", path.display());
    let bytes = std::fs::read(path).with_context(said)?;
    let earlier: Earlier =
        serde_json::from_slice(&bytes).with_context(|| format!("{}: expected what --export-json wrote", said()))?;
    let before = |row: &Row| {
        let it = row.configuration;
        let of = match it.kind {
            Kind::Serial => &earlier.serial,
            Kind::Concurrent => &earlier.concurrent,
            Kind::InProcess => return None,
        };
        let is_it = |other: &&EarlierRow| {
            (other.text_size, other.batch_size, other.threads) == (it.characters, it.batch, it.threads)
        };
        Some(of.iter().find(is_it)?.texts_per_sec)
    };
    let compared: Vec<_> = rows.iter().filter_map(|row| Some(Slower { row, before: before(row)? })).collect();
    let is_slower = |it: &&Slower<'_>| it.row.texts_per_second() < (1.0 - NOISE) * it.before;
    Ok((compared.iter().filter(is_slower).copied().collect(), compared.len()))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::grid::Configuration;
    use super::*;

    fn row(batch: usize, latency: f64) -> Row {
        let configuration = Configuration { kind: Kind::Serial, characters: 500, batch, threads: 1, iterations: 1 };
        Row::new(configuration, vec![latency], 1, 1e-3 * latency)
    }

    #[test]
    fn more_than_noise_is_said() {
        let mut file = tempfile::NamedTempFile::new().expect("there is room");
        let old = r#"{"serial":[{"textSize":500,"batchSize":1,"threads":1,"textsPerSec":10.0},{"textSize":500,"batchSize":5,"threads":1,"textsPerSec":50.0}]}"#;
        file.write_all(old.as_bytes()).expect("there is room");
        let rows = [row(1, 104.0), row(5, 120.0), row(64, 1e6)];
        let (found, compared) = slower(file.path(), &rows).expect("it is a run");
        assert_eq!(compared, 2);
        assert_eq!(found.iter().map(|it| (it.row.configuration.batch, it.before)).collect::<Vec<_>>(), [(5, 50.0)]);
        assert!(slower(Path::new("/nonexistent/old.json"), &rows).is_err());
        file.write_all(b"}").expect("there is room");
        let error = slower(file.path(), &rows).expect_err("it is no run");
        assert!(format!("{error:#}").contains("expected what --export-json wrote"), "{error:#}");
    }
}
