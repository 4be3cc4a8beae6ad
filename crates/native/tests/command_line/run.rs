//! Runs the binary.

use assert_cmd::Command;
use serde_json::Value;

use crate::skip::skip;

/// What a run left.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

/// The binary with `arguments`; what the environment says of models does not count, and no hub is asked.
pub fn wembed(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wembed"));
    let ours = |name: &str| name.starts_with("HF_") || name.starts_with("HUGGING") || name == "TRANSFORMERS_OFFLINE";
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(ours)) {
        command.env_remove(name);
    }
    command.env("HF_HUB_OFFLINE", "1").env("NO_PROXY", "127.0.0.1");
    // What a GPU's kernels take is remembered here, not in the user's cache.
    command.env("WEMBED_CACHE", env!("CARGO_TARGET_TMPDIR"));
    command.env_remove("WEMBED_MODEL").args(arguments).write_stdin("");
    command
}

/// The binary with `arguments`, run.
pub fn run(arguments: &[&str]) -> Run {
    finish(&mut wembed(arguments))
}

pub fn finish(command: &mut Command) -> Run {
    let output = command.output().expect("the binary starts");
    let stderr = String::from_utf8(output.stderr).expect("messages are UTF-8");
    assert!(!stderr.contains("panicked"), "{command:?}: {stderr}");
    Run { code: output.status.code(), stdout: output.stdout, stderr }
}

impl Run {
    /// The output of a run that must have gone well.
    pub fn good(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        String::from_utf8(self.stdout).expect("the output is UTF-8")
    }

    /// The message of a run that must have failed with `code`, on one line and with all of `parts`.
    pub fn bad(self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        let mut errors = self.stderr.lines().filter(|line| line.starts_with("wembed: error: "));
        let error = errors.next().unwrap_or_else(|| panic!("no error in {}", self.stderr));
        assert_eq!(errors.next(), None);
        for part in parts {
            assert!(error.contains(part), "expected {part:?} in {error:?}");
        }
    }
}

/// The GPU adapters; says so where there is none.
pub fn gpus() -> Vec<Value> {
    let devices: Value = serde_json::from_str(&run(&["devices", "--format", "json"]).good()).expect("it is JSON");
    let gpus = devices["gpu"].as_array().expect("adapters are an array").clone();
    if gpus.is_empty() {
        skip("no GPU adapter");
    }
    gpus
}

/// The objects of JSON lines.
pub fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

/// The vector in an object.
pub fn vector(object: &Value) -> Vec<f32> {
    let values = object["embedding"].as_array().unwrap_or_else(|| panic!("no embedding in {object}"));
    values.iter().map(|value| value.as_f64().expect("vectors hold numbers") as f32).collect()
}
