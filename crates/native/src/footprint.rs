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
    fn of_matrices_with_the_devices_subgroups() {
        let kernels = wembed_kernels::gpu::kernels();
        let matrix = kernels.iter().find(|kernel| kernel.label == "linear.matrix8.bias").expect("it is there");
        // f16 tiles of 64 rows of 32 and 8 more, twice; a matrix of f32 for each of four subgroups.
        let found = Footprint::of(matrix, Storage::F16, &[("SUBGROUP", 32)]);
        assert_eq!(found, Some(Footprint { invocations: 128, bytes: 2 * 2 * 64 * 40 + 4 * 64 * 4 }));
        assert_eq!(Footprint::of(matrix, Storage::F16, &[]), None, "it is not the whole source");
    }

    #[test]
    fn a_tile_of_x_and_one_of_the_weights() {
        let kernels = wembed_kernels::gpu::kernels();
        let tiled = kernels.iter().find(|kernel| kernel.label == "linear.tiled.bias").expect("it is there");
        let found = Footprint::of(tiled, Storage::F32, &[]);
        // 64 rows of 16 values and a quad of padding, twice.
        assert_eq!(found, Some(Footprint { invocations: 256, bytes: 2 * 64 * 20 * 4 }));
    }
}
