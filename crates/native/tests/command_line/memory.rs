//! Memory does not grow with the number of texts.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::models::model;

/// The most memory that embedding so many texts into a file took, in KiB, as the kernel counts it.
fn most_memory(folder: &Path, texts: usize, format: &str) -> u64 {
    let (input, output) = (folder.join("texts.txt"), folder.join("vectors"));
    let lines: String = (0..texts).map(|index| format!("text {index}\n")).collect();
    fs::write(&input, lines).expect("there is room for texts");
    let mut command = Command::new(env!("CARGO_BIN_EXE_wembed"));
    command.args(["embed", "--model", &model("bert"), "--device", "cpu", "--threads", "1", "--batch-tokens", "1000"]);
    command.args(["--format", format, "--input"]).arg(input).arg("--output").arg(output);
    let mut child = command.stderr(Stdio::null()).spawn().expect("the binary starts");
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    let ended = loop {
        // A process that has ended says no more of its memory.
        let status = fs::read_to_string(&status).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse().ok());
        most = most.max(peak.unwrap_or_default());
        if let Some(ended) = child.try_wait().expect("it can be waited for") {
            break ended;
        }
        sleep(Duration::from_millis(1));
    };
    assert!(ended.success());
    most
}

#[test]
fn ten_times_the_texts_take_no_more() {
    const FEW: usize = 2000;
    /// KiB of vectors that a run would have to hold for `10 * FEW` texts more than for `FEW`, without all that goes with them.
    const VECTORS: u64 = 9 * FEW as u64 * 40 * 4 / 1024;
    let folder = tempfile::tempdir().expect("there is room for vectors");
    for format in ["jsonl", "npy"] {
        let [few, many] = [FEW, 10 * FEW].map(|texts| most_memory(folder.path(), texts, format));
        assert!(few > 0 && many < few + VECTORS / 2, "{format}: {few} KiB, then {many} KiB");
    }
}
