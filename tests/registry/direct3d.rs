//! The HLSL that naga writes for DirectX 12. No compiler for it is at hand; that it is whole is looked at.

use naga::back::hlsl;
use wembed_kernels::gpu::Need;

use crate::modules::{folder, modules};

#[test]
fn every_kernel_becomes_hlsl() {
    let folder = folder();
    let options = hlsl::Options { shader_model: hlsl::ShaderModel::V6_2, ..hlsl::Options::default() };
    let pipeline = hlsl::PipelineOptions::default();
    for linked in modules() {
        // DirectX 12 has no matrices that wgpu knows of.
        if linked.kernel.needs.matrix().is_some() {
            continue;
        }
        let name = linked.name();
        let mut source = String::new();
        let mut writer = hlsl::Writer::new(&mut source, &options, &pipeline);
        let written =
            writer.write(&linked.module, &linked.info, None).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(written.entry_point_names.iter().all(Result::is_ok), "{name}");
        // Inside a struct naga forgets them.
        let is_handing_around = linked.kernel.needs == Need::Subgroups;
        for word in ["WaveGetLaneIndex()", "WaveGetLaneCount()", "WaveReadLaneAt("] {
            assert_eq!(source.contains(word), is_handing_around, "{name}: {word}");
        }
        std::fs::write(folder.join(format!("{name}.hlsl")), source).expect("there is room");
    }
}
