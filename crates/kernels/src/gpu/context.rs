//! What everything on one device does: scratch, uploads, the variants of a linear layer, the device's rate.

use std::rc::Rc;

use web_time::Instant;

use super::kernel::{Need, Storage};
use super::tune::Shape;
use super::{Context, Tensor, arena, linear};
use crate::error::Kind;
use crate::{Error, padded};

impl Context {
    /// Variants that are tried on this device: those with matrices where they were asked for and are there, those of integers where it takes them, else those
    /// that it has what they need for, so that all of them add in one order.
    pub(super) fn variants(&self) -> Vec<&'static linear::Variant> {
        let side = self.matrices.map(|matrices| matrices.side);
        let is_plain = side.is_none() && !self.dots;
        let lanes = self.info.subgroups.map_or(0, |subgroups| subgroups.least);
        let has = |variant: &linear::Variant| match variant.needs() {
            Need::Nothing => is_plain,
            Need::F16 => is_plain && self.storage == Storage::F16,
            // Each row of a tile is some invocation's to bring.
            Need::Subgroups => is_plain && lanes >= variant.tile()[0],
            Need::Dots => self.dots,
            Need::Matrices(needed) => side == Some(needed),
        };
        linear::VARIANTS.iter().copied().filter(|variant| has(variant)).collect()
    }

    /// The variant for so many rows and weights of this shape.
    pub(super) fn variant(&self, rows: usize, shape: Shape) -> &'static linear::Variant {
        let planned = || match self.plans.borrow().get(&shape) {
            Some(plan) => plan.variant(rows),
            None => self.plan.borrow().variant(rows),
        };
        self.forced.get().unwrap_or_else(planned)
    }

    /// Scratch for an activation.
    pub(super) fn tensor(&self, rows: usize, columns: usize) -> Tensor {
        let stride = padded(columns);
        Tensor { slot: Rc::new(self.scratch.take(&self.device, (4 * rows * stride) as u64)), rows, columns, stride }
    }

    pub(super) fn upload(&self, bytes: &[u8]) -> arena::Slot {
        write(self, &self.uploads, bytes)
    }

    pub(super) fn upload_uniform(&self, bytes: &[u8]) -> arena::Slot {
        write(self, &self.uniforms, bytes)
    }

    pub(super) fn check_binding(&self, name: &str, bytes: u64) -> Result<(), Error> {
        let limits = self.device.limits();
        let pairs = [
            ("max_storage_buffer_binding_size", limits.max_storage_buffer_binding_size),
            ("max_buffer_size", limits.max_buffer_size),
        ];
        match pairs.into_iter().find(|&(_, got)| bytes > got) {
            Some((limit, got)) => {
                Err(Kind::Limit { name: name.to_owned(), limit, unit: "bytes", needed: bytes, got }.into())
            }
            None => Ok(()),
        }
    }

    /// Learns the device's rate from a batch. Time in which an earlier batch had the device does not count.
    pub(super) fn measure(&self, flops: f64, started: Instant) {
        let now = Instant::now();
        let started = self.idle_since.replace(Some(now)).map_or(started, |idle| started.max(idle));
        let seconds = (now - started).as_secs_f64();
        // A tiny batch measures the way to the device, not the device.
        if flops > 1e7 && seconds > 1e-4 {
            self.rate.set(0.5 * self.rate.get() + 0.5 * flops / seconds);
        }
    }
}

fn write(context: &Context, arena: &arena::Arena, bytes: &[u8]) -> arena::Slot {
    let slot = arena.take(&context.device, bytes.len() as u64);
    context.queue.write_buffer(slot.buffer(), 0, bytes);
    slot
}
