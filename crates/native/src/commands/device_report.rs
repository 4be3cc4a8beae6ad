//! `wembed devices --report FILE`: what a GPU computes and how fast, for people who have it and people who work on the kernels.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use pollster::block_on;
use serde_json::{Value, json};
use wembed::ModelFiles;
use wembed_kernels::Dtype;
use wembed_kernels::gpu::{
    Adapter, DeviceInfo, GpuEngine, KernelTime, Options, Peaks, Plan, Shape, Storage, Time, Tuned, kernels,
};
use wembed_model::{AnyEmbedder, AnyEngine, EmbedOptions, KernelPlan, LoadOptions, Prepared};

use super::devices::gpu_object;
use crate::destination::Destination;
use crate::footprint::Footprint;
use crate::replaced::Replaced;
use crate::report::say;
use crate::synthetic::Synthetic;
use crate::table::table;

/// Weights of the models that people use: K and N of [q | k | v], of the attention's output, and of both halves of the feed-forward
/// block, in base models and in MiniLM.
const SHAPES: [Shape; 8] =
    [(768, 2304), (768, 768), (768, 3072), (3072, 768), (384, 1152), (384, 384), (384, 1536), (1536, 384)];

/// Those of MiniLM.
const QUICK_SHAPES: &[Shape] = SHAPES.split_at(4).1;

/// Ways of computing that are measured: what weights are held in, and whether matrices are multiplied.
const WAYS: [(Dtype, bool); 3] = [(Dtype::F16, false), (Dtype::F16, true), (Dtype::Int8, false)];

/// How long variants are tried on all of these, and on MiniLM's.
const BUDGET: Duration = Duration::from_secs(15);
const QUICK_BUDGET: Duration = Duration::from_secs(2);

/// Whole models, and the texts and tokens of each that are computed at once.
const MODELS: [&str; 2] = ["minilm-l6", "mpnet-base"];
const BATCHES: [(usize, usize); 4] = [(1, 16), (1, 128), (8, 128), (32, 128)];

/// A batch that would take longer is left out.
const PATIENCE: Duration = Duration::from_secs(4);
const QUICK_PATIENCE: Duration = Duration::from_millis(200);

/// Runs of a batch, of which the median counts.
const RUNS: usize = 5;

/// Measures the adapter, prints what people want to see as it goes, and writes all of it to `path`. What goes wrong is part of it.
pub fn run(path: &Path, adapter: &Adapter, is_quick: bool) -> anyhow::Result<()> {
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
    let file = Replaced::at(path)?;
    say(format_args!("measuring `{}`: {}", info.name, if is_quick { "ten seconds or so" } else { "a minute or so" }));
    print(&format!("{} ({} {})\n\n", info.name, info.backend, info.driver))?;

    let checks = checks(&open, &info)?;
    // With matrices where there are some: these probes are the others', too.
    let by_matrices = info.matrices.map(|_| {
        let engine = open(Options { matrices: true, proof: false, ..Options::default() })?;
        block_on(engine.peaks())
    });
    let matrix_error = by_matrices.as_ref().and_then(|peaks| Some(peaks.as_ref().err()?.to_string()));
    if let Some(error) = &matrix_error {
        print(&format!("the probe of matrices failed: {error}\n"))?;
    }
    let peaks = match by_matrices {
        Some(Ok(peaks)) => peaks,
        _ => block_on(engine.peaks()).context("the probes failed")?,
    };
    drop(engine);
    print(&peaks_line(peaks))?;
    let mut linear = Vec::new();
    for way in WAYS.into_iter().filter(|&(_, matrices)| !matrices || info.matrices.is_some()) {
        linear.push(or_said(linear_layers(&open, way, shapes, budget, models, patience, peaks))?);
    }
    let report = json!({
        "wembed": env!("CARGO_PKG_VERSION"),
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "device": gpu_object(&info),
        "peaks": {
            "operations_per_second": peaks.operations,
            "half_operations_per_second": peaks.half_operations,
            "dot_operations_per_second": peaks.dot_operations,
            "matrix_operations_per_second": peaks.matrix_operations,
            "matrix_error": matrix_error,
            "bytes_per_second": peaks.bytes,
        },
        "variants": checks,
        "measured": linear,
        "seconds": started.elapsed().as_secs_f64(),
    });
    file.write(format!("{report:#}\n").as_bytes())
}

fn print(text: &str) -> anyhow::Result<()> {
    Destination::standard_output().print(text)
}

/// What was measured, or the error in its place, said.
fn or_said(measured: anyhow::Result<Value>) -> anyhow::Result<Value> {
    measured.or_else(|error| {
        print(&format!("it failed: {error:#}\n"))?;
        Ok(json!({ "error": format!("{error:#}") }))
    })
}

/// An engine of these options on the adapter.
type Open<'a> = &'a dyn Fn(Options) -> Result<GpuEngine, wembed_kernels::Error>;

/// Each variant against the processor.
fn checks(open: Open<'_>, info: &DeviceInfo) -> anyhow::Result<Vec<Value>> {
    let mut checks = Vec::new();
    for (dtype, matrices) in WAYS.into_iter().chain([(Dtype::F32, false)]) {
        let offered = open(Options { dtype, matrices, proof: false, ..Options::default() }).map(|it| it.variants());
        let offered = offered.unwrap_or_default();
        for variant in offered.into_iter().filter(|name| name.starts_with("matrix") == matrices) {
            let options = Options { dtype, matrices, linear: Plan::only(variant), ..Options::default() };
            let outcome = open(options).err().map(|error| error.to_string());
            let words = outcome.as_deref().unwrap_or("as the processor computes it");
            let footprint = footprint(variant, dtype, info);
            let takes = footprint.map_or_else(String::new, |Footprint { invocations, bytes }| {
                format!(" ({invocations} invocations and {bytes} bytes a workgroup)")
            });
            print(&format!("{} {variant}: {words}{takes}\n", dtype.name()))?;
            checks.push(json!({
                "dtype": dtype.name(),
                "variant": variant,
                "wrong": outcome,
                "invocations": footprint.map(|it| it.invocations),
                "workgroup_bytes": footprint.map(|it| it.bytes),
            }));
        }
    }
    Ok(checks)
}

/// What a variant takes of a workgroup on this device.
fn footprint(variant: &str, dtype: Dtype, info: &DeviceInfo) -> Option<Footprint> {
    let label = format!("linear.{variant}.bias");
    let kernel = kernels().into_iter().find(|kernel| kernel.label == label)?;
    let subgroup = info.matrices.filter(|_| kernel.needs.matrix().is_some()).map(|it| ("SUBGROUP", it.subgroup));
    let storage = match dtype {
        Dtype::F32 => Storage::F32,
        Dtype::Int8 => Storage::Int8,
        _ => Storage::F16,
    };
    Footprint::of(kernel, storage, subgroup.as_slice())
}

fn peaks_line(peaks: Peaks) -> String {
    let mut line = format!("\nat most {:.1} GFLOP/s of f32 multiply-adds", peaks.operations / 1e9);
    let others = [
        (peaks.half_operations, "f16 ones"),
        (Some(peaks.dot_operations), "dot products of int8"),
        (peaks.matrix_operations, "products of matrices"),
    ];
    for (rate, of) in others {
        if let Some(rate) = rate {
            line.push_str(&format!(", {:.1} of {of}", rate / 1e9));
        }
    }
    line.push_str(&format!("; {:.1} GB/s of memory read and written\n\n", peaks.bytes / 1e9));
    line
}

/// The roof over a variant: f32's multiply-adds, or products of matrices or dot products where it takes those.
fn roof(variant: &str, peaks: Peaks) -> Option<f64> {
    if variant.contains("matrix") {
        peaks.matrix_operations
    } else {
        Some(if variant.contains("dots") { peaks.dot_operations } else { peaks.operations })
    }
}

/// A rate's share of that, in percent.
fn share(rate: f64, variant: &str, peaks: Peaks) -> String {
    roof(variant, peaks).map_or_else(|| "?".to_owned(), |roof| format!("{:.0} %", 100.0 * rate / roof))
}

/// Every variant on these shapes, and whole models by the fastest of them.
fn linear_layers(
    open: Open<'_>,
    (dtype, matrices): (Dtype, bool),
    shapes: &[Shape],
    budget: Duration,
    models: &[&str],
    patience: Duration,
    peaks: Peaks,
) -> anyhow::Result<Value> {
    let engine = open(Options { dtype, matrices, proof: false, ..Options::default() })?;
    let way = format!("{}{}", dtype.name(), if matrices { " by matrices" } else { "" });
    print(&format!("{way}\n\n"))?;
    let tuned = block_on(engine.measure(shapes, budget))?;
    print(&times_table(&tuned, peaks))?;
    let times: Vec<_> = tuned.times.iter().map(|time| time_object(time, peaks)).collect();
    let plans: Vec<_> = tuned.plans.iter().map(KernelPlan::of).collect();
    let mut measured = Vec::new();
    for name in models {
        let shape = Synthetic::parse(name).map_err(anyhow::Error::msg)?;
        let opened = |kernel_times| -> anyhow::Result<_> {
            let engine = open(Options { dtype, kernel_times, matrices, ..Options::default() })?;
            engine.follow(&tuned.plans);
            let files = shape.files()?;
            Ok(block_on(AnyEmbedder::load(AnyEngine::Gpu(engine), files, LoadOptions::default()))?)
        };
        print(&format!("\n{} with random weights, {way}\n", shape.name))?;
        measured.push(or_said(model(shape, &opened, peaks, patience))?);
    }
    print("\n")?;
    Ok(
        json!({ "dtype": dtype.name(), "matrices": matrices, "refused": tuned.refused, "linear": times, "plans": plans, "models": measured }),
    )
}

fn times_table(tuned: &Tuned, peaks: Peaks) -> String {
    let row = |time: &Time| {
        vec![
            format!("{} x {}", time.shape.0, time.shape.1),
            time.rows.to_string(),
            time.variant.to_owned(),
            format!("{:.3}", time.seconds * 1e3),
            format!("{:.1}", time.operations() / 1e9),
            share(time.operations(), time.variant, peaks),
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
        "share": roof(time.variant, peaks).map(|roof| time.operations() / roof),
    })
}

/// A whole model's times; then its kernels' in the largest batch, which take longer for being timed one by one.
fn model(
    shape: Synthetic,
    opened: &dyn Fn(bool) -> anyhow::Result<AnyEmbedder<ModelFiles>>,
    peaks: Peaks,
    patience: Duration,
) -> anyhow::Result<Value> {
    let mut model = opened(false)?;
    let (mut batches, mut rate, mut largest) = (Vec::new(), f64::INFINITY, None);
    for (texts, tokens) in BATCHES {
        let all = texts * tokens;
        if all as f64 / rate > patience.as_secs_f64() {
            let seconds = all as f64 / rate;
            print(&format!("  {texts} x {tokens} tokens: left out, it would take {seconds:.0} s\n"))?;
            continue;
        }
        let prepared = texts_of(&model, texts, tokens)?;
        let mut seconds = Vec::new();
        for _ in 0..=RUNS {
            seconds.push(seconds_of(&mut model, &prepared)?);
        }
        // The first run made buffers and pipelines.
        seconds.remove(0);
        seconds.sort_by(f64::total_cmp);
        let median = seconds[seconds.len() / 2];
        rate = all as f64 / median;
        print(&format!("  {texts} x {tokens} tokens: {:.2} ms, {rate:.0} tokens/s\n", median * 1e3))?;
        batches.push(json!({ "texts": texts, "tokens": tokens, "seconds": median }));
        largest = Some(prepared);
    }
    drop(model);
    let prepared = largest.context("no batch")?;
    let mut timed = opened(true)?;
    seconds_of(&mut timed, &prepared)?;
    let before = kernel_times(&timed);
    seconds_of(&mut timed, &prepared)?;
    let kernels = since(&before, &kernel_times(&timed));
    let row = |time: &KernelTime| {
        vec![
            format!("  {}", time.label),
            time.launches.to_string(),
            format!("{:.3}", time.seconds * 1e3),
            format!("{:.1}", time.cost.flops / time.seconds / 1e9),
            share(time.cost.flops / time.seconds, time.label, peaks),
            format!("{:.1}", time.cost.bytes / time.seconds / 1e9),
            format!("{:.0} %", 100.0 * time.cost.bytes / time.seconds / peaks.bytes),
        ]
    };
    if kernels.iter().any(|time| time.seconds > 0.0) {
        let header = ["  kernel, last batch", "launches", "ms", "GFLOP/s", "of the peak", "GB/s", "of the peak"];
        print(&table(&header, kernels.iter().map(row).collect(), 1..7))?;
    }
    let launches: u64 = kernels.iter().map(|time| time.launches).sum();
    let object = |time: &KernelTime| {
        json!({
            "kernel": time.label,
            "launches": time.launches,
            "seconds": time.seconds,
            "operations": time.cost.flops,
            "bytes": time.cost.bytes,
        })
    };
    let kernels: Vec<_> = kernels.iter().map(object).collect();
    Ok(json!({ "model": shape.name, "batches": batches, "launches": launches, "kernels": kernels }))
}

fn seconds_of(model: &mut AnyEmbedder<ModelFiles>, prepared: &[Prepared]) -> anyhow::Result<f64> {
    let job = model.reader().job(&EmbedOptions::default())?;
    let started = Instant::now();
    let found = block_on(model.compute(prepared.to_vec(), &job))?;
    let seconds = started.elapsed().as_secs_f64();
    for text in found {
        text.context("a text of random ids")?;
    }
    Ok(seconds)
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
