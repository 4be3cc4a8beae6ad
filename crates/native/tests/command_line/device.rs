//! Devices: listed, missing, named; the processor's instructions, types and threads.

use serde_json::Value;

use crate::models::model;
use crate::run::{Run, finish, gpus, json_lines, run, vector, wembed};

fn listed() -> Value {
    serde_json::from_str(&run(&["devices", "--format", "json"]).good()).expect("it is JSON")
}

#[test]
fn each_device_is_listed() {
    let text = run(&["devices"]).good();
    for device in gpus() {
        assert!(text.contains(device["name"].as_str().expect("a device has a name")), "{text}");
        assert!(device["largest_binding"].as_u64() >= Some(128 << 20), "{device}");
    }
    let processor = &listed()["cpu"];
    let sets = processor["instructions"].as_array().expect("it is an array");
    assert!(!sets.is_empty() && sets.iter().all(|set| text.contains(set.as_str().expect("a name"))), "{text}");
    assert!(processor["threads"].as_u64() >= Some(1), "{processor}");
}

/// A program that stands for a GPU is never taken unasked: the processor's own engine is the fast one.
#[test]
fn auto_is_hardware_or_the_processor() {
    let hardware = gpus().iter().any(|gpu| gpu["software"] == false);
    let vectors = |flags: &[&str]| run(&[&["embed", "a", "--model", &model("bert")], flags].concat());
    let auto = vectors(&[]);
    assert!(!auto.stderr.contains("is a program on the CPU"), "{}", auto.stderr);
    if !hardware {
        assert_eq!(auto.good(), vectors(&["--device", "cpu"]).good());
    }
}

/// What a device cannot do is not left out in silence.
#[test]
fn matrices_are_a_gpus_that_has_them() {
    let embed = |flags: &[&str]| run(&[&["embed", "a", "--model", &model("bert"), "--matrices"], flags].concat());
    embed(&["--device", "cpu"]).bad(1, &["--matrices", "the processor"]);
    let Some(best) = gpus().into_iter().next() else { return };
    embed(&["--device", "gpu", "--dtype", "f32"]).bad(1, &["--matrices", "f32"]);
    if best["matrices"].is_null() {
        embed(&["--device", "gpu"]).bad(1, &["--matrices", best["name"].as_str().expect("a name")]);
    }
}

#[test]
fn software_is_named_once() {
    let Some(best) = gpus().into_iter().next() else { return };
    let embedded = run(&["embed", "a", "--model", &model("bert"), "--device", "gpu"]);
    let software = usize::from(best["software"] == true);
    assert_eq!(embedded.stderr.matches("is a program on the CPU and slow").count(), software);
    embedded.good();
}

#[test]
fn a_device_by_part_of_its_name() {
    let Some(best) = gpus().into_iter().next() else { return };
    let name = best["name"].as_str().expect("a device has a name").to_uppercase();
    let part: String = name.chars().take(4).collect();
    run(&["embed", "a", "--model", &model("bert"), "--device", &part]).good();
    run(&["embed", "a", "--model", &model("bert"), "--device", "abacus"]).bad(1, &["`abacus`", "found `"]);
}

/// Kernels are tried once on a device, which is said, and what was found is remembered; what is no such file is as none.
#[test]
fn kernels_are_tried_once() {
    if gpus().is_empty() {
        return;
    }
    let place = tempfile::TempDir::new().expect("there is room");
    let embed = |flags: &[&str]| {
        let words = ["embed", "a", "b c", "--model", &model("bert"), "--device", "gpu", "--format", "jsonl"];
        let mut command = wembed(&[&words, flags].concat());
        finish(command.env("WEMBED_CACHE", place.path()))
    };
    let said = |run: &Run| run.stderr.matches("trying the kernels on").count();
    let (first, second) = (embed(&[]), embed(&[]));
    assert_eq!((said(&first), said(&second)), (1, 0), "{}{}", first.stderr, second.stderr);
    let file = place.path().join("kernels.json");
    let remembered: Value = serde_json::from_slice(&std::fs::read(&file).expect("it is there")).expect("it is JSON");
    let layers = remembered.as_object().and_then(|devices| devices.values().next()).expect("a device");
    assert!(layers.as_array().is_some_and(|layers| layers.len() >= 3), "{remembered}");
    assert_eq!(said(&embed(&["--dtype", "f32"])), 1, "another dtype has other kernels");
    std::fs::write(&file, "{").expect("there is room");
    let third = embed(&[]);
    assert_eq!(said(&third), 1);
    let expected = first.good();
    // A driver that ended the program twice while they were tried is not asked again.
    let device = remembered.as_object().and_then(|devices| devices.keys().next()).expect("a device");
    std::fs::remove_file(&file).expect("it is there");
    let tries = place.path().join("kernels.trying");
    std::fs::write(&tries, format!("{device}\n{device}\n")).expect("there is room");
    let fourth = embed(&[]);
    assert!(said(&fourth) == 0 && fourth.stderr.contains("kernels.trying"), "{}", fourth.stderr);
    std::fs::remove_file(&tries).expect("it is there");
    assert_eq!(said(&embed(&[])), 1);
    assert_eq!([second.good(), third.good(), fourth.good()], [expected.clone(), expected.clone(), expected]);
}

/// A model of a known shape with random weights, for measuring.
#[test]
fn synthetic_models() {
    let embedded = run(&["embed", "a", "--synthetic", "minilm-l6", "--device", "cpu", "--format", "jsonl"]).good();
    let vector = vector(&json_lines(&embedded)[0]);
    let length: f32 = vector.iter().map(|value| value * value).sum();
    assert_eq!(vector.len(), 384);
    assert!((length - 1.0).abs() < 1e-4, "{length}");
    let again = run(&["embed", "a", "--synthetic", "minilm-l6", "--device", "cpu", "--format", "jsonl"]).good();
    assert_eq!(embedded, again, "the same weights everywhere");
    for shape in ["mpnet-base", "xlm-roberta-base", "e5-base"] {
        let embedded = run(&["embed", "a", "--synthetic", shape, "--device", "cpu", "--format", "jsonl"]).good();
        assert_eq!(crate::run::vector(&json_lines(&embedded)[0]).len(), 768, "{shape}");
    }
    run(&["embed", "a", "--synthetic", "gpt"]).bad(2, &["--synthetic", "gpt", "mpnet-base"]);
    run(&["embed", "a", "--synthetic", "minilm-l6", "--model", "x"]).bad(2, &["--synthetic", "--model"]);
}

/// What a GPU computes and how fast, for people to send.
#[test]
fn a_report_of_a_device() {
    if gpus().is_empty() {
        return;
    }
    let place = tempfile::TempDir::new().expect("there is room");
    let file = place.path().join("report.json");
    let path = file.to_str().expect("it is UTF-8");
    let text = run(&["devices", "--report", path, "--quick"]).good();
    let report: Value = serde_json::from_slice(&std::fs::read(&file).expect("it is there")).expect("it is JSON");
    let variants = report["variants"].as_array().expect("variants");
    assert!(variants.len() >= 8 && variants.iter().all(|variant| variant["wrong"].is_null()), "{report:#}");
    for place in [
        "/peaks/operations_per_second",
        "/peaks/bytes_per_second",
        "/variants/0/invocations",
        "/variants/0/workgroup_bytes",
        "/measured/0/models/0/batches/0/seconds",
        "/measured/0/linear/0/share",
    ] {
        assert!(report.pointer(place).and_then(Value::as_f64).is_some_and(|it| it > 0.0), "{place} in {report:#}");
    }
    for word in ["GFLOP/s", "as the processor computes it", "minilm-l6", "tokens/s"] {
        assert!(text.contains(word), "{word} in {text}");
    }
    let folder = place.path().to_str().expect("it is UTF-8");
    run(&["devices", "--report", folder, "--quick"]).bad(1, &[folder, "found a directory"]);
    run(&["devices", "--report", path, "--device", "abacus"]).bad(1, &["`abacus`"]);
    run(&["devices", "--device", "abacus"]).bad(2, &["required"]);
    run(&["devices", "--report", "/nonexistent/report.json", "--quick"]).bad(1, &["/nonexistent/report.json"]);
}

#[test]
#[cfg(target_os = "linux")]
fn no_gpu() {
    let without = |arguments: &[&str]| {
        let mut command = wembed(arguments);
        command.env("VK_DRIVER_FILES", "/nonexistent").env("VK_ICD_FILENAMES", "/nonexistent");
        finish(&mut command)
    };
    let asked = without(&["embed", "a", "--model", &model("bert"), "--device", "gpu"]);
    asked.bad(1, &["no GPU adapter", "Vulkan"]);
    let unasked = without(&["embed", "a", "--model", &model("bert")]).good();
    assert_eq!(unasked, run(&["embed", "a", "--model", &model("bert"), "--device", "cpu"]).good());
    let devices: Value = serde_json::from_str(&without(&["devices", "--format", "json"]).good()).expect("it is JSON");
    assert_eq!(devices["gpu"], Value::Array(Vec::new()));
    without(&["info", &model("bert")]).good();
}

/// Threads change nothing, instructions the last digits, bf16 the third.
#[test]
fn the_processor_computes_as_it_is_told() {
    let vector_of = |flags: &[&str]| {
        let words = ["embed", "tea for two", "--model", &model("mpnet"), "--device", "cpu", "--format", "jsonl"];
        vector(&json_lines(&run(&[&words, flags].concat()).good())[0])
    };
    let distance = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let best = vector_of(&["--dtype", "f32"]);
    for threads in ["1", "3"] {
        assert_eq!(best, vector_of(&["--dtype", "f32", "--threads", threads]));
    }
    for set in listed()["cpu"]["instructions"].as_array().expect("it is an array") {
        let set = set.as_str().expect("a name");
        let other = vector_of(&["--dtype", "f32", "--instructions", set]);
        assert!(distance(&best, &other) < 1e-5, "{set}");
        let bf16 = vector_of(&["--dtype", "bf16", "--instructions", set]);
        assert!((1e-5..0.02).contains(&distance(&best, &bf16)), "{set}: {}", distance(&best, &bf16));
    }
    // What only the CPU engine can do means it.
    let words = ["embed", "tea for two", "--model", &model("mpnet"), "--dtype", "bf16", "--format", "jsonl"];
    assert_eq!(vector(&json_lines(&run(&words).good())[0]), vector_of(&["--dtype", "bf16"]));
}

#[test]
fn what_the_processor_has_not() {
    let embed = |flags: &[&str]| run(&[&["embed", "a", "--model", &model("bert"), "--device", "cpu"], flags].concat());
    let best = listed()["cpu"]["instructions"][0].as_str().expect("a name").to_owned();
    embed(&["--instructions", "mmx"]).bad(1, &["`mmx`", &best]);
    embed(&["--threads", "0"]).bad(2, &["--threads", "at least 1"]);
    embed(&["--threads", "99999999"]).bad(1, &["at most 1024 threads", "found 99999999"]);
    let sets = listed()["cpu"]["instructions"].clone();
    let plain = sets.as_array().expect("it is an array").last().and_then(Value::as_str).expect("a name");
    embed(&["--dtype", "bf16x3", "--instructions", plain]).bad(1, &["no bf16x3", plain, "amx"]);
    if gpus().is_empty() {
        return;
    }
    let gpu = |flags: &[&str]| run(&[&["embed", "a", "--model", &model("bert"), "--device", "gpu"], flags].concat());
    gpu(&["--dtype", "bf16"]).bad(1, &["no bf16 on", "the CPU engine"]);
    gpu(&["--threads", "2"]).bad(1, &["--threads", "--device cpu"]);
}

#[test]
fn kernels_are_timed_or_it_is_said_that_they_are_not() {
    let timed = |device: &str| run(&["embed", "a", "--model", &model("bert"), "--kernel-times", "--device", device]);
    let processor = timed("cpu");
    assert!(processor.stderr.contains("has no kernel times"), "{}", processor.stderr);
    processor.good();
    if gpus().is_empty() {
        return;
    }
    let timed = timed("gpu");
    let has_table = ["kernel", "launches", "share", "GFLOP/s", "GB/s", "\nlayer_norm"];
    let is_table = has_table.iter().all(|part| timed.stderr.contains(part));
    assert!(is_table || timed.stderr.contains("has no timestamps"), "{}", timed.stderr);
    timed.good();
}
