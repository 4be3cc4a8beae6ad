//! `wembed bench`: the columns and fields of the benchmark that it continues, figures that agree with the clock, and servers in three forms.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::models::model;
use crate::run::{Run, run};

fn bench(flags: &[&str]) -> Run {
    run(&[&["bench", "--quick", "--max-threads", "2", "--max-size", "500"], flags].concat())
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("it is there")).expect("it is JSON")
}

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or_else(|| panic!("{name} in {value:#}"))
}

#[test]
fn a_server_of_its_own() {
    let place = tempfile::TempDir::new().expect("there is room");
    let (csv, written, page) = (place.path().join("r.csv"), place.path().join("r.json"), place.path().join("r.html"));
    let paths = [&csv, &written, &page].map(|path| path.to_str().expect("it is UTF-8"));
    let model = model("bert");
    let flags = [
        "--model",
        &model,
        "--device",
        "cpu",
        "--export-csv",
        paths[0],
        "--export-json",
        paths[1],
        "--export-html",
        paths[2],
    ];
    let printed = bench(&flags).good();
    assert!(printed.contains("texts/s") && printed.contains("mixed") && printed.contains("MB in memory"), "{printed}");

    let lines = std::fs::read_to_string(&csv).expect("it is there");
    let lines: Vec<&str> = lines.lines().collect();
    let columns = "test_type,text_size,batch_size,threads,iterations,avg_latency,p95_latency,texts_per_sec,chars_per_sec,success_rate";
    assert_eq!(
        (lines[0], lines.len()),
        (columns, 1 + 3),
        "three batches of 500 characters; the clients' texts have 2000"
    );
    assert!(lines[1..].iter().all(|line| line.starts_with("serial,500,") && line.ends_with(",100.00")), "{lines:?}");

    let page = std::fs::read_to_string(&page).expect("it is there");
    assert!(page.contains("<svg") && page.contains("fingerprint") && page.contains("mixed"), "{page}");
    let written = json(&written);
    let serial = written["serial"].as_array().expect("rows");
    assert_eq!((serial.len(), written["concurrent"].as_array().map(Vec::len)), (3, Some(0)));
    let texts = written["wembed"]["texts"].as_array().expect("rows");
    for (row, texts) in serial.iter().zip(texts) {
        // A request after the other: their sum is the time that all took, but for what lies between two, which is long where others have the processor.
        let sum = 1e-3 * number(row, "avg") * number(row, "iterations");
        let wall = number(texts, "wallSeconds");
        assert!(sum <= wall && sum > 0.3 * wall, "{sum} s of {wall}: {row}");
        let rate = number(row, "batchSize") / (1e-3 * number(row, "avg"));
        assert!((number(row, "textsPerSec") / rate - 1.0).abs() < 1e-9, "{row}");
        assert!((number(row, "charsPerSec") / (500.0 * rate) - 1.0).abs() < 1e-9, "{row}");
        let [least, median, most] = ["min", "median", "max"].map(|name| number(row, name));
        assert!(0.0 < least && least <= median && median <= most && most == number(row, "p99"), "{row}");
        assert!(number(texts, "tokensPerText") > 2.0 && number(texts, "truncatedShare") == 1.0, "{texts}");
    }
    let about = &written["wembed"];
    assert!(number(about, "startSeconds") > 0.0 && number(about, "firstVectorSeconds") > 0.0, "{about:#}");
    assert!(about["server"]["fingerprint"].is_string() && about["commandLine"].is_array(), "{about:#}");
    let mixed = about["realistic"].as_array().expect("rows");
    let two = mixed.iter().find(|row| row["threads"] == 2).expect("two clients");
    assert!(number(two, "textsPerSec") > 0.0 && number(two, "successRate") == 100.0, "{two}");
    let characters = number(two, "charsPerSec") / number(two, "textsPerSec");
    assert!((12.0..240.0).contains(&characters), "{two}");

    // Held against itself nothing is slower than a run that was a thousandth as fast, and all than one that was a thousand times as fast.
    for (factor, slower) in [(1e-3, "0 are slower"), (1e3, "3 are slower")] {
        let mut old = written.clone();
        for row in old["serial"].as_array_mut().expect("rows") {
            row["textsPerSec"] = (factor * number(row, "textsPerSec")).into();
        }
        let path = place.path().join("old.json");
        std::fs::write(&path, old.to_string()).expect("there is room");
        let path = path.to_str().expect("it is UTF-8");
        let printed = bench(&["--model", &model, "--device", "cpu", "--compare", path]).good();
        assert!(printed.contains("of 3 rows") && printed.contains(slower), "{printed}");
    }
}

#[test]
fn in_this_process() {
    let place = tempfile::TempDir::new().expect("there is room");
    let path = place.path().join("r.json");
    let model = model("bert");
    let flags =
        ["--in-process", "--model", &model, "--device", "cpu", "--export-json", path.to_str().expect("it is UTF-8")];
    assert!(bench(&flags).good().contains("in-process"));
    let written = json(&path);
    assert_eq!(written["serial"], Value::Array(Vec::new()), "nothing that lies beside a server's");
    assert_eq!(written["wembed"]["inProcess"].as_array().map(Vec::len), Some(3));
    assert!(written["wembed"]["device"].is_string());
    assert!(written["wembed"]["arithmetic"].is_string());
}

/// A server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn any_server() {
    let model = model("bert");
    let mut command = Command::new(env!("CARGO_BIN_EXE_wembed"));
    command.args(["serve", "--port", "0", "--device", "cpu", "--model", &model]).stdout(Stdio::piped());
    let mut server = Server(command.spawn().expect("it starts"));
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().expect("it is piped")).read_line(&mut line).expect("it says so");
    let ready: Value = serde_json::from_str(&line).expect("it is ready");
    let (url, name) = (ready["url"].as_str().expect("a URL"), ready["model"].as_str().expect("a name"));
    for (api, address) in [
        ("openai", format!("{url}/v1")),
        ("openai", url.to_owned()),
        ("ollama", url.to_owned()),
        ("tei", url.to_owned()),
    ] {
        let printed = bench(&["--url", &address, "--api", api, "--model", name]).good();
        assert!(printed.contains("100.0 %"), "{api}: {printed}");
    }
    bench(&["--url", url, "--model", "abacus"]).bad(1, &["/v1/embeddings", "404", "abacus"]);
    bench(&["--url", &format!("{url}/nowhere"), "--api", "tei"]).bad(1, &["/nowhere/embed", "404"]);
    drop(server);
    bench(&["--url", url, "--model", name]).bad(1, &["/v1/embeddings"]);
}

#[test]
fn what_cannot_be_is_said_before_minutes_are_spent() {
    bench(&["--model", "/nonexistent"])
        .bad(1, &["the server ended before it was ready", "`/nonexistent` is not a directory"]);
    bench(&["--export-csv", "/nonexistent/r.csv"]).bad(1, &["/nonexistent/r.csv"]);
    bench(&["--compare", "/nonexistent/old.json"]).bad(1, &["/nonexistent/old.json"]);
    bench(&["--url", "http://127.0.0.1:1", "--in-process"]).bad(2, &["--in-process"]);
    bench(&["--api", "grpc"]).bad(2, &["grpc", "--api"]);
    bench(&["--url", "http://127.0.0.1:1", "--threads", "2"]).bad(2, &["--url", "--threads"]);
    bench(&["--url", "nonsense"]).bad(2, &["nonsense", "expected an address"]);
    bench(&["--in-process", "--timeout", "3"]).bad(2, &["--in-process", "--timeout"]);
    bench(&["--kernel-times"]).bad(1, &["--kernel-times"]);
    run(&["bench", "--max-threads", "6"]).bad(2, &["--max-threads", "6", "1..=5"]);
    run(&["bench", "--max-size", "100"]).bad(2, &["--max-size", "100"]);
}
