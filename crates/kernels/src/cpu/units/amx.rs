//! AMX: `tdpbf16ps` adds the product of a tile of 16 x 32 bf16 and one of 32 x 16 to a tile of 16 x 16 f32 sums.
//!
//! Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18; volume 2, the instructions' pages.
#![expect(unsafe_code, reason = "its intrinsics are not stable, its state is the system's to permit")]

use std::arch::asm;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cpu::panels::Panels;

/// Columns of a panel: two tiles.
const WIDTH: usize = 32;
/// Rows of a tile.
const ROWS: usize = 16;
/// Words of a row of a tile: 32 bf16.
const WORDS: usize = 16;

/// Whether somebody vouches for the instructions.
static ASSUMED: AtomicBool = AtomicBool::new(false);

/// Whether the processor has the unit and the system lets this process use it, which it asks for the first time.
pub(super) fn is_permitted() -> bool {
    static PERMITTED: LazyLock<bool> = LazyLock::new(|| is_there() && permission_is_given());
    ASSUMED.load(Ordering::Relaxed) || *PERMITTED
}

/// Takes the unit for there, whatever the processor and the system say.
///
/// # Safety
/// Something carries out its instructions in every thread of this process.
pub unsafe fn assume() {
    ASSUMED.store(true, Ordering::Relaxed);
}

/// Leaf 7 of `cpuid`: bits 22 and 24 of edx are AMX-BF16 and AMX-TILE.
fn is_there() -> bool {
    let features = std::arch::x86_64::__cpuid_count(7, 0).edx;
    features & (1 << 22) != 0 && features & (1 << 24) != 0
}

/// Asks Linux for the 8 KB of tiles in this process's state: `arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)`. A kernel
/// before 5.16, a hypervisor or a sandbox may say no.
#[cfg(target_os = "linux")]
fn permission_is_given() -> bool {
    const REQUEST: libc::c_long = 0x1023;
    const TILES: libc::c_long = 18;
    // SAFETY: the call takes two numbers and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_arch_prctl, REQUEST, TILES) == 0 }
}

/// Nobody tried it there.
#[cfg(not(target_os = "linux"))]
fn permission_is_given() -> bool {
    false
}

/// What `ldtilecfg` reads: palette 1, eight tiles of 16 rows of 64 bytes.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

static CONFIGURATION: Configuration = Configuration {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    row_bytes: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

/// sums = x panel, by one product of bf16 or, where weights are in two halves, three. // (rows, 32)
///
/// Rows are taken 32 at a time, or 16: there is memory behind the last ones, of x to be read and of sums to be written.
pub(super) fn multiply(x: [&[u32]; 2], rows: usize, panels: &Panels, panel: usize, sums: &mut [f32]) {
    let words = panels.depth / 2;
    let taken = rows.next_multiple_of(ROWS);
    assert!(
        panels.width == WIDTH && words.is_multiple_of(WORDS) && words > 0,
        "{words} words of {} columns",
        panels.width
    );
    assert!(sums.len() >= taken * WIDTH && x.iter().all(|x| x.len() >= taken * words), "memory behind {rows} rows");
    // SAFETY: only an engine that was given the unit makes this unit's inputs; the configuration is a legal one.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const CONFIGURATION, options(nostack, readonly)) };
    for (index, &(x_half, weight_half)) in panels.halves().iter().enumerate() {
        let weights = panels.pairs(panel, weight_half);
        assert_eq!(weights.len(), words * WIDTH, "a whole panel");
        for first in (0..taken).step_by(2 * ROWS) {
            let block = Block {
                x: x[x_half][first * words..].as_ptr(),
                weights: weights.as_ptr(),
                sums: sums[first * WIDTH..].as_mut_ptr(),
                words,
            };
            // SAFETY: 16 or 32 rows are there, of x and of sums; the panel is whole.
            unsafe { if taken - first > ROWS { block.two(index > 0) } else { block.one(index > 0) } }
        }
    }
    // SAFETY: nobody uses the tiles after this.
    unsafe { asm!("tilerelease", options(nostack, nomem)) };
}

/// Where a block of 16 or 32 rows and 32 columns begins.
struct Block {
    x: *const u32,
    weights: *const u32,
    sums: *mut f32,
    /// Of a row of x: K / 2.
    words: usize,
}

impl Block {
    /// 32 rows: sums in tiles 0 .. 3, rows of x in 4 and 5, weights in 6 and 7. Sums begin with what is in memory where `add` is set.
    ///
    /// # Safety
    /// 32 rows of x and of sums are there, and `words` rows of weights; tiles are configured.
    unsafe fn two(&self, add: bool) {
        // SAFETY: every address lies in what the caller vouches for.
        unsafe {
            asm!(
                "test {add}, {add}",
                "jnz 3f",
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "jmp 2f",
                "3:",
                "tileloadd tmm0, [{c} + {cs}]",
                "tileloadd tmm1, [{c} + {cs} + 64]",
                "tileloadd tmm2, [{d} + {cs}]",
                "tileloadd tmm3, [{d} + {cs} + 64]",
                "2:",
                "tileloadd tmm6, [{b} + {cs}]",
                "tileloadd tmm4, [{x} + {xs}]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{b} + {cs} + 64]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{y} + {xs}]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {x}, 64",
                "add {y}, 64",
                "add {b}, {step}",
                "dec {n}",
                "jnz 2b",
                "tilestored [{c} + {cs}], tmm0",
                "tilestored [{c} + {cs} + 64], tmm1",
                "tilestored [{d} + {cs}], tmm2",
                "tilestored [{d} + {cs} + 64], tmm3",
                add = in(reg) usize::from(add),
                x = inout(reg) self.x => _,
                y = inout(reg) self.x.add(ROWS * self.words) => _,
                b = inout(reg) self.weights => _,
                c = in(reg) self.sums,
                d = in(reg) self.sums.add(ROWS * WIDTH),
                n = inout(reg) self.words / WORDS => _,
                xs = in(reg) 4 * self.words,
                // Of sums and of weights: a row of either has 32 words.
                cs = in(reg) 4 * WIDTH,
                step = const WORDS * 4 * WIDTH,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack)
            );
        }
    }

    /// 16 rows: sums in tiles 0 and 1.
    ///
    /// # Safety
    /// As [`Block::two`], for 16 rows.
    unsafe fn one(&self, add: bool) {
        // SAFETY: every address lies in what the caller vouches for.
        unsafe {
            asm!(
                "test {add}, {add}",
                "jnz 3f",
                "tilezero tmm0",
                "tilezero tmm1",
                "jmp 2f",
                "3:",
                "tileloadd tmm0, [{c} + {cs}]",
                "tileloadd tmm1, [{c} + {cs} + 64]",
                "2:",
                "tileloadd tmm6, [{b} + {cs}]",
                "tileloadd tmm4, [{x} + {xs}]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{b} + {cs} + 64]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "add {x}, 64",
                "add {b}, {step}",
                "dec {n}",
                "jnz 2b",
                "tilestored [{c} + {cs}], tmm0",
                "tilestored [{c} + {cs} + 64], tmm1",
                add = in(reg) usize::from(add),
                x = inout(reg) self.x => _,
                b = inout(reg) self.weights => _,
                c = in(reg) self.sums,
                n = inout(reg) self.words / WORDS => _,
                xs = in(reg) 4 * self.words,
                cs = in(reg) 4 * WIDTH,
                step = const WORDS * 4 * WIDTH,
                out("tmm0") _, out("tmm1") _, out("tmm4") _, out("tmm6") _, out("tmm7") _,
                options(nostack)
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{is_permitted, is_there, permission_is_given};

    /// Whoever says no, the processor or the system, is believed.
    #[test]
    fn a_refusal_is_believed() {
        let given = permission_is_given();
        assert!(is_there() || !given, "a system gives no permission for what is not there");
        assert_eq!(is_permitted(), is_there() && given);
    }
}
