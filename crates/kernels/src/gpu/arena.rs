//! Device memory that is used again: buffers are handed out by size and come back when their holder is dropped.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use crate::{GUARD_BYTES, SENTINEL};

/// Buffers of one use. Work on a queue runs in order, so a buffer may be handed out again as soon as everything that
/// reads it has been recorded.
#[derive(Debug)]
pub(super) struct Arena {
    label: &'static str,
    usage: wgpu::BufferUsages,
    sentinels: bool,
    free: Rc<RefCell<Vec<wgpu::Buffer>>>,
}

impl Arena {
    pub fn new(label: &'static str, usage: wgpu::BufferUsages, sentinels: bool) -> Self {
        Self { label, usage, sentinels, free: Rc::default() }
    }

    /// A buffer of at least `bytes`.
    pub fn take(&self, device: &wgpu::Device, bytes: u64) -> Slot {
        let buffer = if self.sentinels { self.guarded(device, bytes) } else { self.reused(device, bytes) };
        Slot { buffer: Some(buffer), home: Rc::downgrade(&self.free) }
    }

    /// The smallest free buffer that is large enough; else a new one, in the place of the largest free one. So there are
    /// never more buffers than were on loan at one time, whatever sizes come.
    fn reused(&self, device: &wgpu::Device, bytes: u64) -> wgpu::Buffer {
        let mut free = self.free.borrow_mut();
        let sizes = free.iter().map(wgpu::Buffer::size).enumerate();
        if let Some((index, _)) = sizes.clone().filter(|&(_, size)| size >= bytes).min_by_key(|&(_, size)| size) {
            return free.swap_remove(index);
        }
        if let Some((index, _)) = sizes.max_by_key(|&(_, size)| size) {
            free.swap_remove(index);
        }
        device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(self.label),
            size: capacity(bytes),
            usage: self.usage,
            mapped_at_creation: false,
        })
    }

    /// A fresh buffer filled with [`SENTINEL`], guard and all.
    fn guarded(&self, device: &wgpu::Device, bytes: u64) -> wgpu::Buffer {
        let size = bytes.next_multiple_of(4) + GUARD_BYTES;
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(self.label),
            size,
            usage: self.usage,
            mapped_at_creation: true,
        });
        let filling = vec![SENTINEL; size as usize / 4];
        if let Ok(mut view) = buffer.get_mapped_range_mut(..) {
            view.copy_from_slice(bytemuck::cast_slice(&filling));
        }
        buffer.unmap();
        buffer
    }
}

/// Sizes come in steps of a quarter of a power of two, so that a slightly larger batch does not need another buffer.
fn capacity(bytes: u64) -> u64 {
    let step = (bytes.next_power_of_two() / 8).max(256);
    bytes.next_multiple_of(step)
}

/// A buffer on loan.
#[derive(Debug)]
pub(super) struct Slot {
    buffer: Option<wgpu::Buffer>,
    home: Weak<RefCell<Vec<wgpu::Buffer>>>,
}

impl Slot {
    pub fn buffer(&self) -> &wgpu::Buffer {
        self.buffer.as_ref().expect("a slot has its buffer until it is dropped")
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let (Some(buffer), Some(home)) = (self.buffer.take(), self.home.upgrade()) {
            home.borrow_mut().push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::capacity;

    #[test]
    fn capacity_holds_the_bytes_and_wastes_at_most_a_quarter() {
        for bytes in [1, 255, 256, 257, 4096, 100_000, 1 << 20, (1 << 20) + 1, 12_345_678] {
            let size = capacity(bytes);
            assert!(size >= bytes && size.is_multiple_of(4));
            assert!(size <= bytes + (bytes / 4).max(256), "{bytes} took {size}");
        }
    }
}
