//! The MSL that naga writes, read by clang: MSL is nearly C++14, and tests/msl declares the rest. There is no Metal compiler off
//! a Mac, but this refuses what naga is known to get wrong there: a pointer of another type or to another address space.

use std::path::{Path, PathBuf};
use std::process::Command;

use naga::back::msl;
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{Capabilities, ModuleInfo};
use wembed_kernels::gpu::Need;
use wembed_tests::skip::skip;

use crate::modules::{folder, modules, validated};

/// A module as wgpu writes it, with every runtime check but one: clang's C++ cannot clear an array in workgroup memory as a whole.
fn written(module: &naga::Module, info: &ModuleInfo) -> String {
    let binding = |variable: &naga::GlobalVariable| {
        let binding = variable.binding?;
        let mutable = matches!(variable.space, naga::AddressSpace::Storage { access } if access.contains(naga::StorageAccess::STORE));
        Some((binding, msl::BindTarget { buffer: Some(binding.binding as u8), mutable, ..Default::default() }))
    };
    let resources = module.global_variables.iter().filter_map(|(_, variable)| binding(variable)).collect();
    let entry = msl::EntryPointResources { resources, sizes_buffer: Some(30), ..Default::default() };
    let checked = BoundsCheckPolicy::Restrict;
    let options = msl::Options {
        lang_version: (3, 0),
        per_entry_point_map: [("main".to_owned(), entry)].into(),
        fake_missing_bindings: false,
        bounds_check_policies: BoundsCheckPolicies { index: checked, buffer: checked, ..Default::default() },
        zero_initialize_workgroup_memory: false,
        ..Default::default()
    };
    let (source, info) =
        msl::write_string(module, info, &options, &msl::PipelineOptions::default()).expect("naga writes it");
    assert!(info.entry_point_names.iter().all(Result::is_ok), "every binding has its slot");
    source
}

/// clang 16 or newer: before, it has no `_Float16` on every processor.
fn clang() -> Option<String> {
    let found =
        ["clang++".to_owned()].into_iter().chain((16..30).map(|version| format!("clang++-{version}"))).find(|name| {
            let printed =
                Command::new(name).arg("-dumpversion").output().map(|output| output.stdout).unwrap_or_default();
            let major = String::from_utf8_lossy(&printed).split('.').next().and_then(|major| major.parse::<u32>().ok());
            major.is_some_and(|major| major >= 16)
        });
    if found.is_none() {
        skip("no clang++ of version 16 or newer reads the Metal shaders");
    }
    found
}

/// What clang says against the files; nothing where it takes them.
fn faults(clang: &str, files: &[PathBuf]) -> String {
    let declarations = Path::new(env!("CARGO_MANIFEST_DIR")).join("msl");
    let flags = [
        "-std=c++14",
        "-x",
        "c++",
        "-fsyntax-only",
        "-Wno-unknown-attributes",
        "-Xclang",
        "-cl-single-precision-constant",
    ];
    let output = Command::new(clang).args(flags).arg("-I").arg(declarations).args(files).output().expect("clang runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() || !said.is_empty(), "clang fails without a word");
    if output.status.success() { String::new() } else { said }
}

#[test]
fn clang_takes_every_kernel() {
    let folder = folder();
    let write = |linked: &crate::modules::Linked| {
        let file = folder.join(format!("{}.metal", linked.name()));
        std::fs::write(&file, written(&linked.module, &linked.info)).expect("the target folder can be written to");
        file
    };
    // Metal's matrices are of 8 x 8 alone.
    let files: Vec<_> =
        modules().iter().filter(|linked| linked.kernel.needs != Need::Matrices(16)).map(write).collect();
    let Some(clang) = clang() else { return };
    assert_eq!(faults(&clang, &files), "");
}

/// A module that loads a cooperative matrix from an array of this element: naga's validator takes vectors, Metal does not.
fn cooperative(element: &str) -> String {
    format!(
        "enable f16; enable wgpu_cooperative_matrix;
         @group(0) @binding(0) var<storage, read> a: array<{element}>;
         @group(0) @binding(1) var<storage, read_write> c: array<f32>;
         @compute @workgroup_size(32) fn main() {{
             let x = coopLoad<coop_mat8x8<f16, A>>(&a[0], 8u);
             let y = coopLoad<coop_mat8x8<f16, B>>(&a[0], 8u);
             var z = coop_mat8x8<f32, C>();
             z = coopMultiplyAdd(x, y, z);
             coopStore(z, &c[0], 8u);
         }}"
    )
}

#[test]
fn clang_refuses_broken_kernels() {
    let Some(clang) = clang() else { return };
    let folder = folder().join("broken");
    std::fs::create_dir_all(&folder).unwrap();
    let said = |name: &str, source: &str| {
        let file = folder.join(format!("{name}.metal"));
        std::fs::write(&file, source).unwrap();
        faults(&clang, &[file])
    };
    let from_wgsl = |source: &str| {
        let capabilities = Capabilities::SHADER_FLOAT16 | Capabilities::COOPERATIVE_MATRIX;
        let (module, info) = validated(source, capabilities).unwrap();
        written(&module, &info)
    };
    assert_eq!(said("scalars", &from_wgsl(&cooperative("f16"))), "");
    let vectors = said("vectors", &from_wgsl(&cooperative("vec4<f16>")));
    assert!(vectors.contains("NagaCooperativeLoad"), "{vectors}");

    let include = "#include <metal_stdlib>\n";
    for (name, reason, body) in [
        ("pointer", "no known conversion", "void f(device half* p); kernel void g(device metal::half4* p) { f(p); }"),
        ("space", "address space", "void f(device float* p); kernel void g(threadgroup float* p) { f(p); }"),
        ("missing", "no member named 'erf'", "float f(float x) { return metal::erf(x); }"),
        ("parts", "as many parts", "metal::float4 f(metal::float2 x) { return metal::float4(x, 1.0); }"),
        ("widths", "as many parts", "metal::float4 f(metal::half2 x) { return static_cast<metal::float4>(x); }"),
        ("bits", "as many bits", "uint f(half x) { return as_type<uint>(x); }"),
    ] {
        let fault = said(name, &format!("{include}{body}"));
        assert!(fault.contains(reason), "{name}: clang says `{fault}` of `{body}`");
    }
    assert_eq!(
        said("sound", &format!("{include}void f(device half* p); kernel void g(device half* p) {{ f(p); }}")),
        ""
    );
}
