//! Runs that are killed at random moments and resumed: nothing lost, nothing doubled, the same bytes.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::models::{model, text};
use crate::run::run;

/// Of each format.
const KILLS: usize = 9;

/// SplitMix64, <https://prng.di.unimi.it/splitmix64.c>: the same moments in every run, as fractions of 1.
struct Moments(u64);

impl Iterator for Moments {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Some(((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

/// How many texts an earlier run had done, as the run that left this on standard error says.
fn done_before(stderr: &Path) -> usize {
    let stderr = fs::read_to_string(stderr).expect("messages are UTF-8");
    assert!(!stderr.contains("error"), "{stderr}");
    let line = stderr.lines().find_map(|line| line.strip_suffix(" texts were done before"));
    line.map_or(0, |line| line.trim_start_matches("wembed: ").parse().expect("it is a number"))
}

fn killed_and_resumed(format: &str, flags: &[&str]) {
    let folder = tempfile::tempdir().expect("there is room for texts");
    let path = |name: &str| folder.path().join(name);
    let lines =
        (0..2500).map(|index| format!("{{\"id\":{},\"text\":\"{}\"}}\n", index * 7, "a word ".repeat(index % 5)));
    fs::write(path("texts.jsonl"), lines.collect::<String>()).expect("there is room for texts");
    let (input, output) = (text(path("texts.jsonl")), text(path("vectors")));
    let model = model("bert");
    let common = ["embed", "--model", &model, "--device", "cpu", "--threads", "1", "--batch-tokens", "500"];
    let common =
        [&common[..], &["--input", &input, "--id-column", "id", "--format", format, "--output"], flags].concat();
    let (common, flags) = common.split_at(common.len() - flags.len());

    let reference = text(path("reference"));
    let begin = Instant::now();
    assert_eq!(run(&[common, &[&reference], flags].concat()).good(), "");
    let took = begin.elapsed();
    let reference = fs::read(reference).expect("it was written");

    let (mut killed, mut resumed, mut done) = (0, 0, 0);
    // Moments past the end, and a machine that is now faster than it was, leave some runs alone.
    for moment in Moments(reference.len() as u64).take(3 * KILLS) {
        let stderr = path("stderr");
        let mut command = Command::new(env!("CARGO_BIN_EXE_wembed"));
        command.args(common).arg(&output).arg("--resume").args(flags);
        command.stderr(fs::File::create(&stderr).expect("there is room for messages")).stdout(Stdio::null());
        let mut child = command.spawn().expect("the binary starts");
        sleep(Duration::from_secs_f64(took.as_secs_f64() * moment));
        child.kill().expect("it can be killed");
        let finished = child.wait().expect("it ends").success();
        let before = done_before(&stderr);
        assert!(before == 0 || before >= done, "{before} texts after {done}");
        done = before;
        resumed += usize::from(before > 0);
        // A file is whole or not there, however near its end the run was killed.
        match fs::read(&output) {
            Ok(bytes) => {
                assert!(bytes == reference, "{format}");
                fs::remove_file(&output).expect("it can be removed");
            }
            Err(_) => assert!(!finished),
        }
        if finished {
            assert!(!path("vectors.partial").exists() && !path("vectors.writing").exists());
            done = 0;
        } else {
            killed += 1;
            if killed == KILLS {
                break;
            }
        }
    }
    assert!(killed == KILLS && resumed > KILLS / 3, "{format}: {killed} killed, {resumed} resumed");
    run(&[common, &[&output, "--resume"], flags].concat()).good();
    assert!(fs::read(&output).expect("it was written") == reference, "{format}");
    assert!(!path("vectors.partial").exists() && !path("vectors.writing").exists());
}

#[test]
fn json_lines() {
    killed_and_resumed("jsonl", &[]);
}

#[test]
fn npy() {
    killed_and_resumed("npy", &["--precision", "int8"]);
}

#[test]
fn parquet() {
    killed_and_resumed("parquet", &["--shard", "2/2"]);
}
