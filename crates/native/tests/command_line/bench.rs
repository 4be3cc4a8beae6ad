//! `wembed bench`: the columns and fields of the benchmark that it continues, figures that agree with the clock, and servers in three forms.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

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
        "--api-key",
        "SECRET",
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
    for part in ["<svg", "fingerprint", "mixed", "memory, at most:", " MB<", "processor's cores:", "***"] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("SECRET"), "{page}");
    let written = json(&written);
    let serial = written["serial"].as_array().expect("rows");
    assert_eq!((serial.len(), written["concurrent"].as_array().map(Vec::len)), (3, Some(0)));
    let texts = written["wembed"]["texts"].as_array().expect("rows");
    for (row, texts) in serial.iter().zip(texts) {
        // A request after the other; a unit test holds how close the two are.
        let sum = 1e-3 * number(row, "avg") * number(row, "iterations");
        let wall = number(texts, "wallSeconds");
        assert!(sum <= wall, "{sum} s of {wall}: {row}");
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
    assert!((12.0..3100.0).contains(&characters), "{two}");
    let words = about["commandLine"].to_string();
    assert!(words.contains("--api-key") && words.contains("***") && !written.to_string().contains("SECRET"), "{words}");
    assert!(number(about, "seed") > 0.0 && number(about, "cores") >= 1.0, "{about:#}");
    let extent = &about["realisticTexts"];
    let extent = ["texts", "minCharacters", "maxCharacters", "medianCharacters", "meanCharacters", "languages"]
        .map(|name| format!("{:.0}", number(extent, name)));
    let [texts, least, most, median, mean, languages] = &extent;
    let said = format!(
        "{texts} texts of {least} to {most} characters (median {median}, mean {mean}) in {languages} languages"
    );
    let document = include_str!("../../../../docs/bench.md");
    assert!(page.contains(&said) && document.contains(&said), "{said}");

    // Held against itself nothing is slower than a run that was a thousandth as fast, and all than one that was a thousand times as fast.
    for (factor, slower) in [(1e-3, "0 are slower"), (1e3, "8 are slower")] {
        let mut old = written.clone();
        for rows in ["/serial", "/wembed/realistic"] {
            for row in old.pointer_mut(rows).and_then(Value::as_array_mut).expect("rows") {
                row["textsPerSec"] = (factor * number(row, "textsPerSec")).into();
            }
        }
        old["wembed"]["server"]["device"] = "abacus".into();
        let path = place.path().join("old.json");
        std::fs::write(&path, old.to_string()).expect("there is room");
        let path = path.to_str().expect("it is UTF-8");
        let printed = bench(&["--model", &model, "--device", "cpu", "--compare", path]).good();
        assert!(printed.contains("of 8 rows") && printed.contains(slower), "{printed}");
        assert!(printed.contains("another device: `abacus` before") && !printed.contains("another model"), "{printed}");
    }
    let path = place.path().join("none.json");
    std::fs::write(&path, r#"{"serial":[]}"#).expect("there is room");
    let path = path.to_str().expect("it is UTF-8");
    bench(&["--model", &model, "--device", "cpu", "--compare", path]).bad(1, &["nothing in", "none.json", "matches"]);
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
    let about = &written["wembed"];
    assert!(["device", "arithmetic", "fingerprint"].iter().all(|name| about[*name].is_string()), "{about:#}");
    assert_eq!(about["model"].as_str(), Some(&*model));
    assert!(number(about, "residentBytes") > 1e6, "{about:#}");
    let path = path.to_str().expect("it is UTF-8");
    let printed = bench(&["--in-process", "--model", &model, "--device", "cpu", "--compare", path]).good();
    assert!(printed.contains("of 7 rows") && !printed.contains("another"), "{printed}");
    bench(&["--compare", path, "--model", &model]).bad(1, &["nothing in", "matches"]);
}

#[test]
fn several_clients() {
    let place = tempfile::TempDir::new().expect("there is room");
    let path = place.path().join("r.json");
    let path = path.to_str().expect("it is UTF-8");
    let model = model("bert");
    let flags =
        ["bench", "--quick", "--max-threads", "2", "--max-size", "1000", "--device", "cpu", "--export-json", path];
    run(&[&flags[..], &["--model", &model]].concat()).good();
    let written = json(Path::new(path));
    let rows = written["concurrent"].as_array().expect("rows");
    assert_eq!(rows.iter().map(|row| number(row, "threads")).collect::<Vec<_>>(), [1.0, 2.0]);
    let texts = written["wembed"]["texts"].as_array().expect("rows");
    let of_rows: Vec<_> =
        texts.iter().filter(|texts| texts["kind"] == "concurrent" && texts["textSize"] == 1000).collect();
    for (row, texts) in rows.iter().zip(of_rows) {
        let threads = number(row, "threads");
        let rate = threads * 3.0 * 32.0 / number(texts, "wallSeconds");
        assert!((number(row, "textsPerSec") / rate - 1.0).abs() < 1e-9, "{row} {texts}");
        assert_eq!((number(row, "successCount"), number(row, "textSize")), (3.0 * threads, 1000.0));
    }
    assert!(number(&written["summary"]["bestConcurrent"], "speedUp") > 0.0, "{written:#}");
}

/// Answers the first request and no other.
fn stub() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    thread::spawn(move || {
        let answers = std::iter::once(("200 OK", "[[0.5]]")).chain(std::iter::repeat(("503 Busy", "out of beads")));
        for (stream, (status, body)) in listener.incoming().zip(answers) {
            let mut reader = BufReader::new(stream.expect("a client"));
            let (mut line, mut length) = (String::new(), 0);
            while reader.read_line(&mut line).is_ok() && line.trim() != "" {
                if let Some(found) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = found.trim().parse().expect("a number");
                }
                line.clear();
            }
            let _ = reader.read_exact(&mut vec![0; length]);
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
            let _ = reader.get_mut().write_all(answer.as_bytes());
        }
    });
    url
}

#[test]
fn what_never_answers_is_an_error_and_written_down() {
    let place = tempfile::TempDir::new().expect("there is room");
    let path = place.path().join("r.csv");
    let flags = ["--url", &stub(), "--api", "tei", "--export-csv", path.to_str().expect("it is UTF-8")];
    bench(&flags).bad(1, &["8 of 8 configurations had no answer", "/embed", "503", "out of beads"]);
    let lines = std::fs::read_to_string(&path).expect("it is there");
    assert_eq!((lines.lines().count(), lines.matches(",0.00\n").count()), (4, 3), "{lines}");
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
    let place = tempfile::TempDir::new().expect("there is room");
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
        let path = place.path().join("r.json");
        let path = path.to_str().expect("it is UTF-8");
        let printed = bench(&["--url", &address, "--api", api, "--model", name, "--export-json", path]).good();
        assert!(printed.contains("100.0 %"), "{api}: {printed}");
        let said = &json(Path::new(path))["wembed"]["server"];
        assert_eq!((&said["fingerprint"], &said["model"]), (&ready["fingerprint"], &ready["model"]), "{api}");
    }
    let metrics = ureq::get(format!("{url}/metrics")).call().and_then(|mut answer| answer.body_mut().read_to_string());
    let metrics = metrics.expect("it has some");
    let of_the_cache = metrics.lines().find(|line| line.contains("what=\"cache\""));
    assert!(of_the_cache.is_some_and(|line| line.ends_with(" 0")), "each run has texts of its own: {metrics}");
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
    for url in ["nonsense", "ftp://127.0.0.1", "http://[::1", "http://127.0.0.1/v1?key=1", "http://127.0.0.1#v1"] {
        bench(&["--url", url]).bad(2, &[url, "expected an address"]);
    }
    bench(&["--in-process", "--timeout", "3"]).bad(2, &["--in-process", "--timeout"]);
    bench(&["--kernel-times"]).bad(1, &["--kernel-times"]);
    run(&["bench", "--max-threads", "6"]).bad(2, &["--max-threads", "6", "1..=5"]);
    run(&["bench", "--max-size", "100"]).bad(2, &["--max-size", "100"]);
}
