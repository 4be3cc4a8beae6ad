//! A hub on this machine: two servers, of which one lists models and the other keeps the large files, as Hugging Face's do.
//! A test changes single answers.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// The commit of everything that a hub has at first.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What was asked.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The first byte that was asked for.
    pub from: Option<usize>,
    pub authorization: Option<String>,
    /// Whether it came to the server of large files.
    pub elsewhere: bool,
}

/// What is answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    /// Bytes of the body after which the connection is cut.
    pub cut: Option<usize>,
    /// What the connection is kept for, then.
    pub hold: Option<Receiver<()>>,
}

type Change = Box<dyn FnMut(&Request, &mut Answer) + Send>;

#[derive(Default)]
struct State {
    /// By the model's name and the path.
    files: BTreeMap<(String, String), Vec<u8>>,
    commit: String,
    requests: Vec<Request>,
    /// Changes of answers to targets that end so; each so many times.
    changes: Vec<(String, usize, Arc<Mutex<Change>>)>,
    large: String,
}

/// A hub.
#[derive(Clone)]
pub struct Server {
    pub address: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State { commit: COMMIT.to_owned(), ..State::default() }));
        let server = Self { address: listen(&state, false), state };
        let large = listen(&server.state, true);
        server.state().large = large;
        server
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no test fails while it holds this")
    }

    /// Adds the files of a directory as the model `id`, and some that nobody needs.
    pub fn add(&self, id: &str, folder: &Path) {
        let mut state = self.state();
        let mut folders = vec![folder.to_owned()];
        while let Some(within) = folders.pop() {
            for entry in fs::read_dir(&within).expect("a model's directory can be listed") {
                let path = entry.expect("a model's directory can be listed").path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let name = path.strip_prefix(folder).expect("it is in there").to_str().expect("UTF-8").to_owned();
                state.files.insert((id.to_owned(), name), fs::read(&path).expect("it can be read"));
            }
        }
        for name in ["README.md", ".gitattributes", "onnx/model.onnx", "pytorch_model.bin", "tf_model.h5", "vocab.txt"]
        {
            state.files.insert((id.to_owned(), name.to_owned()), b"nobody needs this".to_vec());
        }
    }

    /// Adds or replaces a file, which makes another commit.
    pub fn put(&self, id: &str, path: &str, bytes: &[u8], commit: &str) {
        let mut state = self.state();
        state.files.insert((id.to_owned(), path.to_owned()), bytes.to_vec());
        state.commit = commit.to_owned();
    }

    pub fn remove(&self, id: &str, path: &str) {
        self.state().files.remove(&(id.to_owned(), path.to_owned())).expect("it was there");
    }

    /// Changes the next `times` answers to requests whose path ends so.
    pub fn change(&self, end: &str, times: usize, change: impl FnMut(&Request, &mut Answer) + Send + 'static) {
        self.state().changes.push((end.to_owned(), times, Arc::new(Mutex::new(Box::new(change)))));
    }

    /// What was asked since this was asked last.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.state().requests)
    }

    /// What the path of a model's large file ends with.
    pub fn large(path: &str) -> String {
        format!("/large/{path}")
    }
}

/// Takes connections as long as the test runs; gives the address.
fn listen(state: &Arc<Mutex<State>>, elsewhere: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = format!("http://{}", listener.local_addr().expect("it has an address"));
    let state = Arc::clone(state);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let state = Arc::clone(&state);
            // A client that goes away in the middle is no fault of the server.
            thread::spawn(move || serve(&stream, &state, elsewhere));
        }
    });
    address
}

fn serve(stream: &TcpStream, state: &Mutex<State>, elsewhere: bool) -> Option<()> {
    let request = read_request(stream, elsewhere)?;
    let (mut answer, changes) = {
        let mut state = state.lock().ok()?;
        state.requests.push(request.clone());
        let path = request.target.split('?').next()?.to_owned();
        let fits = |change: &&mut (String, usize, _)| change.1 > 0 && path.ends_with(&change.0);
        let change = state.changes.iter_mut().find(fits).map(|change| {
            change.1 -= 1;
            Arc::clone(&change.2)
        });
        (state.answer(&request), change)
    };
    if let Some(change) = changes {
        // Outside of the lock: a change may wait for what another request does.
        (change.lock().ok()?)(&request, &mut answer);
    }
    answer.send(stream, &request)
}

fn read_request(stream: &TcpStream, elsewhere: bool) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut request = Request { method, target, from: None, authorization: None, elsewhere };
    for line in lines {
        let line = line.ok()?;
        let Some((name, value)) = line.split_once(": ") else { break };
        match name.to_lowercase().as_str() {
            "range" => request.from = value.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok(),
            "authorization" => request.authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    Some(request)
}

/// Hexadecimal digits.
fn digits(hash: impl IntoIterator<Item = u8>) -> String {
    hash.into_iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The etag of a file on the hub.
pub fn etag(path: &str, bytes: &[u8]) -> String {
    if is_large(path) {
        return digits(Sha256::digest(bytes));
    }
    digits(Sha1::new().chain_update(format!("blob {}\0", bytes.len())).chain_update(bytes).finalize())
}

fn is_large(path: &str) -> bool {
    path.ends_with(".safetensors")
}

impl State {
    fn answer(&self, request: &Request) -> Answer {
        let target = request.target.split('?').next().unwrap_or_default().replace("%2F", "/");
        if let Some(rest) = target.strip_prefix("/api/models/") {
            let (id, asked) = rest.split_once("/revision/").or(rest.split_once("/tree/")).unwrap_or((rest, "main"));
            return self.list(id, asked, rest.contains("/tree/"));
        }
        let (id, path) = match target.strip_prefix('/').and_then(|rest| rest.split_once("/resolve/")) {
            Some((id, rest)) => (id, rest.split_once('/').map_or("", |(_, path)| path)),
            None => target.strip_prefix('/').and_then(|rest| rest.split_once("/large/")).unwrap_or_default(),
        };
        let Some(bytes) = self.files.get(&(id.to_owned(), path.to_owned())) else {
            let mut answer = Answer::error(404, "EntryNotFound", "Entry not found");
            answer.header("X-Repo-Commit", &self.commit);
            return answer;
        };
        let mut answer = Answer::ok("application/octet-stream", bytes.clone());
        if request.elsewhere {
            answer.header("ETag", "\"some-other-etag\"");
        } else {
            answer.header("X-Repo-Commit", &self.commit);
            answer.header("ETag", &format!("\"{}\"", etag(path, bytes)));
            if is_large(path) {
                answer.status = 302;
                answer.header("Location", &format!("{}/{id}/large/{path}", self.large));
                answer.header("X-Linked-Etag", &format!("\"{}\"", etag(path, bytes)));
                answer.header("X-Linked-Size", &bytes.len().to_string());
                answer.body = b"Found. Redirecting".to_vec();
                return answer;
            }
        }
        if let Some(from) = request.from {
            let size = bytes.len();
            if from >= size {
                return Answer::error(416, "", "no such range");
            }
            answer.status = 206;
            answer.header("Content-Range", &format!("bytes {from}-{}/{size}", size - 1));
            answer.body.drain(..from);
        }
        answer
    }

    /// The list of a model's files; as a tree, in the form that Python asks for.
    fn list(&self, id: &str, revision: &str, tree: bool) -> Answer {
        let files: Vec<_> = self.files.iter().filter(|((owner, _), _)| owner == id).collect();
        if files.is_empty() {
            return Answer::error(401, "RepoNotFound", "Repository not found");
        }
        if tree && revision.starts_with("main/") {
            return Answer::error(404, "EntryNotFound", "Entry not found");
        }
        if !["main", "v1", "refs/pr/1", &self.commit].contains(&revision) {
            return Answer::error(404, "RevisionNotFound", &format!("Invalid rev id: {revision}"));
        }
        let entry = |((_, path), bytes): &(&(String, String), &Vec<u8>)| -> Value {
            let sha256 = is_large(path).then(|| etag(path, bytes));
            let pointer = json!({"sha256": sha256, "oid": sha256, "size": bytes.len(), "pointerSize": 130});
            let mut entry = if tree {
                json!({"type": "file", "path": path, "oid": etag("", bytes), "size": bytes.len()})
            } else {
                json!({"rfilename": path, "blobId": etag("", bytes), "size": bytes.len()})
            };
            if sha256.is_some() {
                entry["lfs"] = pointer;
            }
            entry
        };
        let entries: Vec<Value> = files.iter().map(entry).collect();
        let list = if tree { json!(entries) } else { json!({"id": id, "sha": self.commit, "siblings": entries}) };
        Answer::ok("application/json", list.to_string().into_bytes())
    }
}

impl Answer {
    fn ok(kind: &str, body: Vec<u8>) -> Self {
        let mut answer = Self { status: 200, headers: BTreeMap::new(), body, cut: None, hold: None };
        answer.header("Content-Type", kind);
        answer
    }

    /// An error as the hub answers it.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let mut answer = Self::ok("application/json", json!({"error": message}).to_string().into_bytes());
        answer.status = status;
        answer.header("X-Error-Code", code);
        answer.header("X-Error-Message", message);
        answer
    }

    pub fn header(&mut self, name: &str, value: &str) {
        self.headers.insert(name.to_owned(), value.to_owned());
    }

    fn send(&self, mut stream: &TcpStream, request: &Request) -> Option<()> {
        let mut head = format!("HTTP/1.1 {} Said\r\nConnection: close\r\n", self.status);
        let length = self.body.len().to_string();
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        // An empty one of its own takes it away.
        if !self.headers.contains_key("Content-Length") {
            head += &format!("Content-Length: {length}\r\n");
        }
        let head = head.replace("Content-Length: \r\n", "");
        stream.write_all(format!("{head}\r\n").as_bytes()).ok()?;
        if request.method != "HEAD" {
            stream.write_all(&self.body[..self.cut.unwrap_or(self.body.len()).min(self.body.len())]).ok()?;
        }
        stream.flush().ok()?;
        if let Some(hold) = &self.hold {
            let _ = hold.recv();
        }
        Some(())
    }
}
