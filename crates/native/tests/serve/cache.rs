//! Vectors on disk: there after an end of whatever kind, right or not there.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::Process;

fn texts(from: usize) -> Vec<String> {
    (from..from + 20).map(|number| format!("text number {number}")).collect()
}

fn vectors(process: &Process, from: usize) -> Value {
    let (status, body) = process.post("/embed", &json!({ "inputs": texts(from) }));
    assert_eq!(status, 200, "{body}");
    body
}

/// How many vectors came out of the cache.
fn hits(process: &Process) -> u64 {
    let host = process.url().strip_prefix("http://").expect("it is HTTP");
    let mut stream = std::net::TcpStream::connect(host).expect("it listens");
    let mut answer = String::new();
    std::io::Write::write_all(&mut stream, b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .expect("it reads");
    std::io::Read::read_to_string(&mut stream, &mut answer).expect("it answers");
    let line = answer.lines().find_map(|line| line.strip_prefix("wembed_texts_total{what=\"cache\"} "));
    line.map_or(0, |count| count.parse().expect("it is a number"))
}

fn start(cache: &Path) -> Process {
    Process::start(&["--cache", cache.to_str().expect("it is UTF-8")])
}

#[cfg(unix)]
#[test]
fn vectors_outlive_the_server() {
    let place = TempDir::new().expect("there is room");
    let cache = place.path().join("cache");
    let first = {
        let mut process = start(&cache);
        let found = vectors(&process, 0);
        std::process::Command::new("kill").arg(process.child.id().to_string()).status().expect("there is kill");
        process.ended();
        found
    };
    let process = start(&cache);
    assert_eq!(vectors(&process, 0), first);
    assert_eq!(hits(&process), 20);
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_wembed"))
        .args(["serve", "--port", "0", "--cache"])
        .arg(&cache)
        .output();
    let said = String::from_utf8_lossy(&second.expect("it runs").stderr).into_owned();
    assert!(said.contains("in use by another process"), "{said}");
}

/// Whenever it is killed, what is there afterwards is right.
#[test]
fn killed_a_hundred_times() {
    let place = TempDir::new().expect("there is room");
    let cache = place.path().join("cache");
    let reference = Process::start(&[]);
    let (mut known, mut random) =
        (0, SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(1, |it| it.subsec_nanos()));
    for round in 0..100 {
        let mut process = start(&cache);
        for batch in 0..3 {
            let from = 20 * ((round / 4 + batch) % 30);
            assert_eq!(vectors(&process, from), vectors(&reference, from), "round {round}");
        }
        known += hits(&process);
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        std::thread::sleep(Duration::from_micros(u64::from(random % 20_000)));
        process.child.kill().expect("it can be killed");
        process.ended();
    }
    assert!(known > 1000, "{known} of 6000 came out of the cache");
    let left = fs::read_dir(place.path()).expect("it can be listed").count();
    assert_eq!(left, 1, "a file was set aside");
}

#[cfg(unix)]
#[test]
fn a_damaged_file_is_set_aside() {
    let place = TempDir::new().expect("there is room");
    let cache = place.path().join("cache");
    // Ended in order, so that nothing in the file says that it is to be mended.
    let expected = {
        let mut process = start(&cache);
        let found = vectors(&process, 0);
        std::process::Command::new("kill").arg(process.child.id().to_string()).status().expect("there is kill");
        process.ended();
        found
    };
    let whole = fs::read(&cache).expect("it is there");
    let aside = || fs::read_dir(place.path()).expect("it can be listed").count() - 1;
    for (is_unreadable, what, bytes) in [
        (true, "its beginning", whole[..whole.len() / 3].to_vec()),
        // Where there may be pages that nothing is in.
        (false, "others in the middle", {
            let mut bytes = whole.clone();
            let middle = bytes.len() / 4;
            bytes[middle..2 * middle].iter_mut().for_each(|byte| *byte ^= 0x55);
            bytes
        }),
    ] {
        fs::write(&cache, bytes).expect("it can be written");
        let process = start(&cache);
        assert!(!is_unreadable || aside() == 1, "{what}");
        assert_eq!(vectors(&process, 0), expected, "{what}");
        assert_eq!(vectors(&process, 0), expected, "{what}");
    }
    // What is somebody else's is left alone.
    let other = place.path().join("notes.txt");
    fs::write(&other, "dear diary").expect("it can be written");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_wembed"))
        .args(["serve", "--port", "0", "--cache"])
        .arg(&other)
        .output();
    let said = String::from_utf8_lossy(&output.expect("it runs").stderr).into_owned();
    assert!(said.contains("found something else"), "{said}");
    assert_eq!(fs::read_to_string(&other).expect("it is there"), "dear diary");
}
