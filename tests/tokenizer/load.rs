//! What loading XLM-R's tokenizer takes, whole: memory is held, time is told.

use std::process::Command;
use std::time::Instant;

use crate::{ours, shared};

/// The most that a process may have had in memory, in MB; of that, 18 are the file twice and 13 the program.
const MOST_MEGABYTES: u64 = 60;

/// The most memory that this process has had at once, in kB, where the system tells.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}

/// Only a process of its own has a peak of its own.
#[test]
#[ignore = "`memory_and_time` starts it"]
fn alone() {
    let json = shared::xlm_roberta(&shared::folder().unwrap());
    let start = Instant::now();
    drop(ours(&json));
    println!("\nloaded in {} ms, at most {} kB", start.elapsed().as_millis(), peak().unwrap_or_default());
}

#[test]
fn memory_and_time() {
    if shared::folder().is_none() {
        return;
    }
    let mut test = Command::new(std::env::current_exe().unwrap());
    let output = test.args(["--ignored", "--exact", "--nocapture", "load::alone"]).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let line = output.lines().find(|line| line.starts_with("loaded in")).unwrap_or_else(|| panic!("{output}"));
    println!("{line}");
    let kilobytes: u64 = line.split_whitespace().rev().nth(1).unwrap().parse().unwrap();
    // 0 where the system does not tell.
    assert!(kilobytes <= 1000 * MOST_MEGABYTES, "{line}");
}
