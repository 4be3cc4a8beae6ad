//! Every kernel there is. A new variant is one file and one line here.

use super::kernel::Kernel;
use super::{attention, embed_norm, layer_norm, linear, normalize, pool};

/// All kernels, in the order of the forward pass.
pub const KERNELS: &[&Kernel] = &[
    &embed_norm::KERNEL,
    &linear::TILED,
    &linear::TILED_ACTIVATION,
    &linear::TILED_ADD,
    &linear::SMALL,
    &linear::SMALL_ACTIVATION,
    &linear::SMALL_ADD,
    &attention::PLAIN,
    &attention::RELATIVE,
    &layer_norm::KERNEL,
    &pool::KERNEL,
    &normalize::KERNEL,
];
