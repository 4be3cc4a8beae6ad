//! Memory in whole cache lines, and scratch that is used again.

use std::alloc::{Layout, handle_alloc_error};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytemuck::{Pod, Zeroable};

use crate::error::Kind;
use crate::{Error, GUARD_BYTES, SENTINEL};

/// Bytes of a line: vectors of any instruction set are aligned to it, so that no load straddles two.
const LINE_BYTES: usize = 64;

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct CacheLine([u32; LINE_BYTES / 4]);

/// Numbers of any type, aligned to cache lines; in huge pages where there are many, for else the walks through page tables are
/// what a single text waits for: its tokens are few, and every weight is read once.
#[derive(Debug)]
pub(crate) struct Memory(Lines);

#[derive(Debug)]
enum Lines {
    Boxed(Box<[CacheLine]>),
    #[cfg(target_os = "linux")]
    Mapped(memmap2::MmapMut),
}

impl Lines {
    /// Zeros; the system gives the pages when they are touched.
    fn zeroed(bytes: usize) -> Option<Self> {
        #[cfg(target_os = "linux")]
        if bytes >= HUGE_PAGE {
            let map = memmap2::MmapMut::map_anon(bytes.checked_next_multiple_of(LINE_BYTES)?).ok()?;
            // A system without huge pages is none the worse for having been asked.
            let _ = map.advise(memmap2::Advice::HugePage);
            return Some(Self::Mapped(map));
        }
        bytemuck::allocation::try_zeroed_slice_box(bytes.div_ceil(LINE_BYTES)).map(Self::Boxed).ok()
    }
}

/// Bytes from which on memory is worth pages of its own.
#[cfg(target_os = "linux")]
const HUGE_PAGE: usize = 2 << 20;

impl Memory {
    /// Zeros; the system gives the pages when they are touched.
    pub fn zeroed(name: &str, bytes: usize) -> Result<Self, Error> {
        let kind = || Kind::OutOfMemory { place: format!("the {bytes} bytes of `{name}`") };
        Lines::zeroed(bytes).map(Self).ok_or_else(|| kind().into())
    }

    /// The same for what is computed on the way. Where there is none left the program ends, as at every allocation of Rust's.
    ///
    /// # Panics
    /// Where no address space has so many bytes.
    pub fn scratch(bytes: usize) -> Self {
        Lines::zeroed(bytes).map(Self).unwrap_or_else(|| {
            let lines = bytes.div_ceil(LINE_BYTES);
            handle_alloc_error(Layout::array::<CacheLine>(lines).expect("scratch fits an address space"))
        })
    }

    pub fn of<T: Pod>(&self) -> &[T] {
        match &self.0 {
            Lines::Boxed(lines) => bytemuck::cast_slice(lines),
            #[cfg(target_os = "linux")]
            Lines::Mapped(map) => bytemuck::cast_slice(map),
        }
    }

    pub fn of_mut<T: Pod>(&mut self) -> &mut [T] {
        match &mut self.0 {
            Lines::Boxed(lines) => bytemuck::cast_slice_mut(lines),
            #[cfg(target_os = "linux")]
            Lines::Mapped(map) => bytemuck::cast_slice_mut(map),
        }
    }

    fn bytes(&self) -> usize {
        self.of::<u8>().len()
    }
}

/// Asks for the line that `values[index]` lies in, where there is an instruction for that; nothing is read.
#[inline(always)]
#[allow(unsafe_code)]
pub(super) fn prefetch(values: &[f32], index: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and faults at no address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(values.as_ptr().wrapping_add(index).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, index);
}

/// Memory for activations, handed out by size; it comes back when its holder is dropped.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    sentinels: bool,
    free: Arc<Free>,
}

/// What is not on loan.
#[derive(Debug, Default)]
struct Free(Mutex<Vec<Memory>>);

impl Free {
    /// A list of free memory is as good after a panic as before it.
    fn lock(&self) -> MutexGuard<'_, Vec<Memory>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Some scratch. What it holds is left over from its last use.
#[derive(Debug)]
pub(super) struct Buffer {
    memory: Option<Memory>,
    length: usize,
    home: Weak<Free>,
}

impl Scratch {
    pub fn new(sentinels: bool) -> Self {
        Self { sentinels, free: Arc::default() }
    }

    /// Room for `length` values of four bytes.
    pub fn take(&self, length: usize) -> Buffer {
        let bytes = length.saturating_mul(4);
        let memory = if self.sentinels { guarded(bytes) } else { self.reused(bytes) };
        Buffer { memory: Some(memory), length, home: Arc::downgrade(&self.free) }
    }

    /// The smallest free one that is large enough; else a new one, in the place of the largest free one. So there are never
    /// more than were on loan at one time, whatever sizes come.
    fn reused(&self, bytes: usize) -> Memory {
        let mut free = self.free.lock();
        let sizes = free.iter().map(Memory::bytes).enumerate();
        if let Some((index, _)) = sizes.clone().filter(|&(_, size)| size >= bytes).min_by_key(|&(_, size)| size) {
            return free.swap_remove(index);
        }
        if let Some((index, _)) = sizes.max_by_key(|&(_, size)| size) {
            free.swap_remove(index);
        }
        // A quarter more, so that batches of much the same size find each other's.
        Memory::scratch(bytes.saturating_add(bytes / 4))
    }
}

fn guarded(bytes: usize) -> Memory {
    let mut memory = Memory::scratch(bytes.saturating_add(GUARD_BYTES as usize));
    memory.of_mut::<u32>().fill(SENTINEL);
    memory
}

impl Buffer {
    pub fn of<T: Pod>(&self) -> &[T] {
        &self.memory.as_ref().expect("it is there until the drop").of()[..self.length * 4 / size_of::<T>()]
    }

    pub fn of_mut<T: Pod>(&mut self) -> &mut [T] {
        &mut self.memory.as_mut().expect("it is there until the drop").of_mut()[..self.length * 4 / size_of::<T>()]
    }

    /// What lies behind the values, as far as [`GUARD_BYTES`] go.
    pub fn with_guard(&self) -> &[u32] {
        let words: &[u32] = self.memory.as_ref().expect("it is there until the drop").of();
        &words[..words.len().min(self.length + GUARD_BYTES as usize / 4)]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some((home, memory)) = self.home.upgrade().zip(self.memory.take()) {
            home.lock().push(memory);
        }
    }
}
