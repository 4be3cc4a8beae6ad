//! The folder of shaders and the registry are about the same files.

use std::collections::BTreeSet;
use std::path::Path;

use wembed_kernels::gpu::{Kernel, kernels};
use wembed_shaders::PARTS;

/// Paths of the .wgsl files in `folder`, below it too.
fn files(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("the folder of shaders is there") {
        let entry = entry.expect("it can be listed");
        let name = entry.file_name().into_string().expect("file names are UTF-8");
        if entry.file_type().expect("it can be listed").is_dir() {
            files(&entry.path(), &format!("{prefix}{name}/"), found);
        } else if name.ends_with(".wgsl") {
            found.insert(format!("{prefix}{name}"));
        }
    }
}

#[test]
fn every_file_is_a_part() {
    let mut found = BTreeSet::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../shaders"), "", &mut found);
    let parts: BTreeSet<String> = PARTS.iter().map(|part| part.file.to_owned()).collect();
    assert_eq!(found, parts);
    assert_eq!(parts.len(), PARTS.len(), "no file is two parts");
}

#[test]
fn every_part_is_used() {
    let parts_of = |kernel: &Kernel| {
        let of_storages = kernel.storages().iter().flat_map(|&storage| kernel.storage_parts(storage));
        kernel.parts.iter().copied().chain(of_storages).collect::<Vec<_>>()
    };
    let used: BTreeSet<_> = kernels().into_iter().flat_map(parts_of).map(|part| part.file).collect();
    let parts: BTreeSet<_> = PARTS.iter().map(|part| part.file).collect();
    assert_eq!(used, parts);
}
