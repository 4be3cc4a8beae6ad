//! Browsers: child processes that run jobs, one after the other.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, Mutex};
use std::time::SystemTime;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wembed_tests::skip::skip;

/// What the page is to do.
#[derive(Debug, Clone, Serialize)]
pub struct Job {
    /// The model's files.
    pub directory: PathBuf,
    /// Another source than these files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<&'static str>,
    /// How the server answers; `ranges` is the right way.
    pub manner: &'static str,
    /// Load options; without any the model runs on the processor, the faster device of a machine without a GPU.
    pub options: Value,
    /// Serve the page as one that is not cross-origin isolated.
    pub plain: bool,
    /// Another worker than the page's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<&'static str>,
    /// Names and arguments.
    pub calls: Vec<Value>,
    /// Make all calls at once, not one after the other.
    pub overlap: bool,
}

impl Job {
    /// Loads the model in `directory` and does nothing with it yet.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        Self {
            directory,
            source: None,
            manner: "ranges",
            options: json!({ "device": "cpu" }),
            plain: false,
            worker: None,
            calls: Vec::new(),
            overlap: false,
        }
    }
}

/// What came of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// Why the model did not load.
    pub error: Option<String>,
    /// One a call.
    #[serde(default)]
    pub results: Vec<Outcome>,
    /// How many requests the server had for this model.
    pub requests: usize,
}

/// What came of a call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    value: Option<Value>,
    error: Option<String>,
}

impl Outcome {
    /// The call's value, or its error's message.
    pub fn get<T: DeserializeOwned>(&self) -> Result<T, String> {
        match &self.error {
            Some(error) => Err(error.clone()),
            None => Ok(serde_json::from_value(self.value.clone().unwrap_or_default()).expect("the value has its form")),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Fault { fault: String },
    Done(Done),
}

/// A child process with a browser of its own.
struct Runner {
    _child: Child,
    jobs: ChildStdin,
    results: BufReader<ChildStdout>,
}

/// Browsers that wait for a job: at most one a test thread, used again because each takes seconds to start.
static IDLE: Mutex<Vec<Runner>> = Mutex::new(Vec::new());

/// Runs a job in a browser that has WebGPU; nothing, and a visible word, where there is no browser.
///
/// # Panics
/// Where the page itself fails.
pub fn run(job: &Job) -> Option<Done> {
    is_possible().then(|| {
        let idle = IDLE.lock().unwrap().pop();
        let mut runner = idle.unwrap_or_else(|| start(&[]));
        let line = ask(&mut runner, job);
        IDLE.lock().unwrap().push(runner);
        done(line)
    })
}

/// Runs a job in a browser as most users without a graphics driver have it.
pub fn run_without_webgpu(job: &Job) -> Option<Done> {
    is_possible().then(|| done(ask(&mut start(&["--without-webgpu"]), job)))
}

fn ask(runner: &mut Runner, job: &Job) -> Line {
    let job = serde_json::to_string(job).unwrap();
    writeln!(runner.jobs, "{job}").expect("the runner takes jobs; what it said is above");
    let mut line = String::new();
    runner.results.read_line(&mut line).unwrap();
    assert!(!line.is_empty(), "the runner ended; what it said is above");
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn done(line: Line) -> Done {
    match line {
        Line::Done(done) => done,
        Line::Fault { fault } => panic!("the page failed: {fault}"),
    }
}

fn start(arguments: &[&str]) -> Runner {
    let mut child = Command::new("node")
        .arg(repository().join("tests/browser/run.mjs"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (jobs, results) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    // It ends, and the browser with it, when its stdin does.
    Runner { _child: child, jobs, results }
}

/// The top of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lie in the repository")
}

/// Whether there is a browser and a package to run; looked at once. Where there is none, a visible word says why.
fn is_possible() -> bool {
    static MISSING: LazyLock<Option<String>> = LazyLock::new(missing);
    MISSING.as_deref().is_none_or(|why| {
        skip(why);
        false
    })
}

/// What these tests need and is not there.
fn missing() -> Option<String> {
    let chromium = std::env::var_os("CHROMIUM").map_or("/usr/bin/chromium".into(), PathBuf::from);
    if Command::new("node").arg("--version").stdout(Stdio::null()).status().is_err() {
        return Some("there is no node; scripts/setup installs it".to_owned());
    }
    if !repository().join("tests/browser/node_modules/playwright-core").is_dir() {
        return Some("tests/browser/node_modules is not there; scripts/setup installs it".to_owned());
    }
    if !chromium.is_file() {
        return Some(format!("there is no {}; scripts/setup installs it, CHROMIUM names another", chromium.display()));
    }
    let modified = |path: &str| repository().join(path).metadata().and_then(|found| found.modified()).ok();
    let forms = ["simd", "relaxed", "threads"].map(|form| format!("target/web/pkg/{form}/wembed_wasm_bg.wasm"));
    let Some(wasm) = forms.iter().map(|form| modified(form)).min().expect("there are forms") else {
        return Some("target/web/pkg is not there with all its forms; scripts/build-wasm makes it".to_owned());
    };
    let Some(package) = modified("target/npm/package.json") else {
        return Some("target/npm is not there; scripts/build-npm makes it".to_owned());
    };
    let made_of = |folders: &[&str], built| folders.iter().find_map(|folder| newer(&repository().join(folder), built));
    if let Some(path) = made_of(&["shaders", "crates/kernels", "crates/model", "crates/wasm/src"], wasm) {
        return Some(format!("target/web/pkg is older than {}; scripts/build-wasm makes it anew", path.display()));
    }
    let path = made_of(&["crates/wasm/js", "models/wembed-mini/model", "target/web/pkg"], package)?;
    Some(format!("target/npm is older than {}; scripts/build-npm makes it anew", path.display()))
}

/// A source file below `folder` that changed since `built`.
fn newer(folder: &Path, built: SystemTime) -> Option<PathBuf> {
    std::fs::read_dir(folder).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return newer(&path, built);
        }
        (path.metadata().unwrap().modified().unwrap() > built).then_some(path)
    })
}
