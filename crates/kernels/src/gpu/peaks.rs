//! What a device can do at most: the roof over every kernel's time.

use std::time::Duration;

use web_time::Instant;
use wembed_shaders::{PROBE_ARITHMETIC, PROBE_MEMORY};

use super::kernel::{Kernel, params};
use super::recording::{Cost, Launch};
use super::{GpuEngine, Tensor};
use crate::{Engine, Error, Packed};

params!(ArithmeticParams { rounds: u32 });
params!(MemoryParams { quads: u32 });

pub static ARITHMETIC: Kernel = Kernel {
    label: "probe.arithmetic",
    parts: &[PROBE_ARITHMETIC],
    inputs: &[],
    reads_weights: false,
    params: &["rounds"],
    constants: &[("THREADS", 256)],
    matrix: None,
    choices: &[&[]],
};

pub static MEMORY: Kernel = Kernel {
    label: "probe.memory",
    parts: &[PROBE_MEMORY],
    inputs: &["x"],
    reads_weights: false,
    params: &["quads"],
    constants: &[("THREADS", 256), ("STRIDES", 4)],
    matrix: None,
    choices: &[&[]],
};

/// Multiply-adds of one round of the shader, as operations.
const OPERATIONS: f64 = 2.0 * 4.0 * 8.0;

/// Invocations of the arithmetic probe: enough for the largest cards.
const INVOCATIONS: usize = 1 << 18;

/// Values that are copied: 32 MiB to as many, which only the largest caches hold.
const VALUES: usize = 8 << 20;

/// How long a measurement takes at least.
const LONG_ENOUGH: Duration = Duration::from_millis(40);

/// Measurements of which the fastest counts: others may use the device, too.
const TRIES: usize = 3;

/// A device's peaks, as measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peaks {
    /// f32 additions and multiplications a second, as fused multiply-adds in registers.
    pub operations: f64,
    /// Bytes a second, read and written.
    pub bytes: f64,
}

/// Measures both.
pub(super) async fn peaks(engine: &GpuEngine) -> Result<Peaks, Error> {
    let operations = fastest(|work| arithmetic(engine, work)).await? * OPERATIONS * INVOCATIONS as f64;
    let bytes = fastest(|work| memory(engine, work)).await? * 8.0 * VALUES as f64;
    Ok(Peaks { operations, bytes })
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

async fn arithmetic(engine: &GpuEngine, rounds: u32) -> Result<(), Error> {
    let mut batch = engine.begin(&Packed::default());
    let output = engine.context.tensor(INVOCATIONS / 64, 64);
    batch.launch(Launch {
        kernel: &ARITHMETIC,
        chosen: &[],
        output: &output,
        inputs: vec![],
        params: ArithmeticParams { rounds },
        workgroups: [INVOCATIONS as u32 / ARITHMETIC.constant("THREADS"), 1, 1],
        cost: Cost { flops: OPERATIONS * f64::from(rounds) * INVOCATIONS as f64, bytes: 4.0 * INVOCATIONS as f64 },
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
