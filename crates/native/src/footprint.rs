//! What a kernel takes of a workgroup, read off its source: the driver's own figure, registers, is told by no API that wgpu has.

use naga::AddressSpace;
use naga::front::wgsl;
use naga::proc::Layouter;
use wembed_kernels::gpu::{Kernel, Storage};

/// Of one workgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// Its invocations.
    pub invocations: u32,
    /// Bytes of its memory.
    pub bytes: u32,
}

impl Footprint {
    /// That of a kernel with these constants, where naga reads it: what is wrong with a source is said where it is compiled.
    pub fn of(kernel: &Kernel, storage: Storage, chosen: &[(&str, u32)]) -> Option<Self> {
        let module = wgsl::parse_str(&kernel.source(storage, chosen)).ok()?;
        let mut layouter = Layouter::default();
        layouter.update(module.to_ctx()).ok()?;
        let shared = module.global_variables.iter().filter(|(_, variable)| variable.space == AddressSpace::WorkGroup);
        let bytes = shared.map(|(_, variable)| layouter[variable.ty].size.next_multiple_of(16)).sum();
        Some(Self { invocations: module.entry_points.first()?.workgroup_size.iter().product(), bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_of_x_and_one_of_the_weights() {
        let kernels = wembed_kernels::gpu::kernels();
        let tiled = kernels.iter().find(|kernel| kernel.label == "linear.tiled.bias").expect("it is there");
        let found = Footprint::of(tiled, Storage::F32, &[]);
        // 64 rows of 16 values and a quad of padding, twice.
        assert_eq!(found, Some(Footprint { invocations: 256, bytes: 2 * 64 * 20 * 4 }));
    }
}
