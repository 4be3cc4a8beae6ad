//! AMX on processors that have none: the instructions are illegal there, and a handler of that signal carries them out.
//!
//! So the kernel that most servers' processors will run is held to every test on every machine with AVX-512: its own machine code,
//! decoded byte by byte, on tiles kept here, which are lost where a processor would lose them and refused where it would refuse
//! them. It tells nothing of speed. A processor with AMX runs the same tests itself.
//!
//! Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, the pages of each instruction.
#![expect(unsafe_code, reason = "a signal handler reads and writes what the interrupted instruction would have")]

use std::cell::Cell;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

/// Eight tiles of 16 rows of 16 words.
type Tiles = [[[u32; 16]; 16]; 8];

thread_local! {
    static TILES: Cell<Tiles> = const { Cell::new([[[0; 16]; 16]; 8]) };
    /// Whether there are tiles: from `ldtilecfg` to `tilerelease`.
    static CONFIGURED: Cell<bool> = const { Cell::new(false) };
}

static ACTED_OUT: AtomicBool = AtomicBool::new(false);

/// Whether it is this handler that carries out AMX here. Each instruction then costs a signal.
pub fn is_acted_out() -> bool {
    ACTED_OUT.load(Ordering::Relaxed)
}

/// Makes sure that AMX can be used in this process, where vectors are as wide as its kernel wants them.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let sets = wembed_kernels::cpu::instruction_sets();
        if sets.contains(&"amx") || !sets.contains(&"avx512") {
            return;
        }
        // SAFETY: the handler is a function of the right form, and does nothing that a signal handler may not.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handle as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO;
            assert_eq!(libc::sigaction(libc::SIGILL, &raw const action, std::ptr::null_mut()), 0, "sigaction");
            // First, so that nobody takes the unit for the processor's own.
            ACTED_OUT.store(true, Ordering::Relaxed);
            wembed_kernels::cpu::assume_amx();
        }
    });
}

extern "C" fn handle(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel gives a handler with SA_SIGINFO the interrupted thread's registers.
    let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let Some(length) = carry_out(registers) else {
        // Another illegal instruction: as if nobody handled it.
        std::process::abort();
    };
    registers[libc::REG_RIP as usize] += length;
}

/// The general registers in the order of their numbers.
const NUMBERED: [libc::c_int; 16] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];

/// Prefixes that a VEX prefix stands for.
const NONE: u8 = 0;
const P66: u8 = 1;
const F3: u8 = 2;
const F2: u8 = 3;

/// Does what the instruction at the instruction pointer says; gives its length, or nothing where it is none of these or a
/// processor would refuse it, too.
fn carry_out(registers: &[libc::greg_t; 23]) -> Option<libc::greg_t> {
    let code = registers[libc::REG_RIP as usize] as *const u8;
    // SAFETY: an instruction was fetched there; none of these is longer than eleven bytes, and a page of code does not end in them.
    let byte = |at: usize| unsafe { *code.add(at) };
    let [vex, second, third, opcode, form] = [0, 1, 2, 3, 4].map(byte);
    // The three-byte VEX prefix, opcode map 0F38, 128 bits.
    if vex != 0xc4 || second & 0x1f != 2 || third & 0x84 != 0 {
        return None;
    }
    let prefix = third & 3;
    let (mode, register, low) = (form >> 6, usize::from(form >> 3 & 7), usize::from(form & 7));
    let other = usize::from(!third >> 3 & 0xf);
    // SAFETY: only this function touches a thread's tiles, and it is not interrupted by itself.
    let tiles = unsafe { &mut *TILES.with(Cell::as_ptr) };
    let configures = (opcode, prefix) == (0x49, NONE);
    if !configures && !CONFIGURED.get() {
        return None;
    }
    let mut length = 5;
    match (opcode, prefix, mode) {
        // tilerelease, tilezero
        (0x49, NONE, 3) if form == 0xc0 => CONFIGURED.set(false),
        (0x49, F2, 3) => tiles[register] = Default::default(),
        // ldtilecfg: the kernel's one configuration, every tile whole.
        (0x49, NONE, _) => {
            let base = if second & 0x20 == 0 { low + 8 } else { low };
            if mode != 0 || low == 4 || low == 5 {
                return None;
            }
            let address = registers[NUMBERED[base] as usize] as *const u8;
            // SAFETY: the instruction reads 64 bytes there.
            let read = |at: usize| unsafe { *address.add(at) };
            let whole = |tile: usize| read(16 + 2 * tile) == 64 && read(17 + 2 * tile) == 0 && read(48 + tile) == 16;
            let reserved = (2..16).chain(32..48).chain(56..64);
            if read(0) != 1 || read(1) != 0 || !(0..8).all(whole) || !reserved.map(read).all(|byte| byte == 0) {
                return None;
            }
            *tiles = Default::default();
            CONFIGURED.set(true);
        }
        (0x5c, F3, 3) => tiles[register] = dot_products(&tiles[register], &tiles[low], &tiles[other]),
        (0x5e, P66, 3) => tiles[register] = byte_products(&tiles[register], &tiles[low], &tiles[other]),
        // tileloadd, tilestored: a base, an index that is the stride of rows, a displacement.
        (0x4b, F2 | F3, 0..=2) if low == 4 => {
            let scaled = byte(5);
            let extended = |number: u8, bit: u8| usize::from(number & 7) + if second & bit == 0 { 8 } else { 0 };
            let value = |number: usize| registers[NUMBERED[number] as usize];
            let displacement = match mode {
                1 => i64::from(byte(6).cast_signed()),
                2 => i64::from(i32::from_le_bytes([byte(6), byte(7), byte(8), byte(9)])),
                _ => 0,
            };
            length = [6, 7, 10][usize::from(mode)];
            let start = value(extended(scaled, 0x20)) + displacement;
            let stride = value(extended(scaled >> 3, 0x40)) << (scaled >> 6);
            for (row, words) in tiles[register].iter_mut().enumerate() {
                let address = (start + row as i64 * stride) as *mut [u32; 16];
                // SAFETY: the instruction reads or writes 64 bytes there.
                unsafe {
                    if prefix == F2 { *words = address.read_unaligned() } else { address.write_unaligned(*words) }
                }
            }
        }
        _ => return None,
    }
    Some(length)
}

/// tdpbf16ps: sums + a b, even and odd products summed apart, subnormal numbers taken for zero. The multiply-adds are fused; a
/// product of two bf16 is an f32, so that is what a product and a sum give.
fn dot_products(sums: &[[u32; 16]; 16], a: &[[u32; 16]; 16], b: &[[u32; 16]; 16]) -> [[u32; 16]; 16] {
    let flushed = |value: f32| if value.is_subnormal() { 0.0 } else { value };
    let halves = |word: u32| [word << 16, word & 0xffff_0000].map(|bits| flushed(f32::from_bits(bits)));
    let b = b.map(|row| row.map(halves));
    let mut result = *sums;
    for (result, a) in result.iter_mut().zip(a) {
        let mut products = [[0.0f32; 2]; 16];
        for (a, b) in a.iter().zip(&b) {
            let [even, odd] = halves(*a);
            for (sum, [b_even, b_odd]) in products.iter_mut().zip(b) {
                *sum = [flushed(even * b_even + sum[0]), flushed(odd * b_odd + sum[1])];
            }
        }
        for (result, [even, odd]) in result.iter_mut().zip(products) {
            *result = flushed(flushed(f32::from_bits(*result)) + flushed(even + odd)).to_bits();
        }
    }
    result
}

/// tdpbusd: sums + a b, four bytes of a's words by four int8 of b's.
fn byte_products(sums: &[[u32; 16]; 16], a: &[[u32; 16]; 16], b: &[[u32; 16]; 16]) -> [[u32; 16]; 16] {
    let mut result = *sums;
    for (result, a) in result.iter_mut().zip(a) {
        for (a, b) in a.iter().zip(b) {
            for (sum, b) in result.iter_mut().zip(b) {
                for (a, b) in a.to_le_bytes().into_iter().zip(b.to_le_bytes()) {
                    let product = i32::from(a) * i32::from(b.cast_signed());
                    *sum = sum.wrapping_add_signed(product);
                }
            }
        }
    }
    result
}
