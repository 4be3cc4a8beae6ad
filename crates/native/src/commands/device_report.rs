//! `wembed devices --report FILE`: what a GPU computes and how fast, for people who have it and people who work on the kernels.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use pollster::block_on;
use serde_json::{Value, json};
use wembed::ModelFiles;
use wembed_kernels::Dtype;
use wembed_kernels::gpu::{Adapter, GpuEngine, KernelTime, Options, Peaks, Plan, Shape, Time, Tuned};
use wembed_model::{AnyEmbedder, AnyEngine, EmbedOptions, LoadOptions, Prepared};

use crate::report::say;
use crate::synthetic::Synthetic;
use crate::table::table;
use crate::tuning::Layer;

/// Weights of the models that people use: K and N of [q | k | v], of the attention's output, and of both halves of the feed-forward
/// block, in base models and in MiniLM.
const SHAPES: [Shape; 8] =
    [(768, 2304), (768, 768), (768, 3072), (3072, 768), (384, 1152), (384, 384), (384, 1536), (1536, 384)];

/// Those of MiniLM.
const QUICK_SHAPES: &[Shape] = SHAPES.split_at(4).1;

/// How long variants are tried on all of these, and on MiniLM's.
const BUDGET: Duration = Duration::from_secs(20);
const QUICK_BUDGET: Duration = Duration::from_secs(2);

/// Whole models, and the texts and tokens of each that are computed at once.
const MODELS: [&str; 2] = ["minilm-l6", "mpnet-base"];
const BATCHES: [(usize, usize); 4] = [(1, 16), (1, 128), (8, 128), (32, 128)];

/// A batch that would take longer is left out.
const PATIENCE: Duration = Duration::from_secs(4);
const QUICK_PATIENCE: Duration = Duration::from_millis(200);

/// Runs of a batch, of which the median counts.
const RUNS: usize = 5;

/// Measures the adapter and writes all of it to `path`; what people want to see is printed.
pub fn run(path: &Path, adapter: &Adapter, is_quick: bool) -> anyhow::Result<String> {
    let started = Instant::now();
    let (shapes, budget, models, patience) = if is_quick {
        (QUICK_SHAPES, QUICK_BUDGET, &MODELS[..1], QUICK_PATIENCE)
    } else {
        (&SHAPES[..], BUDGET, &MODELS[..], PATIENCE)
    };
    let open = |options: Options| block_on(GpuEngine::open(Options { adapter: adapter.clone(), ..options }));
    let engine = open(Options { proof: false, ..Options::default() })?;
    let info = engine.info().clone();
    // Before a minute is spent.
    let mut file = File::create(path).with_context(|| format!("`{}` could not be written", path.display()))?;
    say(format_args!("measuring `{}`: {}", info.name, if is_quick { "ten seconds or so" } else { "a minute or so" }));

    let mut text = format!("{} ({} {})\n\n", info.name, info.backend, info.driver);
    let mut checks = Vec::new();
    for dtype in [Dtype::F16, Dtype::F32] {
        let offered = open(Options { dtype, proof: false, ..Options::default() })?.variants();
        for variant in offered {
            let linear = Plan::only(variant);
            let outcome = open(Options { dtype, linear, ..Options::default() }).err().map(|error| error.to_string());
            checks.push(json!({ "dtype": dtype.name(), "variant": variant, "wrong": outcome }));
            text += &format!(
                "{} {variant}: {}\n",
                dtype.name(),
                outcome.as_deref().unwrap_or("as the processor computes it")
            );
        }
    }

    let peaks = block_on(engine.peaks())?;
    text += &format!(
        "\nat most {:.1} GFLOP/s of f32 multiply-adds, {:.1} GB/s of memory read and written\n\n",
        peaks.operations / 1e9,
        peaks.bytes / 1e9
    );
    let tuned = block_on(engine.measure(shapes, budget))?;
    text += &times_table(&tuned, peaks);
    let times: Vec<_> = tuned.times.iter().map(|time| time_object(time, peaks)).collect();
    let plans: Vec<_> = tuned.plans.iter().map(Layer::of).collect();

    let mut measured = Vec::new();
    for name in models {
        let shape = Synthetic::parse(name).map_err(anyhow::Error::msg)?;
        let engine = open(Options { kernel_times: true, ..Options::default() })?;
        engine.follow(&tuned.plans);
        measured.push(model(shape, engine, peaks, patience, &mut text)?);
    }
    let report = json!({
        "wembed": env!("CARGO_PKG_VERSION"),
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "device": super::devices::gpu_object(&info),
        "peaks": { "operations_per_second": peaks.operations, "bytes_per_second": peaks.bytes },
        "variants": checks,
        "refused": tuned.refused,
        "linear": times,
        "plans": plans,
        "models": measured,
        "seconds": started.elapsed().as_secs_f64(),
    });
    let written = writeln!(file, "{report:#}");
    written.with_context(|| format!("`{}` could not be written", path.display()))?;
    Ok(text)
}

fn times_table(tuned: &Tuned, peaks: Peaks) -> String {
    let row = |time: &Time| {
        vec![
            format!("{} x {}", time.shape.0, time.shape.1),
            time.rows.to_string(),
            time.variant.to_owned(),
            format!("{:.3}", time.seconds * 1e3),
            format!("{:.1}", time.operations() / 1e9),
            format!("{:.0} %", 100.0 * time.operations() / peaks.operations),
        ]
    };
    let header = ["K x N", "rows", "variant", "ms", "GFLOP/s", "of the peak"];
    table(&header, tuned.times.iter().map(row).collect(), [1, 3, 4, 5])
}

fn time_object(time: &Time, peaks: Peaks) -> Value {
    json!({
        "depth": time.shape.0,
        "columns": time.shape.1,
        "rows": time.rows,
        "variant": time.variant,
        "seconds": time.seconds,
        "operations_per_second": time.operations(),
        "share": time.operations() / peaks.operations,
    })
}

/// A whole model's times, and its kernels' in the largest batch.
fn model(
    shape: Synthetic,
    engine: GpuEngine,
    peaks: Peaks,
    patience: Duration,
    text: &mut String,
) -> anyhow::Result<Value> {
    let files = shape.files()?;
    let mut model = block_on(AnyEmbedder::load(AnyEngine::Gpu(engine), files, LoadOptions::default()))?;
    *text += &format!("\n{} with random weights\n", shape.name);
    let (mut batches, mut kernels, mut rate) = (Vec::new(), Vec::new(), f64::INFINITY);
    for (texts, tokens) in BATCHES {
        let all = texts * tokens;
        if all as f64 / rate > patience.as_secs_f64() {
            *text += &format!("  {texts} x {tokens} tokens: left out, it would take {:.0} s\n", all as f64 / rate);
            continue;
        }
        let prepared = texts_of(&model, texts, tokens)?;
        let before = kernel_times(&model);
        let mut seconds = Vec::new();
        for _ in 0..=RUNS {
            let started = Instant::now();
            let found = block_on(model.compute(prepared.clone(), &model.reader().job(&EmbedOptions::default())?))?;
            seconds.push(started.elapsed().as_secs_f64());
            for text in found {
                text.context("a text of random ids")?;
            }
        }
        // The first run made buffers and pipelines.
        seconds.remove(0);
        seconds.sort_by(f64::total_cmp);
        let median = seconds[seconds.len() / 2];
        rate = all as f64 / median;
        *text += &format!("  {texts} x {tokens} tokens: {:.2} ms, {:.0} tokens/s\n", median * 1e3, rate);
        batches.push(json!({ "texts": texts, "tokens": tokens, "seconds": median }));
        kernels = since(&before, &kernel_times(&model));
    }
    let runs = (RUNS + 1) as f64;
    let row = |time: &KernelTime| {
        vec![
            format!("  {}", time.label),
            format!("{:.0}", time.launches as f64 / runs),
            format!("{:.3}", time.seconds / runs * 1e3),
            format!("{:.1}", time.cost.flops / time.seconds / 1e9),
            format!("{:.0} %", 100.0 * time.cost.flops / time.seconds / peaks.operations),
            format!("{:.1}", time.cost.bytes / time.seconds / 1e9),
            format!("{:.0} %", 100.0 * time.cost.bytes / time.seconds / peaks.bytes),
        ]
    };
    if kernels.iter().any(|time| time.seconds > 0.0) {
        let header = ["  kernel, last batch", "launches", "ms", "GFLOP/s", "of the peak", "GB/s", "of the peak"];
        *text += &table(&header, kernels.iter().map(row).collect(), 1..7);
    }
    let launches: u64 = kernels.iter().map(|time| time.launches).sum();
    let kernels: Vec<_> = kernels
        .iter()
        .map(|time| {
            json!({
                "kernel": time.label,
                "launches": time.launches as f64 / runs,
                "seconds": time.seconds / runs,
                "operations": time.cost.flops / runs,
                "bytes": time.cost.bytes / runs,
            })
        })
        .collect();
    Ok(json!({ "model": shape.name, "batches": batches, "launches": launches as f64 / runs, "kernels": kernels }))
}

/// Texts of so many tokens, special tokens counted.
fn texts_of(model: &AnyEmbedder<ModelFiles>, texts: usize, tokens: usize) -> anyhow::Result<Vec<Prepared>> {
    let reader = model.reader();
    let job = reader.job(&EmbedOptions::default())?;
    let specials = reader.prepare_ids(&[100], &job)?.tokens() - 1;
    let ids = |text: usize| (0..tokens - specials).map(move |index| 100 + ((31 * text + 7 * index) % 10_000) as u32);
    (0..texts).map(|text| Ok(reader.prepare_ids(&ids(text).collect::<Vec<_>>(), &job)?)).collect()
}

fn kernel_times(model: &AnyEmbedder<ModelFiles>) -> Vec<KernelTime> {
    match model {
        AnyEmbedder::Gpu(embedder) => embedder.engine().kernel_times(),
        AnyEmbedder::Cpu(_) => Vec::new(),
    }
}

/// What came since `before`.
fn since(before: &[KernelTime], after: &[KernelTime]) -> Vec<KernelTime> {
    let more = |time: &KernelTime| {
        let mut more = time.clone();
        if let Some(earlier) = before.iter().find(|it| it.label == time.label) {
            more.launches -= earlier.launches;
            more.seconds -= earlier.seconds;
            more.cost.flops -= earlier.cost.flops;
            more.cost.bytes -= earlier.cost.bytes;
        }
        more
    };
    after.iter().map(more).filter(|time| time.launches > 0).collect()
}
