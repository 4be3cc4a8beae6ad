//! WebGPU's default limits, which every device has.

use naga::proc::Layouter;
use naga::{AddressSpace, ShaderStage};

use crate::modules::modules;

const WORKGROUP_BYTES: u32 = 16384;
/// What a device has to have for the kernels that are Metal's or NVIDIA's to be taken.
const MATRIX8_WORKGROUP_BYTES: u32 = 12_288;
const MATRIX16_WORKGROUP_BYTES: u32 = 42_000;
const INVOCATIONS: u32 = 256;
const SIZES: [u32; 3] = [256, 256, 64];
const STORAGE_BUFFERS: usize = 8;

#[test]
fn every_kernel_fits_webgpus_default_limits() {
    for linked in modules() {
        let (name, module) = (linked.name(), &linked.module);
        let mut layouter = Layouter::default();
        layouter.update(module.to_ctx()).unwrap();
        let in_space = |wanted: fn(AddressSpace) -> bool| {
            module.global_variables.iter().map(|(_, variable)| variable).filter(move |variable| wanted(variable.space))
        };
        let workgroup: u32 = in_space(|space| space == AddressSpace::WorkGroup)
            .map(|variable| layouter[variable.ty].size.next_multiple_of(16))
            .sum();
        let most = match linked.kernel.needs.matrix() {
            Some(16) => MATRIX16_WORKGROUP_BYTES,
            Some(_) => MATRIX8_WORKGROUP_BYTES,
            None => WORKGROUP_BYTES,
        };
        assert!(workgroup <= most, "{name}: {workgroup} bytes of workgroup memory");
        let storage = in_space(|space| matches!(space, AddressSpace::Storage { .. })).count();
        assert!(storage <= STORAGE_BUFFERS, "{name}: {storage} storage buffers");

        let [entry] = module.entry_points.as_slice() else { panic!("{name}: one entry point") };
        assert_eq!((entry.name.as_str(), entry.stage), ("main", ShaderStage::Compute), "{name}");
        assert!(entry.workgroup_size.iter().product::<u32>() <= INVOCATIONS, "{name}: {:?}", entry.workgroup_size);
        assert!(entry.workgroup_size.iter().zip(SIZES).all(|(&size, most)| size <= most), "{name}");
    }
}
