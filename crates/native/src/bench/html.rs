//! Results as a page of its own: nothing in it is fetched from anywhere.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Map, Value};

use super::chart::{Line, chart};
use super::facts::fact;
use super::grid::Kind;
use super::row::Row;
use super::sidecar;
use super::written::Extent;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1c1e21;background:#fff}\
                     table{display:block;overflow-x:auto;border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:.15rem .45rem;text-align:right;white-space:nowrap}td[colspan]{white-space:normal}\
                     th{border-bottom:1px solid #999;font-weight:600}td:first-child,th:first-child{text-align:left}svg{max-width:100%;height:auto}\
                     dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem}dt{color:#666}dd{margin:0;overflow-wrap:anywhere}";

/// The page.
///
/// # Errors
/// Where a chart cannot be drawn.
pub fn html(rows: &[Row], realistic: &[Row], about: &Map<String, Value>) -> anyhow::Result<String> {
    let is_a_servers = rows.iter().all(|row| row.configuration.kind != Kind::InProcess);
    let mut by_batch = lines(rows, Kind::Serial, |row| row.configuration.batch);
    by_batch.extend(lines(rows, Kind::InProcess, |row| row.configuration.batch));
    if is_a_servers {
        by_batch.extend(sidecar::TEXTS_PER_SECOND.iter().map(|(characters, rates)| Line {
            name: format!("sidecar, {characters} characters"),
            color: color(*characters),
            points: sidecar::BATCHES.iter().zip(rates).map(|(&batch, &rate)| (batch as f64, rate)).collect(),
            is_others: true,
        }));
    }
    let by_client = lines(rows, Kind::Concurrent, |row| row.configuration.threads);
    let drawn = |title: &str, x: &str, lines: &[Line]| -> anyhow::Result<Markup> {
        let svg = if lines.is_empty() { String::new() } else { chart(x, "texts a second", lines)? };
        Ok(html! { @if !svg.is_empty() { h2 { (title) } figure { (PreEscaped(svg)) } } })
    };
    let charts = [
        drawn("One request after the other", "texts in a request", &by_batch)?,
        drawn("Several clients", "clients", &by_client)?,
    ];
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "wembed bench" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "wembed bench" }
                (known(about))
                @for chart in &charts { (chart) }
                @if is_a_servers { (sidecars()) }
                h2 { "All rows" }
                (table(rows))
                @if !realistic.is_empty() {
                    h2 { "Texts as people write them" }
                    p { "Titles, messages, notes and documents, each with a number of its own: " (Extent::of_all()) "." }
                    (table(realistic))
                }
            }
        }
    };
    Ok(page.into_string())
}

/// One color a number of characters, whoever measured it.
fn color(characters: usize) -> usize {
    sidecar::TEXTS_PER_SECOND.iter().position(|&(others, _)| others == characters).unwrap_or_default()
}

/// A line for each number of characters: texts a second over what `x` says.
fn lines(rows: &[Row], kind: Kind, x: fn(&Row) -> usize) -> Vec<Line> {
    let of_kind = || rows.iter().filter(move |row| row.configuration.kind == kind);
    let mut sizes: Vec<usize> = of_kind().map(|row| row.configuration.characters).collect();
    sizes.dedup();
    let line = |characters: usize| Line {
        name: format!("{characters} characters"),
        color: color(characters),
        points: of_kind()
            .filter(|row| row.configuration.characters == characters)
            .map(|row| (x(row) as f64, row.texts_per_second()))
            .collect(),
        is_others: false,
    };
    sizes.into_iter().map(line).collect()
}

/// A fact's name in the JSON, how it is said, and in what.
const FACTS: [(&str, &str, Unit); 15] = [
    ("model", "model", Unit::None),
    ("fingerprint", "fingerprint of its vectors", Unit::None),
    ("device", "device", Unit::None),
    ("arithmetic", "arithmetic", Unit::None),
    ("processor", "processor", Unit::None),
    ("cores", "processor's cores", Unit::None),
    ("hardwareThreads", "processor's threads", Unit::None),
    ("system", "system", Unit::None),
    ("url", "address", Unit::None),
    ("startSeconds", "until the model was ready", Unit::Seconds),
    ("firstVectorSeconds", "first vector after that", Unit::Seconds),
    ("residentBytes", "memory, at most", Unit::Bytes),
    ("version", "version of wembed", Unit::None),
    ("date", "end of the run", Unit::None),
    ("seed", "seed of the texts", Unit::None),
];

#[derive(Debug, Clone, Copy)]
enum Unit {
    None,
    Seconds,
    Bytes,
}

/// A value as people read it.
fn said(value: &Value, unit: Unit) -> String {
    let number = value.as_f64().unwrap_or_default();
    match unit {
        Unit::Bytes => format!("{:.0} MB", 1e-6 * number),
        Unit::Seconds if number < 1.0 => format!("{:.1} ms", 1e3 * number),
        Unit::Seconds => format!("{number:.2} s"),
        Unit::None => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
    }
}

/// What was measured, and on what.
fn known(about: &Map<String, Value>) -> Markup {
    let words = about.get("commandLine").and_then(Value::as_array);
    let words = words.map(|words| words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "));
    html! {
        dl {
            @for (name, label, unit) in FACTS {
                @if let Some(value) = fact(about, name) { dt { (label) ":" } dd { (said(value, unit)) } }
            }
            @if let Some(words) = words { dt { "command line:" } dd { (words) } }
        }
    }
}

fn sidecars() -> Markup {
    html! {
        p { "Dashed: the sidecar that wembed replaces. " (sidecar::SAID) }
        p {
            "Of five clients it gave "
            @for (index, (characters, times)) in sidecar::FIVE_CLIENTS.iter().enumerate() {
                @if index > 0 { ", " }
                (times) " times as many texts a second as of one (" (characters) " characters)"
            }
            "; in two of the three it then answered 80 and 82 % of the requests."
        }
    }
}

fn table(rows: &[Row]) -> Markup {
    let header = [
        "requests",
        "characters",
        "texts",
        "clients",
        "average, ms",
        "p50, ms",
        "p95, ms",
        "p99, ms",
        "texts/s",
        "tokens a text",
        "cut",
        "answered",
    ];
    let optional = |value: Option<f64>, factor: f64, unit: &str| {
        value.map_or_else(|| "?".to_owned(), |value| format!("{:.0}{unit}", factor * value))
    };
    html! {
        table {
            tr { @for name in header { th { (name) } } }
            @for row in rows {
                @let it = row.configuration;
                tr {
                    td { (it.kind.name()) }
                    td { @if it.characters == 0 { (format!("mixed, {:.0}", row.characters)) } @else { (it.characters) } }
                    td { (it.batch) }
                    td { (it.threads) }
                    td { (format!("{:.1}", row.average())) }
                    @for percent in [50.0, 95.0, 99.0] { td { (format!("{:.1}", row.percentile(percent))) } }
                    td { (format!("{:.2}", row.texts_per_second())) }
                    td { (optional(row.tokens, 1.0, "")) }
                    td { (optional(row.truncated, 100.0, " %")) }
                    td { (format!("{:.0} %", row.success_rate())) }
                }
                @if let Some(failure) = &row.failure { tr { td colspan="12" { (failure) } } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::grid::Configuration;
    use super::*;

    fn row(kind: Kind, failure: Option<&str>) -> Row {
        let configuration = Configuration { kind, characters: 500, batch: 32, threads: 1, iterations: 1 };
        let mut row = Row::new(configuration, vec![100.0], 1, 0.1);
        row.failure = failure.map(str::to_owned);
        row
    }

    #[test]
    fn a_page_that_fetches_nothing() {
        let about = serde_json::json!({
            "version": "0.1.0",
            "residentBytes": 170_400_000,
            "firstVectorSeconds": 0.0123,
            "processor": null,
            "server": { "device": "<gpu> & co" },
            "commandLine": ["wembed", "bench"],
        });
        let about = about.as_object().expect("an object");
        let rows = [row(Kind::Serial, Some("no <answer>")), row(Kind::Concurrent, None)];
        let page = html(&rows, &rows[..1], about).expect("it is drawn");
        for part in
            ["<svg", "&lt;gpu&gt; &amp; co", "no &lt;answer&gt;", "320.00", "Apple MPS", "sidecar, 500 characters"]
        {
            assert!(page.contains(part), "{part} in {page}");
        }
        let extent = Extent::of_all().to_string();
        for part in ["memory, at most:</dt><dd>170 MB<", "after that:</dt><dd>12.3 ms<", "wembed bench</dd>", &extent] {
            assert!(page.contains(part), "{part} in {page}");
        }
        assert!(!page.contains("residentBytes") && !page.contains("processor"), "{page}");
        for word in ["<script", "src=", "href=", "url(", "@import"] {
            assert!(!page.contains(word), "{word} in {page}");
        }
        let alone = html(&[row(Kind::InProcess, None)], &[], about).expect("it is drawn");
        assert!(!alone.contains("sidecar"), "nothing of a server's beside what is measured without one");
    }
}
