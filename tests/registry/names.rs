//! Labels and file names tell kernels apart.

use std::collections::BTreeSet;

use wembed_kernels::gpu::kernels;

use crate::modules::modules;

#[test]
fn labels_are_unique_and_name_their_operation() {
    let labels: BTreeSet<_> = kernels().iter().map(|kernel| kernel.label).collect();
    assert_eq!(labels.len(), kernels().len());
    for kernel in kernels() {
        // `operation.variant.role`: the first word is the stem of one of the kernel's files.
        let operation = kernel.label.split('.').next().expect("a label is not empty");
        let stem = |file: &str| file.trim_end_matches(".wgsl").starts_with(operation);
        assert!(kernel.parts.iter().any(|part| stem(part.file)), "{}", kernel.label);
    }
}

#[test]
fn modules_are_told_apart_by_name() {
    let modules = modules();
    let names: BTreeSet<_> = modules.iter().map(|linked| linked.name()).collect();
    assert_eq!(names.len(), modules.len());
}
