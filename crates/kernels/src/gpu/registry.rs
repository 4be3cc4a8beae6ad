//! Every kernel there is. A new one is one file and one line here; a new variant of a linear layer one file and one line in `linear/variant.rs`.

use super::kernel::Kernel;
use super::linear::VARIANTS;
use super::{attention, embed_norm, int8, layer_norm, normalize, peaks, pool};

/// All kernels, in the order of the forward pass, then the probes.
pub fn kernels() -> Vec<&'static Kernel> {
    let mut kernels: Vec<&Kernel> = vec![&embed_norm::KERNEL];
    kernels.extend(VARIANTS.iter().flat_map(|variant| variant.kernels()));
    kernels.extend([&int8::ROTATE, &int8::ROUND]);
    kernels.extend([&attention::PLAIN, &attention::RELATIVE, &layer_norm::KERNEL, &pool::KERNEL, &normalize::KERNEL]);
    kernels.extend([
        &peaks::ARITHMETIC,
        &peaks::HALF_ARITHMETIC,
        &peaks::DOTS,
        &peaks::MATRICES_8,
        &peaks::MATRICES_16,
        &peaks::MEMORY,
    ]);
    kernels
}
