//! What is slower than it was.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::facts::fact;
use super::grid::{Configuration, Kind};
use super::row::Row;

/// An earlier run.
#[derive(Debug)]
pub struct Earlier {
    path: PathBuf,
    run: Run,
}

/// Its JSON, as far as it is looked at: the sidecar's own, too.
#[derive(Debug, Deserialize)]
struct Run {
    serial: Vec<EarlierRow>,
    #[serde(default)]
    concurrent: Vec<EarlierRow>,
    wembed: Option<Ours>,
}

/// What only wembed wrote.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ours {
    #[serde(default)]
    in_process: Vec<EarlierRow>,
    #[serde(default)]
    realistic: Vec<EarlierRow>,
    #[serde(flatten)]
    about: Map<String, Value>,
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

/// Facts that make two runs two things where they differ.
const FACTS: [&str; 4] = ["model", "device", "arithmetic", "version"];

impl Earlier {
    /// The run whose JSON is at `path`.
    ///
    /// # Errors
    /// Where there is none.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let said = || format!("`{}`", path.display());
        let bytes = std::fs::read(path).with_context(said)?;
        let run =
            serde_json::from_slice(&bytes).with_context(|| format!("{}: expected what --export-json wrote", said()))?;
        Ok(Self { path: path.to_owned(), run })
    }

    /// Makes sure that one of these is in it.
    ///
    /// # Errors
    /// Where none is.
    pub fn has_any<'a>(&self, mut configurations: impl Iterator<Item = &'a Configuration>) -> anyhow::Result<()> {
        let path = self.path.display();
        ensure!(
            configurations.any(|it| self.before(it).is_some()),
            "--compare: nothing in `{path}` matches: expected a row of the same kind, characters, texts and clients"
        );
        Ok(())
    }

    /// Texts a second, as they were.
    fn before(&self, it: &Configuration) -> Option<f64> {
        let Run { serial, concurrent, wembed } = &self.run;
        let ours = |of: fn(&Ours) -> &Vec<EarlierRow>| wembed.as_ref().map_or(&[][..], |wembed| of(wembed));
        let was_in_process = !ours(|wembed| &wembed.in_process).is_empty();
        let rows = match it.kind {
            _ if it.characters == 0 && was_in_process == (it.kind == Kind::InProcess) => {
                ours(|wembed| &wembed.realistic)
            }
            _ if it.characters == 0 => return None,
            Kind::Serial => serial,
            Kind::Concurrent => concurrent,
            Kind::InProcess => ours(|wembed| &wembed.in_process),
        };
        let is_it = |other: &&EarlierRow| {
            (other.text_size, other.batch_size, other.threads) == (it.characters, it.batch, it.threads)
        };
        Some(rows.iter().find(is_it)?.texts_per_sec)
    }

    /// In words: what of model and machine was another, and the rows that give at least 5 % fewer texts a second.
    pub fn comparison(&self, rows: &[&Row], about: &Map<String, Value>) -> String {
        let compared: Vec<_> = rows.iter().filter_map(|row| Some((row, self.before(&row.configuration)?))).collect();
        let is_slower = |(row, before): &(&&Row, f64)| row.texts_per_second() < (1.0 - NOISE) * before;
        let slower: Vec<_> = compared.iter().copied().filter(is_slower).collect();
        let path = self.path.display();
        let (all, count) = (compared.len(), slower.len());
        let mut words = format!("\nof {all} rows that `{path}` has, too, {count} are slower by 5 % or more\n");
        if let Some(Ours { about: before, .. }) = &self.run.wembed {
            words.extend(FACTS.iter().filter_map(|name| differs(name, fact(before, name), fact(about, name))));
        }
        for (row, before) in slower {
            let (it, now) = (row.configuration, row.texts_per_second());
            let Configuration { batch, threads, .. } = it;
            let (kind, characters, times) = (it.kind.name(), it.said(), now / before);
            // Writing into a string does not fail.
            let _ = writeln!(
                words,
                "{kind} {characters} characters, {batch} texts, {threads} clients: {now:.2} texts/s, {before:.2} before ({times:.2}x)"
            );
        }
        words
    }
}

/// What was another, in words.
fn differs(name: &str, before: Option<&Value>, now: Option<&Value>) -> Option<String> {
    let said = |value: Option<&Value>| match value {
        None => "not said".to_owned(),
        Some(value) => format!("`{}`", value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
    };
    (before != now).then(|| format!("another {name}: {} before, {} now\n", said(before), said(now)))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use serde_json::json;

    use super::*;

    fn row(kind: Kind, characters: usize, batch: usize, latency: f64) -> Row {
        let configuration = Configuration { kind, characters, batch, threads: 1, iterations: 1 };
        Row::new(configuration, vec![latency], 1, 1e-3 * latency)
    }

    fn earlier(text: &str) -> anyhow::Result<Earlier> {
        let mut file = tempfile::NamedTempFile::new().expect("there is room");
        file.write_all(text.as_bytes()).expect("there is room");
        Earlier::read(file.path())
    }

    fn old(size: usize, batch: usize, rate: f64) -> Value {
        json!({ "textSize": size, "batchSize": batch, "threads": 1, "textsPerSec": rate })
    }

    #[test]
    fn more_than_noise_is_said() {
        let sidecars = json!({ "serial": [old(500, 1, 10.0), old(500, 5, 50.0)] });
        let earlier = earlier(&sidecars.to_string()).expect("it is a run");
        let rows = [(1, 104.0), (5, 120.0), (64, 1e6)].map(|(batch, latency)| row(Kind::Serial, 500, batch, latency));
        let words = earlier.comparison(&rows.each_ref(), &Map::new());
        assert!(words.contains("of 2 rows") && words.contains(" 1 are slower"), "{words}");
        assert_eq!(
            words.lines().last(),
            Some("serial 500 characters, 5 texts, 1 clients: 41.67 texts/s, 50.00 before (0.83x)")
        );
        assert!(!words.contains("another"), "the sidecar's says nothing of itself: {words}");
        earlier.has_any([rows[2].configuration, rows[1].configuration].iter()).expect("one is");
        let error = earlier.has_any([rows[2].configuration].iter()).expect_err("it is not in there");
        assert!(error.to_string().contains("nothing in"), "{error}");
    }

    #[test]
    fn realistic_rows_and_those_in_process_are_compared() {
        let of = |in_process: Vec<Value>| {
            let run = json!({ "serial": [], "wembed": { "inProcess": in_process, "realistic": [old(0, 10, 900.0)] } });
            earlier(&run.to_string()).expect("it is a run")
        };
        let compared = |earlier: &Earlier, row: &Row| earlier.before(&row.configuration);
        let (server, process) = (of(vec![]), of(vec![old(500, 10, 700.0)]));
        let [mixed, mixed_in_process] = [Kind::Serial, Kind::InProcess].map(|kind| row(kind, 0, 10, 20.0));
        assert_eq!((compared(&server, &mixed), compared(&server, &mixed_in_process)), (Some(900.0), None));
        assert_eq!((compared(&process, &mixed), compared(&process, &mixed_in_process)), (None, Some(900.0)));
        assert_eq!(compared(&process, &row(Kind::InProcess, 500, 10, 20.0)), Some(700.0));
        assert_eq!(compared(&process, &row(Kind::Serial, 500, 10, 20.0)), None);
        let words = server.comparison(&[&mixed], &Map::new());
        assert!(words.contains("of 1 rows") && words.contains("serial mixed characters, 10 texts"), "{words}");
    }

    #[test]
    fn what_was_another_is_said() {
        let server = json!({ "model": "a", "device": "cpu", "arithmetic": "avx2", "version": "1.0" });
        let run = json!({ "serial": [old(500, 1, 1.0)], "wembed": { "version": "1.0", "server": server } });
        let earlier = earlier(&run.to_string()).expect("it is a run");
        let rows = [row(Kind::Serial, 500, 1, 100.0)];
        let words = |about: Value| earlier.comparison(&rows.each_ref(), about.as_object().expect("an object"));
        let same = words(json!({ "version": "1.0", "server": server }));
        assert!(!same.contains("another"), "{same}");
        let other = words(json!({ "model": "b", "arithmetic": "avx2", "version": "1.1" }));
        for part in
            ["another model: `a` before, `b` now", "another device: `cpu` before, not said now", "another version"]
        {
            assert!(other.contains(part), "{part} in {other}");
        }
        assert!(!other.contains("another arithmetic"), "{other}");
    }

    #[test]
    fn what_is_no_run_is_an_error() {
        assert!(Earlier::read(Path::new("/nonexistent/old.json")).is_err());
        let error = earlier("{}}").expect_err("it is no run");
        assert!(format!("{error:#}").contains("expected what --export-json wrote"), "{error:#}");
    }
}
