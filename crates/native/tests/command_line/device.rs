//! Devices: listed, missing, named.

use serde_json::Value;

use crate::models::model;
use crate::run::{finish, has_device, run, wembed};

#[test]
fn each_device_is_listed() {
    if !has_device() {
        return;
    }
    let listed: Value = serde_json::from_str(&run(&["devices", "--format", "json"]).good()).expect("it is JSON");
    let text = run(&["devices"]).good();
    for device in listed.as_array().expect("it is an array") {
        assert!(text.contains(device["name"].as_str().expect("a device has a name")), "{text}");
        assert!(device["largest_binding"].as_u64() >= Some(128 << 20), "{device}");
    }
}

#[test]
fn software_is_named_once() {
    if !has_device() {
        return;
    }
    let listed: Value = serde_json::from_str(&run(&["devices", "--format", "json"]).good()).expect("it is JSON");
    let software = listed[0]["software"] == true;
    for device in ["auto", "gpu"] {
        let embedded = run(&["embed", "a", "--model", &model("bert"), "--device", device]);
        assert_eq!(embedded.stderr.matches("is a program on the CPU and slow").count(), usize::from(software));
        embedded.good();
    }
}

#[test]
fn a_device_by_part_of_its_name() {
    if !has_device() {
        return;
    }
    let listed: Value = serde_json::from_str(&run(&["devices", "--format", "json"]).good()).expect("it is JSON");
    let name = listed[0]["name"].as_str().expect("a device has a name").to_uppercase();
    let part: String = name.chars().take(4).collect();
    run(&["embed", "a", "--model", &model("bert"), "--device", &part]).good();
    run(&["embed", "a", "--model", &model("bert"), "--device", "abacus"]).bad(1, &["`abacus`", "found `"]);
}

#[test]
#[cfg(target_os = "linux")]
fn no_device() {
    let without = |arguments: &[&str]| {
        let mut command = wembed(arguments);
        command.env("VK_DRIVER_FILES", "/nonexistent").env("VK_ICD_FILENAMES", "/nonexistent");
        finish(&mut command)
    };
    let parts = ["no GPU adapter", "Vulkan"];
    without(&["embed", "a", "--model", &model("bert")]).bad(1, &parts);
    without(&["devices"]).bad(1, &parts);
    let listed = without(&["devices", "--format", "json"]);
    assert_eq!(listed.stdout, b"[]\n");
    listed.bad(1, &parts);
    without(&["info", &model("bert")]).good();
}

#[test]
fn kernels_are_timed_or_it_is_said_that_they_are_not() {
    if !has_device() {
        return;
    }
    let timed = run(&["embed", "a", "--model", &model("bert"), "--kernel-times"]);
    let has_table = ["kernel", "launches", "share", "GFLOP/s", "GB/s", "\nlayer_norm"];
    let is_table = has_table.iter().all(|part| timed.stderr.contains(part));
    assert!(is_table || timed.stderr.contains("has no timestamps"), "{}", timed.stderr);
    timed.good();
}
