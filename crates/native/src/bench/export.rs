//! Results as the sidecar's benchmark wrote them: its CSV columns, its JSON fields.

use serde_json::{Map, Value, json};

use super::grid::Kind;
use super::row::Row;

const COLUMNS: [&str; 10] = [
    "test_type",
    "text_size",
    "batch_size",
    "threads",
    "iterations",
    "avg_latency",
    "p95_latency",
    "texts_per_sec",
    "chars_per_sec",
    "success_rate",
];

/// One line a row.
///
/// # Errors
/// None: what is written is memory.
pub fn csv(rows: &[Row]) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for row in rows {
        let it = row.configuration;
        writer.write_record([
            it.kind.name().to_owned(),
            it.characters.to_string(),
            it.batch.to_string(),
            it.threads.to_string(),
            it.iterations.to_string(),
            format!("{:.1}", row.average()),
            format!("{:.1}", row.percentile(95.0)),
            format!("{:.2}", row.texts_per_second()),
            format!("{:.2}", row.characters_per_second()),
            format!("{:.2}", row.success_rate()),
        ])?;
    }
    Ok(writer.into_inner()?)
}

/// The sidecar's fields, and `wembed`: what its benchmark did not know.
pub fn json(rows: &[Row], realistic: &[Row], about: Map<String, Value>) -> Value {
    let of = |kind| rows.iter().filter(move |row| row.configuration.kind == kind);
    let serial: Vec<_> = of(Kind::Serial).map(object).collect();
    let concurrent: Vec<_> = of(Kind::Concurrent).map(|row| beside_one(row, rows)).collect();
    let in_process: Vec<_> = of(Kind::InProcess).map(object).collect();
    let best = |kind| of(kind).max_by(|left, right| left.texts_per_second().total_cmp(&right.texts_per_second()));
    let mut ours = about;
    ours.insert("inProcess".to_owned(), in_process.into());
    ours.insert("realistic".to_owned(), realistic.iter().map(object).collect());
    ours.insert("texts".to_owned(), rows.iter().chain(realistic).map(texts).collect());
    json!({
        "serial": serial,
        "concurrent": concurrent,
        "summary": {
            "bestSerial": best(Kind::Serial).map(object),
            "bestConcurrent": best(Kind::Concurrent).map(|row| beside_one(row, rows)),
        },
        "wembed": ours,
    })
}

/// A row by the sidecar's names; milliseconds.
fn object(row: &Row) -> Value {
    let it = row.configuration;
    json!({
        "textSize": it.characters,
        "batchSize": it.batch,
        "iterations": it.iterations,
        "threads": it.threads,
        "min": row.least(),
        "max": row.most(),
        "avg": row.average(),
        "median": row.median(),
        "p50": row.percentile(50.0),
        "p95": row.percentile(95.0),
        "p99": row.percentile(99.0),
        "textsPerSec": row.texts_per_second(),
        "charsPerSec": row.characters_per_second(),
        "batchesPerSec": row.batches_per_second(),
        "successCount": row.successes(),
        "successRate": row.success_rate(),
    })
}

/// The same, and what several clients gain over one.
fn beside_one(row: &Row, rows: &[Row]) -> Value {
    let it = row.configuration;
    let mut object = object(row);
    let is_of_one = |one: &&Row| {
        let other = one.configuration;
        other.kind == it.kind && other.threads == 1 && (other.characters, other.batch) == (it.characters, it.batch)
    };
    object["perThreadTextsPerSec"] = (row.texts_per_second() / it.threads as f64).into();
    if let Some(one) = rows.iter().find(is_of_one).filter(|one| one.texts_per_second() > 0.0) {
        let speed_up = row.texts_per_second() / one.texts_per_second();
        object["speedUp"] = speed_up.into();
        object["efficiency"] = (speed_up / it.threads as f64).into();
    }
    object
}

/// What became of a row's texts.
fn texts(row: &Row) -> Value {
    let it = row.configuration;
    json!({
        "kind": it.kind.name(),
        "textSize": it.characters,
        "batchSize": it.batch,
        "threads": it.threads,
        "charactersPerText": row.characters,
        "tokensPerText": row.tokens,
        "truncatedShare": row.truncated,
        "wallSeconds": row.wall,
        "failure": row.failure,
    })
}

#[cfg(test)]
mod tests {
    use super::super::grid::Configuration;
    use super::*;

    fn row(kind: Kind, threads: usize, latency: f64, wall: f64) -> Row {
        let configuration = Configuration { kind, characters: 500, batch: 64, threads, iterations: 2 };
        Row::new(configuration, vec![latency; 2 * threads], 2 * threads, wall)
    }

    #[test]
    fn the_sidecars_columns() {
        let written = csv(&[row(Kind::Serial, 1, 686.1, 1.4)]).expect("it is memory");
        let expected = "test_type,text_size,batch_size,threads,iterations,avg_latency,p95_latency,texts_per_sec,chars_per_sec,success_rate\n\
                        serial,500,64,1,2,686.1,686.1,93.28,46640.43,100.00\n";
        assert_eq!(String::from_utf8(written).expect("it is text"), expected);
    }

    #[test]
    fn the_sidecars_fields() {
        let rows = [
            row(Kind::Serial, 1, 100.0, 0.2),
            row(Kind::Concurrent, 1, 100.0, 0.2),
            row(Kind::Concurrent, 4, 200.0, 0.4),
        ];
        let written = json(&rows, &[], Map::new());
        let names: Vec<_> = written["serial"][0].as_object().expect("an object").keys().map(String::as_str).collect();
        let mut expected = [
            "textSize",
            "batchSize",
            "iterations",
            "threads",
            "min",
            "max",
            "avg",
            "median",
            "p50",
            "p95",
            "p99",
            "textsPerSec",
            "charsPerSec",
            "batchesPerSec",
            "successCount",
            "successRate",
        ];
        expected.sort_unstable();
        assert_eq!(
            {
                let mut names = names;
                names.sort_unstable();
                names
            },
            expected
        );
        let four = &written["summary"]["bestConcurrent"];
        assert_eq!(
            (four["threads"].as_u64(), four["speedUp"].as_f64(), four["efficiency"].as_f64()),
            (Some(4), Some(2.0), Some(0.5))
        );
        assert_eq!(four["perThreadTextsPerSec"].as_f64(), Some(320.0));
        assert_eq!(written["wembed"]["texts"].as_array().map(Vec::len), Some(3));
    }
}
