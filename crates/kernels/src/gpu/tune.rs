//! Which variant of the linear layer is the fastest here, for each shape of a model's weights: measured, not guessed.

use std::time::Duration;

use web_time::Instant;

use super::linear::{self, Epilogue, PORTABLE, Plan, Variant};
use super::recording::Batch;
use super::{GpuEngine, Tensor, agreement};
use crate::noise::{Noise, noise};
use crate::probe::Probe as _;
use crate::{Engine, Error, Linear, Packed};

/// Columns and rows of a weight matrix as it lies in device memory: K and N, padded.
pub type Shape = (usize, usize);

/// Numbers of rows that are tried.
const ROWS: [usize; 7] = [1, 4, 16, 32, 64, 256, 1024];

/// How long one measurement takes at least, where one launch takes less.
const LONG_ENOUGH: Duration = Duration::from_millis(4);

/// Launches of one measurement at most.
const MOST_LAUNCHES: usize = 64;

/// What tuning found.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuned {
    /// Each shape's variants.
    pub plans: Vec<(Shape, Plan)>,
    /// Variants that give other bits than the portable one on this device.
    pub refused: Vec<&'static str>,
    /// What was measured.
    pub times: Vec<Time>,
    /// How long it took.
    pub took: Duration,
}

/// How long one launch of a variant takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Time {
    /// Of the weights.
    pub shape: Shape,
    /// Of the activations.
    pub rows: usize,
    /// The variant's name.
    pub variant: &'static str,
    /// A launch's.
    pub seconds: f64,
}

impl Time {
    /// Additions and multiplications a second.
    pub fn operations(&self) -> f64 {
        2.0 * (self.rows * self.shape.0 * self.shape.1) as f64 / self.seconds
    }
}

/// Times every variant on weights of these shapes, within about `budget`, and plans by it.
pub(super) async fn tune(engine: &GpuEngine, shapes: &[Shape], budget: Duration) -> Result<Tuned, Error> {
    let started = Instant::now();
    let variants = engine.context.variants();
    let mut agreeing = agreement::agreeing(engine, &variants, PORTABLE).await?;
    let differing = variants.iter().filter(|variant| !agreeing.contains(variant)).map(|variant| variant.name);
    let mut tuned = Tuned { plans: Vec::new(), refused: differing.collect(), times: Vec::new(), took: Duration::ZERO };
    for (index, &shape) in shapes.iter().enumerate() {
        // What is left is shared by those that are left.
        let left = budget.saturating_sub(started.elapsed()) / (shapes.len() - index) as u32;
        if let Some(plan) = plan(engine, shape, left, &mut agreeing, &mut tuned).await? {
            tuned.plans.push((shape, plan));
        }
    }
    tuned.took = started.elapsed();
    Ok(tuned)
}

/// A launch's seconds, and whose.
type Timed = (f64, &'static Variant);

/// The fastest variants for one shape.
async fn plan(
    engine: &GpuEngine,
    (depth, columns): Shape,
    budget: Duration,
    candidates: &mut Vec<&'static Variant>,
    tuned: &mut Tuned,
) -> Result<Option<Plan>, Error> {
    let started = Instant::now();
    let weight = engine.matrix(Noise::new(columns, depth, 1)).await?;
    let layer = Linear { weight, bias: engine.vector("bias", &noise(columns, 2))? };
    // The portable one first: the others are held against it.
    candidates.sort_by_key(|&variant| variant != PORTABLE);
    let mut fastest: Vec<(usize, [Option<Timed>; 2])> = Vec::new();
    for rows in ROWS {
        let begun = started.elapsed();
        let mut times = Vec::new();
        let mut expected = None;
        let mut kept = Vec::new();
        for &variant in candidates.iter() {
            let run = Run { engine, layer: &layer, rows, variant };
            let (bits, seconds) = run.measure().await?;
            if agreement::agree(variant, &bits, PORTABLE, expected.get_or_insert_with(|| bits.clone())) {
                tuned.times.push(Time { shape: (depth, columns), rows, variant: variant.name, seconds });
                times.push((seconds, variant));
                kept.push(variant);
            } else {
                tuned.refused.push(variant.name);
            }
        }
        *candidates = kept;
        // Of those that add in the portable one's order, and of the others.
        let best = |portable: bool| {
            let of_order = times.iter().copied().filter(|(_, variant)| variant.adds_as(PORTABLE) == portable);
            of_order.min_by(|left, right| left.0.total_cmp(&right.0))
        };
        fastest.push((rows, [best(true), best(false)]));
        // The next number of rows takes up to four times as long.
        if started.elapsed() + 4 * (started.elapsed() - begun) > budget {
            break;
        }
    }
    // One order for all numbers of rows: that of the fastest at the largest number.
    let Some((_, [Some(portable), other])) = fastest.last() else { return Ok(None) };
    let order = usize::from(other.is_some_and(|other| other.0 < portable.0));
    // One that was found out later was the fastest of nothing.
    let fastest = fastest.iter().filter_map(|&(rows, best)| Some((rows, best[order]?.1)));
    let fastest: Vec<_> = fastest.filter(|(_, variant)| candidates.contains(variant)).collect();
    let Some(&(_, many)) = fastest.last() else { return Ok(None) };
    let mut plan = Plan::only(many.name);
    for (index, &(rows, variant)) in fastest.iter().enumerate().rev().skip(1) {
        // Equal neighbours are one.
        if variant != fastest[index + 1].1 {
            plan = plan.with(rows, variant.name);
        }
    }
    Ok(Some(plan))
}

/// One variant on so many rows.
struct Run<'a> {
    engine: &'a GpuEngine,
    layer: &'a Linear<GpuEngine>,
    rows: usize,
    variant: &'static Variant,
}

impl Run<'_> {
    /// The output's bits, and the seconds of a launch.
    async fn measure(&self) -> Result<(Vec<u32>, f64), Error> {
        // The first one compiles.
        let (batch, output) = self.record(1);
        let (rows, stride) = (output.rows, output.stride);
        let mut bits = batch.finish_raw(output).await?.words;
        bits.truncate(rows * stride);
        let mut launches = 1;
        loop {
            let (batch, output) = self.record(launches);
            let started = Instant::now();
            batch.submit(output, 4).await?;
            let took = started.elapsed();
            if took >= LONG_ENOUGH || launches >= MOST_LAUNCHES {
                return Ok((bits, took.as_secs_f64() / launches as f64));
            }
            launches = (launches * 4).min(MOST_LAUNCHES);
        }
    }

    fn record(&self, launches: usize) -> (Batch, Tensor) {
        let forced = &self.engine.context.forced;
        let mut batch = self.engine.begin(&Packed::default());
        let columns = self.layer.weight.columns;
        let x = batch.upload(&noise(self.rows * columns, 3), columns);
        let before = forced.replace(Some(self.variant));
        let mut output = linear::record(&mut batch, &x, self.layer, Epilogue::Bias);
        for _ in 1..launches {
            drop(output);
            output = linear::record(&mut batch, &x, self.layer, Epilogue::Bias);
        }
        forced.set(before);
        (batch, output)
    }
}
