//! What this machine can do at most, for the shares that docs/benchmarks.md states: multiply-adds in registers, and reading memory.
//!
//! `cargo run --release -p wembed-benches --bin peaks`
#![allow(unsafe_code)]

use std::hint::black_box;
use std::time::Instant;

use anyhow::Context as _;

/// Rounds of which the fastest counts: others use the machine, too.
const ROUNDS: usize = 7;

fn main() -> anyhow::Result<()> {
    let threads = std::thread::available_parallelism().context("the number of processors")?.get();
    for count in [1, threads] {
        for (name, operations, run) in instructions() {
            let seconds = fastest(count, run);
            println!("{name}, {count} threads: {:.0} GFLOP/s", (count * REPEATS * operations) as f64 / seconds / 1e9);
        }
        println!("reading memory, {count} threads: {:.1} GB/s", reading(count));
    }
    Ok(())
}

/// Passes through a loop of instructions.
const REPEATS: usize = 50_000_000;

/// A loop of independent instructions: its name, the floating-point operations of a pass, and the loop.
type Loop = (&'static str, usize, fn());

#[cfg(target_arch = "x86_64")]
fn instructions() -> Vec<Loop> {
    use std::arch::is_x86_feature_detected as has;
    let mut loops: Vec<Loop> = Vec::new();
    if has!("fma") {
        loops.push(("f32 multiply-adds of 8 lanes", 12 * 8 * 2, x86::ymm));
    }
    if has!("avx512f") {
        loops.push(("f32 multiply-adds of 16 lanes", 12 * 16 * 2, x86::zmm));
    }
    if has!("avx512bf16") {
        loops.push(("bf16 dot products of 32 lanes", 12 * 32 * 2, x86::dot));
    }
    loops
}

#[cfg(not(target_arch = "x86_64"))]
fn instructions() -> Vec<Loop> {
    Vec::new()
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::REPEATS;

    /// Twelve chains, more than any processor's latency times its units.
    macro_rules! chains {
        ($name:ident, $instruction:literal, $register:literal) => {
            pub fn $name() {
                // SAFETY: the caller asked the processor for the instruction; registers of vectors are named as changed.
                unsafe {
                    std::arch::asm!(
                        "2:",
                        chains!(@ $instruction, $register, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
                        "dec {count}",
                        "jnz 2b",
                        count = inout(reg) REPEATS => _,
                        out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _, out("xmm5") _,
                        out("xmm6") _, out("xmm7") _, out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
                        options(nomem, nostack),
                    );
                }
            }
        };
        (@ $instruction:literal, $register:literal, $($number:literal),+) => {
            concat!($($instruction, " ", $register, $number, ", ", $register, "14, ", $register, "15\n"),+)
        };
    }

    chains!(ymm, "vfmadd231ps", "ymm");
    chains!(zmm, "vfmadd231ps", "zmm");
    chains!(dot, "vdpbf16ps", "zmm");
}

/// Seconds of the fastest round in which each of `threads` runs the loop once.
fn fastest(threads: usize, run: fn()) -> f64 {
    let round = |_| {
        let start = Instant::now();
        std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(run))));
        start.elapsed().as_secs_f64()
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}

/// Gigabytes a second that threads read together, each its own part of a buffer far larger than any cache.
fn reading(threads: usize) -> f64 {
    let words = vec![1_u64; (1 << 30) / size_of::<u64>()];
    let round = |_| {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for part in words.chunks(words.len().div_ceil(threads)) {
                scope.spawn(|| black_box(part.iter().fold(0, |sum: u64, word| sum.wrapping_add(*word))));
            }
        });
        start.elapsed().as_secs_f64()
    };
    let seconds = (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min);
    size_of_val(words.as_slice()) as f64 / seconds / 1e9
}
