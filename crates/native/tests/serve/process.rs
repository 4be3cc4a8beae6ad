//! The program: how it says that it is ready, and when it ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::golden;

pub struct Process {
    pub child: Child,
    pub ready: Value,
    pub stdin: Option<ChildStdin>,
}

/// The program's command line.
fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wembed"));
    command.args(["serve", "--device", "cpu", "--threads", "1", "--model"]).arg(golden("mpnet")).args(words);
    if !words.contains(&"--port") {
        command.args(["--port", "0"]);
    }
    command.env_remove("WEMBED_MODEL").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Process {
    pub fn start(words: &[&str]) -> Self {
        let mut child = command(words).spawn().expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("it is piped")).read_line(&mut line).expect("it says something");
        let ready = serde_json::from_str(&line).unwrap_or_else(|error| {
            let mut said = String::new();
            drop(child.stderr.take().expect("it is piped").read_to_string(&mut said));
            panic!("{error}: {line:?}; {said}")
        });
        let stdin = child.stdin.take();
        Self { child, ready, stdin }
    }

    pub fn url(&self) -> &str {
        self.ready["url"].as_str().expect("it says where it is")
    }

    /// One request: its status and body.
    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let host = self.url().strip_prefix("http://").expect("it is HTTP");
        post(host, path, &body.to_string()).expect("it answers")
    }

    /// Waits for its end; how it ended.
    pub fn ended(&mut self) -> Option<i32> {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(10) {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return status.code();
            }
            sleep(Duration::from_millis(10));
        }
        panic!("it does not end");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A request by hand over any stream.
pub fn post(host: &str, path: &str, body: &str) -> std::io::Result<(u16, Value)> {
    let mut stream = TcpStream::connect(host)?;
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    Ok((status, serde_json::from_str(body).unwrap_or_default()))
}

#[test]
fn it_says_when_it_is_ready() {
    let mut process = Process::start(&[]);
    for key in ["url", "model", "fingerprint", "version", "device", "arithmetic"] {
        assert!(process.ready[key].is_string(), "{key} in {}", process.ready);
    }
    assert_eq!(process.ready["pid"], process.child.id());
    let (status, body) = process.post("/v1/embeddings", &json!({ "input": "a" }));
    assert_eq!((status, body["data"][0]["embedding"].as_array().map(Vec::len)), (200, Some(96)));
    assert!(process.child.try_wait().expect("it can be waited for").is_none());
    process.child.kill().expect("it can be killed");
    process.ended();
}

/// A body that nobody reads, and that comes late, does not cost the connection's next request.
#[test]
fn a_connection_goes_on_after_a_body_that_was_not_read() {
    let process = Process::start(&[]);
    let host = process.url().strip_prefix("http://").expect("it is HTTP");
    let mut stream = TcpStream::connect(host).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("it can be set");
    let mut status = |path: &str, length: usize, sent: usize| {
        write!(stream, "PUT {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n\r\n").expect("it reads");
        sleep(Duration::from_millis(50));
        stream.write_all(&vec![b'x'; sent]).expect("it reads");
        let mut answer = Vec::new();
        let mut bytes = [0; 4096];
        while !String::from_utf8_lossy(&answer).contains("\"error_type\"") {
            let count = stream.read(&mut bytes).expect("it answers");
            assert_ne!(count, 0, "it closed: {}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&bytes[..count]);
        }
        String::from_utf8(answer).expect("it is text").to_ascii_lowercase()
    };
    for path in ["/embed", "/nothing", "/health"] {
        let answer = status(path, 5000, 5000);
        assert!(answer.starts_with("http/1.1 40") && !answer.contains("connection: close"), "{answer}");
    }
    // One that does not come ends it, and that is said.
    let answer = status("/embed", 5000, 10);
    assert!(answer.contains("connection: close"), "{answer}");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_when_what_was_accepted_is_answered() {
    for signal in ["-TERM", "-INT"] {
        let mut process = Process::start(&[]);
        let host = process.url().strip_prefix("http://").expect("it is HTTP").to_owned();
        let texts: Vec<String> = (0..2000).map(|number| format!("a text of some words, number {number}")).collect();
        let asking = std::thread::spawn(move || post(&host, "/embed", &json!({ "inputs": texts }).to_string()));
        sleep(Duration::from_millis(150));
        let id = process.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().expect("there is kill").success());
        let (status, body) = asking.join().expect("no panic").expect("it answers");
        assert_eq!((status, body.as_array().map(Vec::len)), (200, Some(2000)));
        assert_eq!(process.ended(), Some(0));
    }
}

#[test]
fn it_ends_with_its_standard_input() {
    let mut process = Process::start(&["--exit-with-stdin"]);
    process.stdin.as_mut().expect("it is piped").write_all(b"something").expect("it is read");
    sleep(Duration::from_millis(100));
    assert!(process.child.try_wait().expect("it can be waited for").is_none());
    process.stdin = None;
    assert_eq!(process.ended(), Some(0));
}

/// A parent that is killed leaves nothing behind.
#[cfg(unix)]
#[test]
fn it_ends_with_its_parent() {
    let mut words = format!(
        "{} serve --port 0 --device cpu --exit-with-parent --model {} & wait",
        env!("CARGO_BIN_EXE_wembed"),
        golden("mpnet").display()
    );
    words.insert_str(0, "exec 3>&1; ");
    let mut parent = Command::new("sh").args(["-c", &words]).stdout(Stdio::piped()).spawn().expect("there is a shell");
    let mut line = String::new();
    BufReader::new(parent.stdout.as_mut().expect("it is piped")).read_line(&mut line).expect("it says something");
    let ready: Value = serde_json::from_str(&line).expect("it is ready");
    let alive = || {
        Command::new("kill")
            .args(["-0", &ready["pid"].to_string()])
            .stderr(Stdio::null())
            .status()
            .expect("there is kill")
            .success()
    };
    assert!(alive());
    parent.kill().expect("it can be killed");
    parent.wait().expect("it can be waited for");
    let started = Instant::now();
    while alive() {
        assert!(started.elapsed() < Duration::from_secs(10), "an orphan");
        sleep(Duration::from_millis(20));
    }
}

/// A client that says nothing is not waited for for ever.
#[test]
fn a_silent_connection_is_ended() {
    let process = Process::start(&[]);
    let host = process.url().strip_prefix("http://").expect("it is HTTP");
    let mut stream = TcpStream::connect(host).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("it can be set");
    let started = Instant::now();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("it ends");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn a_second_one_hands_out_the_first_ones_url() {
    let place = TempDir::new().expect("there is room");
    let lock = place.path().join("lock");
    let lock = lock.to_str().expect("it is UTF-8");
    let first = Process::start(&["--lock", lock]);
    let mut second = Process::start(&["--lock", lock]);
    assert_eq!((&second.ready["url"], &second.ready["already_running"]), (&first.ready["url"], &json!(true)));
    assert_eq!(second.ended(), Some(0));
    // One that was killed is not waited for.
    drop(first);
    let third = Process::start(&["--lock", lock]);
    assert_eq!(third.ready["already_running"], Value::Null);
    assert_eq!(third.post("/embed", &json!({ "inputs": "a" })).0, 200);
}

#[cfg(unix)]
#[test]
fn a_unix_socket() {
    use std::os::unix::net::UnixStream;
    let place = TempDir::new().expect("there is room");
    let path = place.path().join("socket");
    for _ in 0..2 {
        // The second finds what the first, which is killed, left.
        let process = Process::start(&["--unix-socket", path.to_str().expect("it is UTF-8")]);
        assert_eq!(process.url(), format!("unix:{}", path.display()));
        let mut stream = UnixStream::connect(&path).expect("it listens");
        stream.write_all(b"GET /live HTTP/1.1\r\nhost: wembed\r\nconnection: close\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[test]
fn what_it_cannot_do_is_said() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let port = taken.local_addr().expect("it has one").port().to_string();
    let golden = golden("mpnet");
    let model = golden.to_str().expect("it is UTF-8");
    for (words, word) in [
        (vec!["--port", &port], "could not be listened at"),
        (vec!["--api-keys", "/no/such/file"], "keys in `/no/such/file` could not be read"),
        (vec!["--alias", "x=y"], "expected the name of a --model, found `y`"),
        (vec!["--model", model], "is there twice"),
        (vec!["--cache", "/no/such/folder/cache"], "/no/such/folder/cache"),
        (vec!["--keep-alive", "soon"], "expected a duration"),
    ] {
        let output = command(&words).env("WEMBED_LOG", "").stdin(Stdio::null()).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(word) && !said.contains("panicked"), "{words:?}: {said}");
    }
}

#[test]
fn a_filter_that_is_none_is_said() {
    let output = command(&[]).env("WEMBED_LOG", "wembed=loud=very").stdin(Stdio::null()).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("WEMBED_LOG") && said.contains("`wembed=loud=very`"), "{said}");
}
