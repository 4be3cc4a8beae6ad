//! AMX: `tdpbf16ps` adds the product of a tile of 16 x 32 bf16 and one of 32 x 16 to a tile of 16 x 16 f32 sums, `tdpbusd` that of
//! 16 x 64 bytes and 64 x 16 int8 to one of 16 x 16 integers.
//!
//! Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18; volume 2, the instructions' pages.
#![expect(unsafe_code, reason = "its intrinsics are not stable, its state is the system's to permit")]

use std::arch::asm;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::dot_products::Words;
use super::in_steps;

/// Columns of a panel: two tiles.
const WIDTH: usize = 32;
/// Rows of a tile.
const ROWS: usize = 16;
/// Words of a row of a tile: 32 bf16 or 64 int8.
const WORDS: usize = 16;

/// Whether somebody vouches for the instructions.
static ASSUMED: AtomicBool = AtomicBool::new(false);

/// Whether the processor has the unit and the system lets this process use it, which it asks for the first time.
pub(super) fn is_permitted() -> bool {
    static PERMITTED: LazyLock<bool> = LazyLock::new(|| permitted(is_there(), permission_is_given));
    ASSUMED.load(Ordering::Relaxed) || *PERMITTED
}

/// Whether a unit may be used, for which `ask` asks the system where it is there.
fn permitted(there: bool, ask: impl FnOnce() -> bool) -> bool {
    there && ask()
}

/// Takes the unit for there, whatever the processor and the system say.
///
/// # Safety
/// Something carries out its instructions in every thread of this process.
pub unsafe fn assume() {
    ASSUMED.store(true, Ordering::Relaxed);
}

/// Leaf 7 of `cpuid`: bits 22, 24 and 25 of edx are AMX-BF16, AMX-TILE and AMX-INT8. Every processor so far has all of them or none.
fn is_there() -> bool {
    let features = std::arch::x86_64::__cpuid_count(7, 0).edx;
    [22, 24, 25].iter().all(|bit| features & (1 << bit) != 0)
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

/// sums = x panel, or sums += x panel where `add` is set, of int8 or else of bf16. // (rows, 32)
///
/// Rows lie in tiles. They are taken 32 at a time, or 16: there is memory behind the last ones, of x to be read and of sums to be
/// written.
pub(super) fn multiply<const INT8: bool>(x: Words<'_>, panel: &[u32], sums: &mut [u32], add: bool) {
    let Words { words: x, stride: words, count } = x;
    let taken = in_steps(count);
    assert!(is_permitted(), "only an engine with amx makes this unit's inputs");
    assert!(words > 0 && words.is_multiple_of(WORDS) && taken.is_multiple_of(ROWS), "{taken} rows of {words} words");
    assert!(x.len() >= taken * words && panel.len() == words * WIDTH, "x and a whole panel");
    assert!(sums.len() >= taken * WIDTH, "sums of {count} rows");
    // Nothing panics from here on, so that no tile is left in use.
    // SAFETY: the system lets us use the unit; the configuration is a legal one.
    unsafe { asm!("ldtilecfg [rax]", in("rax") &raw const CONFIGURATION, options(nostack, readonly)) };
    for first in (0..taken).step_by(2 * ROWS) {
        let block = Block {
            x: x.as_ptr().wrapping_add(first * words),
            weights: panel.as_ptr(),
            sums: sums.as_mut_ptr().wrapping_add(first * WIDTH),
            words,
        };
        // SAFETY: 16 or 32 rows are there, of x and of sums; the panel is whole.
        unsafe {
            if taken - first > ROWS {
                block.multiply::<true, INT8>(add);
            } else {
                block.multiply::<false, INT8>(add);
            }
        }
    }
    // SAFETY: nobody uses the tiles after this.
    unsafe { asm!("tilerelease", options(nostack, nomem)) };
}

/// Where a block of 16 or 32 rows and 32 columns begins.
struct Block {
    x: *const u32,
    weights: *const u32,
    sums: *mut u32,
    /// Of a row of x: K / 2 or K / 4.
    words: usize,
}

impl Block {
    /// 16 rows or, as `TWO`, 32: sums in tiles 0 .. 3, rows of x in 4 and 5, weights in 6 and 7. Sums begin with what is in memory
    /// where `add` is set.
    ///
    /// # Safety
    /// So many rows of x and of sums are there, and `words` rows of weights; tiles are configured.
    unsafe fn multiply<const TWO: bool, const INT8: bool>(&self, add: bool) {
        // SAFETY: every address that is used lies in what the caller vouches for.
        unsafe {
            asm!(
                ".macro wembed_dot sums, x, weights",
                ".if {int8}",
                "tdpbusd \\sums, \\x, \\weights",
                ".else",
                "tdpbf16ps \\sums, \\x, \\weights",
                ".endif",
                ".endm",
                "test {add}, {add}",
                "jnz 3f",
                "tilezero tmm0",
                "tilezero tmm1",
                ".if {two}",
                "tilezero tmm2",
                "tilezero tmm3",
                ".endif",
                "jmp 2f",
                "3:",
                "tileloadd tmm0, [{c} + {cs}]",
                "tileloadd tmm1, [{c} + {cs} + 64]",
                ".if {two}",
                "tileloadd tmm2, [{d} + {cs}]",
                "tileloadd tmm3, [{d} + {cs} + 64]",
                ".endif",
                "2:",
                "tileloadd tmm6, [{b} + {cs}]",
                "tileloadd tmm4, [{x} + {xs}]",
                "wembed_dot tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{b} + {cs} + 64]",
                "wembed_dot tmm1, tmm4, tmm7",
                ".if {two}",
                "tileloadd tmm5, [{y} + {xs}]",
                "wembed_dot tmm2, tmm5, tmm6",
                "wembed_dot tmm3, tmm5, tmm7",
                "add {y}, {tile}",
                ".endif",
                "add {x}, {tile}",
                "add {b}, {step}",
                "dec {n}",
                "jnz 2b",
                "tilestored [{c} + {cs}], tmm0",
                "tilestored [{c} + {cs} + 64], tmm1",
                ".if {two}",
                "tilestored [{d} + {cs}], tmm2",
                "tilestored [{d} + {cs} + 64], tmm3",
                ".endif",
                ".purgem wembed_dot",
                two = const TWO as usize,
                int8 = const INT8 as usize,
                add = in(reg) usize::from(add),
                x = inout(reg) self.x => _,
                y = inout(reg) self.x.wrapping_add(ROWS * self.words) => _,
                b = inout(reg) self.weights => _,
                c = in(reg) self.sums,
                d = in(reg) self.sums.wrapping_add(ROWS * WIDTH),
                n = inout(reg) self.words / WORDS => _,
                // A tile of x: its rows have 16 words.
                xs = in(reg) 4 * WORDS,
                tile = const ROWS * WORDS * 4,
                // Of sums and of weights: a row of either has 32 words.
                cs = in(reg) 4 * WIDTH,
                step = const WORDS * 4 * WIDTH,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack)
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::permitted;

    /// Whoever says no, the processor or the system, is believed; a system is not asked for what is not there.
    #[test]
    fn a_refusal_is_believed() {
        assert!(permitted(true, || true));
        assert!(!permitted(true, || false));
        assert!(!permitted(false, || panic!("the system was asked for a unit that is not there")));
    }
}
