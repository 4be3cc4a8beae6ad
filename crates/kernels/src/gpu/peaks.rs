//! What a device can do at most: the roof over every kernel's time.

use std::time::Duration;

use web_time::Instant;
use wembed_shaders::{
    MATRIX_8, MATRIX_16, NUMBER_F16, NUMBER_F32, PROBE_ARITHMETIC, PROBE_DOTS, PROBE_MATRIX, PROBE_MEMORY, Part,
};

use super::device::Matrices;
use super::kernel::{Kernel, Need, Reads, Storage, params};
use super::linear::SUBGROUP;
use super::recording::{Cost, Launch};
use super::{GpuEngine, Tensor};
use crate::{Engine, Error, Packed};

params!(ArithmeticParams { rounds: u32 });
params!(MemoryParams { quads: u32 });

pub static ARITHMETIC: Kernel = probe("probe.arithmetic", &[NUMBER_F32, PROBE_ARITHMETIC], Need::Nothing);

pub static HALF_ARITHMETIC: Kernel = probe("probe.half_arithmetic", &[NUMBER_F16, PROBE_ARITHMETIC], Need::F16);

pub static DOTS: Kernel = probe("probe.dots", &[PROBE_DOTS], Need::Nothing);

pub static MATRICES_8: Kernel = matrix_probe("probe.matrices8", &[MATRIX_8, PROBE_MATRIX], 8);

pub static MATRICES_16: Kernel = matrix_probe("probe.matrices16", &[MATRIX_16, PROBE_MATRIX], 16);

pub static MEMORY: Kernel = Kernel {
    inputs: &["x"],
    params: &["quads"],
    constants: &[("THREADS", 256), ("STRIDES", 4)],
    ..probe("probe.memory", &[PROBE_MEMORY], Need::Nothing)
};

const fn probe(label: &'static str, parts: &'static [Part], needs: Need) -> Kernel {
    Kernel {
        label,
        parts,
        inputs: &[],
        weights: Reads::Nothing,
        params: &["rounds"],
        constants: &[("THREADS", 256)],
        needs,
        choices: &[&[]],
    }
}

const fn matrix_probe(label: &'static str, parts: &'static [Part], side: u32) -> Kernel {
    Kernel { constants: &[("SUBGROUPS", 8)], choices: &[&[SUBGROUP]], ..probe(label, parts, Need::Matrices(side)) }
}

/// Multiply-adds of one round and invocation, as operations.
const OPERATIONS: f64 = 2.0 * 4.0 * 8.0;

/// Products of one round and subgroup.
const PRODUCTS: f64 = 8.0;

/// Rounds of matrices at least.
const MATRIX_ROUNDS: u32 = 16;

/// Invocations of a probe of arithmetic: enough for the largest cards.
const INVOCATIONS: usize = 1 << 18;

/// Values that are copied: 96 MiB to as many, which few caches hold.
const VALUES: usize = 24 << 20;

/// How long a measurement takes at least.
const LONG_ENOUGH: Duration = Duration::from_millis(40);

/// Measurements of which the fastest counts: others may use the device, too.
const TRIES: usize = 3;

/// A device's peaks, as measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peaks {
    /// f32 additions and multiplications a second, as fused multiply-adds in registers.
    pub operations: f64,
    /// The same in f16, where the device has it. wembed adds in f32 throughout; this is the roof that it does without.
    pub half_operations: Option<f64>,
    /// The same as dot products of four int8, which a device without an instruction for them acts out.
    pub dot_operations: f64,
    /// The same as products of matrices of f16 that add to f32, where they were asked for and are there.
    pub matrix_operations: Option<f64>,
    /// Bytes a second, read and written.
    pub bytes: f64,
}

/// Measures all of them.
pub(super) async fn peaks(engine: &GpuEngine) -> Result<Peaks, Error> {
    let context = &engine.context;
    let operations = OPERATIONS * INVOCATIONS as f64;
    let threads = ARITHMETIC.constant("THREADS");
    let vectors = |kernel| fastest(move |rounds| arithmetic(engine, kernel, &[], threads, rounds, operations));
    let half_operations = match context.storage {
        Storage::F16 => Some(operations * vectors(&HALF_ARITHMETIC).await?),
        _ => None,
    };
    let matrix_operations = match context.matrices {
        Some(Matrices { side, subgroup }) => {
            let kernel = if side == 8 { &MATRICES_8 } else { &MATRICES_16 };
            let operations = PRODUCTS * 2.0 * f64::from(side).powi(3) * INVOCATIONS as f64 / f64::from(subgroup);
            let threads = kernel.constant("SUBGROUPS") * subgroup;
            let chosen = [("SUBGROUP", subgroup)];
            // One round alone would be over before its matrices are loaded and stored.
            let run = |work| arithmetic(engine, kernel, &chosen, threads, MATRIX_ROUNDS * work, operations);
            Some(operations * f64::from(MATRIX_ROUNDS) * fastest(run).await?)
        }
        None => None,
    };
    Ok(Peaks {
        operations: operations * vectors(&ARITHMETIC).await?,
        half_operations,
        dot_operations: operations * vectors(&DOTS).await?,
        matrix_operations,
        bytes: 8.0 * VALUES as f64 * fastest(|copies| memory(engine, copies)).await?,
    })
}

/// How much work is done a second, of as much as takes long enough.
async fn fastest<F: Future<Output = Result<(), Error>>>(run: impl Fn(u32) -> F) -> Result<f64, Error> {
    // The first one compiles.
    run(1).await?;
    let mut work = 1;
    let mut rate: f64 = 0.0;
    let mut tries = 0;
    while tries < TRIES {
        let started = Instant::now();
        run(work).await?;
        let took = started.elapsed();
        if took < LONG_ENOUGH && work < 1 << 20 {
            work *= 2;
            continue;
        }
        tries += 1;
        rate = rate.max(f64::from(work) / took.as_secs_f64());
    }
    Ok(rate)
}

/// `operations` a round, in workgroups of so many threads.
async fn arithmetic(
    engine: &GpuEngine,
    kernel: &'static Kernel,
    chosen: &[(&'static str, u32)],
    threads: u32,
    rounds: u32,
    operations: f64,
) -> Result<(), Error> {
    let mut batch = engine.begin(&Packed::default());
    let output = engine.context.tensor(INVOCATIONS / 64, 64);
    batch.launch(Launch {
        kernel,
        chosen,
        output: &output,
        inputs: vec![],
        params: ArithmeticParams { rounds },
        workgroups: [INVOCATIONS as u32 / threads, 1, 1],
        cost: Cost { flops: operations * f64::from(rounds), bytes: 4.0 * INVOCATIONS as f64 },
    });
    batch.submit(output, 4).await?;
    Ok(())
}

async fn memory(engine: &GpuEngine, copies: u32) -> Result<(), Error> {
    let mut batch = engine.begin(&Packed::default());
    let tensor = || -> Tensor { engine.context.tensor(VALUES / 64, 64) };
    // What is copied is whatever is there.
    let (mut from, mut to) = (tensor(), tensor());
    let group = MEMORY.constant("THREADS") * MEMORY.constant("STRIDES");
    let quads = VALUES as u32 / 4;
    for _ in 0..copies {
        batch.launch(Launch {
            kernel: &MEMORY,
            chosen: &[],
            output: &to,
            inputs: vec![from.slot.buffer()],
            params: MemoryParams { quads },
            workgroups: [quads.div_ceil(group), 1, 1],
            cost: Cost { flops: 0.0, bytes: 8.0 * VALUES as f64 },
        });
        std::mem::swap(&mut from, &mut to);
    }
    batch.submit(from, 4).await?;
    Ok(())
}
