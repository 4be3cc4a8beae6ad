//! Which variant of the linear layer is the fastest here, for each shape of a model's weights: measured, not guessed.

use std::time::Duration;

use web_time::Instant;

use super::agreement::{self, Forced, References};
use super::linear::{self, Epilogue, PORTABLE, Plan, SMALL_ROWS, Variant};
use super::recording::Batch;
use super::{GpuEngine, Tensor};
use crate::noise::{Noise, uneven};
use crate::probe::Probe as _;
use crate::{Engine, Error, Linear, Packed};

/// Columns and rows of a weight matrix as it lies in device memory: K and N, padded.
pub type Shape = (usize, usize);

/// Rows of a tile: what tells the most, and is always tried.
const TILE: usize = 64;

/// Many rows: where a device is fast, they tell more than a tile, which leaves most of a large card idle.
const MANY: usize = 1024;

/// Numbers of rows that are tried, while there is time, the most telling first; before them [`MANY`] or [`TILE`].
const ROWS: [usize; 7] = [1, 16, TILE, 4, 256, MANY, 32];

/// How long a launch on a tile may take for many rows to be tried first.
const FAST: Duration = Duration::from_micros(600);

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

/// How long one launch of a variant takes, in int8 with what is launched in front of it.
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

/// Times every variant on weights of these shapes, within about `budget` once they are compiled, and plans by it.
pub(super) async fn tune(engine: &GpuEngine, shapes: &[Shape], budget: Duration) -> Result<Tuned, Error> {
    let begun = Instant::now();
    let variants = engine.context.variants();
    // Here they are compiled, each for every epilogue, which may take longer than to try them.
    let mut agreeing = agreement::agreeing(engine, &variants, PORTABLE).await?;
    wake(engine, budget).await?;
    let started = Instant::now();
    let differing = variants.iter().filter(|variant| !agreeing.contains(variant)).map(|variant| variant.name);
    let mut tuned = Tuned { plans: Vec::new(), refused: differing.collect(), times: Vec::new(), took: Duration::ZERO };
    for (index, &shape) in shapes.iter().enumerate() {
        // What is left is shared by those that are left.
        let left = budget.saturating_sub(started.elapsed()) / (shapes.len() - index) as u32;
        if let Some(plan) = plan(engine, shape, left, &mut agreeing, &mut tuned).await? {
            tuned.plans.push((shape, plan));
        }
    }
    // One that was found out late is in no plan.
    tuned.plans.retain(|(_, plan)| plan.variants().all(|variant| agreeing.contains(&variant)));
    tuned.took = begun.elapsed();
    Ok(tuned)
}

/// How long a device is kept busy before anything is timed, or a tenth of the budget where that is less: a card that is idle lowers its clock (an H100 to
/// 345 MHz of 1980).
const WAKING: Duration = Duration::from_millis(150);

/// Keeps the device busy for a while.
async fn wake(engine: &GpuEngine, budget: Duration) -> Result<(), Error> {
    const SIDE: usize = 768;
    let started = Instant::now();
    let weight = engine.matrix(Noise::new(SIDE, SIDE, 1)).await?;
    let layer = Linear { weight, bias: engine.vector("bias", &uneven(SIDE, 2))? };
    while started.elapsed() < WAKING.min(budget / 10) {
        Run { engine, layer: &layer, rows: TILE, variant: PORTABLE }.seconds().await?;
    }
    Ok(())
}

/// A launch's seconds, and whose.
type Timed = (f64, &'static Variant);

/// A number of rows, and how long each variant took on them.
type Tried = (usize, Vec<Timed>);

/// Whether one takes less time than the other.
fn by_time(left: &Timed, right: &Timed) -> std::cmp::Ordering {
    left.0.total_cmp(&right.0)
}

/// The fastest variants for one shape.
async fn plan(
    engine: &GpuEngine,
    (depth, columns): Shape,
    budget: Duration,
    candidates: &mut Vec<&'static Variant>,
    tuned: &mut Tuned,
) -> Result<Option<Plan>, Error> {
    let started = Instant::now();
    let weight = engine.matrix(Noise::uneven(columns, depth, 1)).await?;
    let layer = Linear { weight, bias: engine.vector("bias", &uneven(columns, 2))? };
    // What is tried first says what the rest will take.
    let tile = Run { engine, layer: &layer, rows: TILE, variant: PORTABLE };
    tile.bits().await?;
    let first = if tile.seconds().await? < FAST.as_secs_f64() { MANY } else { TILE };
    let mut tried = Vec::<Tried>::new();
    for rows in [first].into_iter().chain(ROWS.into_iter().filter(|&rows| rows != first)) {
        let left = budget.saturating_sub(started.elapsed());
        let Some(among) = worth_trying(candidates, tried.first(), rows, left) else { continue };
        let mut times = Vec::new();
        // Whatever is tried, the portable one is what it is held against.
        let mut references = References::new(engine.storage());
        references.take(PORTABLE, Run { engine, layer: &layer, rows, variant: PORTABLE }.bits().await?);
        for variant in among {
            let run = Run { engine, layer: &layer, rows, variant };
            if references.take(variant, run.bits().await?) {
                let seconds = run.seconds().await?;
                tuned.times.push(Time { shape: (depth, columns), rows, variant: variant.name, seconds });
                times.push((seconds, variant));
            } else {
                tuned.refused.push(variant.name);
                candidates.retain(|&it| it != variant);
            }
        }
        tried.push((rows, times));
    }
    Ok(planned(tried, candidates))
}

/// Those that there is time for, by what the first rows took: all of them; else, for more rows, those that were not slow on the first; else nothing.
fn worth_trying(
    candidates: &[&'static Variant],
    first: Option<&Tried>,
    rows: usize,
    left: Duration,
) -> Option<Vec<&'static Variant>> {
    let Some((first, times)) = first else { return Some(candidates.to_vec()) };
    let near = candidates.iter().copied().filter(|&variant| rows > *first && is_near_best(times, variant)).collect();
    let more = rows.div_ceil(*first) as f64;
    let is_affordable = |among: &Vec<&Variant>| !among.is_empty() && expected(times, among, more) <= left;
    [candidates.to_vec(), near].into_iter().find(is_affordable)
}

/// How long so many times the rows will take these to try, by what the first took: more take longer in proportion, and each is tried until that is long
/// enough.
fn expected(times: &[Timed], among: &[&Variant], more: f64) -> Duration {
    let theirs = times.iter().filter(|(_, variant)| among.contains(variant));
    theirs.map(|&(seconds, _)| Duration::from_secs_f64(3.0 * more * seconds) + 2 * LONG_ENOUGH).sum()
}

/// Whether more rows are worth trying: it was not twice as slow as another one.
fn is_near_best(times: &[Timed], variant: &Variant) -> bool {
    let best = times.iter().copied().min_by(by_time);
    let own = times.iter().find(|(_, it)| *it == variant);
    own.zip(best).is_some_and(|(own, best)| own.0 <= 2.0 * best.0)
}

/// The plan by what was tried, of variants that are left: all of them add in one order, as a device's do.
fn planned(mut tried: Vec<Tried>, left: &[&'static Variant]) -> Option<Plan> {
    tried.sort_unstable_by_key(|&(rows, _)| rows);
    // One that was found out later was the fastest of nothing.
    let fastest = tried.iter().filter_map(|(rows, times)| {
        let left = times.iter().filter(|(_, variant)| left.contains(variant));
        Some((*rows, left.copied().min_by(by_time)?.1))
    });
    let fastest: Vec<_> = fastest.collect();
    let (&(least, _), &(_, many)) = (fastest.first()?, fastest.last()?);
    let mut plan = Plan::only(many.name);
    for (index, &(rows, variant)) in fastest.iter().enumerate().rev().skip(1) {
        // Equal neighbours are one.
        if variant != fastest[index + 1].1 {
            plan = plan.with(rows, variant.name);
        }
    }
    // Where there was no time for few rows, of the variants that are made for them the one that was the fastest on more, if those were a tile; many say
    // nothing of few, and the one for the fewest is taken.
    if least > SMALL_ROWS {
        let tried = tried[0].1.iter().copied().filter(|(_, variant)| left.contains(variant));
        let is_for_few = |(_, variant): &Timed| variant.tile()[0] as usize <= SMALL_ROWS;
        let few = if least == MANY {
            tried.min_by_key(|(_, variant)| variant.tile()[0])
        } else {
            tried.filter(is_for_few).min_by(by_time)
        };
        if let Some((_, variant)) = few.filter(|&(_, variant)| variant != plan.variant(1)) {
            return Some(plan.with(SMALL_ROWS, variant.name));
        }
    }
    Some(plan)
}

/// One variant on so many rows.
struct Run<'a> {
    engine: &'a GpuEngine,
    layer: &'a Linear<GpuEngine>,
    rows: usize,
    variant: &'static Variant,
}

impl Run<'_> {
    /// The output's bits. It is compiled for this.
    async fn bits(&self) -> Result<Vec<u32>, Error> {
        let (batch, output) = self.record(1);
        let (rows, stride) = (output.rows, output.stride);
        let mut bits = batch.finish_raw(output).await?.words;
        bits.truncate(rows * stride);
        Ok(bits)
    }

    /// The seconds of a launch, once it is compiled.
    async fn seconds(&self) -> Result<f64, Error> {
        let mut launches = 1;
        loop {
            let (batch, output) = self.record(launches);
            // What was uploaded is there before the clock starts.
            self.engine.context.settle()?;
            let started = Instant::now();
            batch.submit(output, 4).await?;
            let took = started.elapsed();
            if took >= LONG_ENOUGH || launches >= MOST_LAUNCHES {
                return Ok(took.as_secs_f64() / launches as f64);
            }
            launches = (launches * 4).min(MOST_LAUNCHES);
        }
    }

    fn record(&self, launches: usize) -> (Batch, Tensor) {
        let mut batch = self.engine.begin(&Packed::default());
        let columns = self.layer.weight.columns;
        let x = batch.upload(&uneven(self.rows * columns, 3), columns);
        let _forced = Forced::on(self.engine, self.variant);
        let mut output = linear::record(&mut batch, &x, self.layer, Epilogue::Bias);
        for _ in 1..launches {
            drop(output);
            output = linear::record(&mut batch, &x, self.layer, Epilogue::Bias);
        }
        (batch, output)
    }
}

#[cfg(test)]
mod tests {
    use super::super::linear::VARIANTS;
    use super::*;

    fn named(name: &str) -> &'static Variant {
        VARIANTS.iter().find(|variant| variant.name == name).expect("there is one")
    }

    fn tried(times: &[(usize, &[(&str, f64)])]) -> Vec<Tried> {
        let of = |times: &[(&str, f64)]| times.iter().map(|&(name, seconds)| (seconds, named(name))).collect();
        times.iter().map(|&(rows, times)| (rows, of(times))).collect()
    }

    #[test]
    fn the_fastest_is_planned() {
        let times = tried(&[
            (1, &[("small", 1.0), ("tiled", 6.0), ("wide", 3.0)]),
            (16, &[("small", 4.0), ("tiled", 6.0), ("wide", 3.0)]),
            (64, &[("small", 9.0), ("tiled", 6.0), ("wide", 3.0)]),
        ]);
        let all = [named("small"), named("tiled"), named("wide")];
        assert_eq!(planned(times.clone(), &all), Some(Plan::only("wide").with(1, "small")));
        assert_eq!(
            planned(times.clone(), &all[..2]),
            Some(Plan::only("tiled").with(16, "small")),
            "one gave other bits"
        );
        assert_eq!(planned(tried(&[]), &all), None);
        assert_eq!(planned(times, &[]), None);
    }

    /// On a slow device there is time for one number of rows: it says nothing of few.
    #[test]
    fn few_rows_that_were_not_tried_take_what_is_for_them() {
        let times = tried(&[(64, &[("small", 9.0), ("shuffle", 4.0), ("wide", 3.0)])]);
        let all = [named("small"), named("shuffle"), named("wide")];
        assert_eq!(planned(times.clone(), &all), Some(Plan::only("wide").with(SMALL_ROWS, "shuffle")));
        assert_eq!(
            planned(times.clone(), &[all[0], all[2]]),
            Some(Plan::only("wide").with(SMALL_ROWS, "small")),
            "one gave other bits"
        );
        assert_eq!(planned(times, &all[2..]), Some(Plan::only("wide")));
        let many = tried(&[(MANY, &[("small", 90.0), ("shuffle", 40.0), ("wide", 30.0)])]);
        assert_eq!(planned(many, &all), Some(Plan::only("wide").with(SMALL_ROWS, "small")), "many rows say nothing");
        let fastest = tried(&[(64, &[("small", 9.0), ("shuffle", 2.0), ("wide", 3.0)])]);
        assert_eq!(planned(fastest, &all), Some(Plan::only("shuffle")));
    }

    /// A tile's rows take 16 s in all, and 1024 sixteen times three times that.
    #[test]
    fn what_is_twice_as_slow_is_not_tried_on_more_rows_where_there_is_no_time_for_all() {
        let first = &tried(&[(64, &[("small", 7.0), ("tiled", 6.0), ("wide", 3.0)])])[0];
        let all = ["small", "tiled", "wide"].map(named);
        let worth = |rows, seconds| worth_trying(&all, Some(first), rows, Duration::from_secs(seconds));
        assert_eq!(worth_trying(&all, None, TILE, Duration::ZERO), Some(all.to_vec()), "one number of rows always");
        assert_eq!(worth(1024, 800), Some(all.to_vec()));
        assert_eq!(worth(1024, 600), Some(all[1..].to_vec()));
        assert_eq!(worth(1024, 400), None);
        assert_eq!(worth(16, 60), Some(all.to_vec()));
        assert_eq!(worth(16, 40), None, "a tile says nothing of few");
    }
}
