//! `wembed verify`: whether this machine computes the vectors that it must.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use pollster::block_on;
use serde_json::json;
use wembed::ModelFiles;
use wembed_kernels::Dtype;
use wembed_kernels::cpu::{self, CpuEngine};
use wembed_model::{AnyEmbedder, AnyEngine, EmbedOptions, Finish, LoadOptions, Prompt};

use crate::agreement::{TEXTS, angle};
use crate::answer::Form;
use crate::destination::Destination;
use crate::device::DeviceArguments;
use crate::model::{self, Model};
use crate::published::{Claim, PUBLISHED, Published, Values, Whole};
use crate::source::{Source, chosen, named};
use crate::table::table;

/// Prove that this machine gives the right vectors
///
/// Embeds texts of whose vectors something is known, from others' tests or from sentence-transformers itself, and compares; on a GPU also with the CPU engine; and holds
/// that a text's vector is the same bits alone and beside others. Prints pass or fail for each, and the fingerprint of the model's vectors.
/// The exit code is 0 only where everything passes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The model's directory, or its name on the Hugging Face hub [default: wembed-mini, which is in this program]
    #[arg(value_name = "MODEL", env = "WEMBED_MODEL")]
    model: Option<PathBuf>,
    /// Hold it to what was published for the model of this name [default: what MODEL's own name says]
    #[arg(long = "as", value_name = "ID", value_parser = parse_published)]
    published: Option<&'static Published>,
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    format: Form,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    device: DeviceArguments,
}

/// How far vectors may be apart, as 1 - cosine, where weights are held in this type and the reference's are exact.
fn allowed(dtype: Dtype) -> f64 {
    match dtype {
        Dtype::F32 | Dtype::Bf16x3 => 1e-9,
        Dtype::F16 => 5e-6,
        Dtype::Bf16 => 4e-4,
        Dtype::Int8 => 5e-3,
    }
}

/// One thing that was held.
struct Check {
    what: String,
    passed: bool,
    found: String,
}

/// Verifies.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let path = chosen(arguments.model.as_deref())?;
    let files = || arguments.source.open(path);
    let load =
        |engine, files: ModelFiles| model::load(engine, files, LoadOptions::default()).with_context(|| named(path));
    let mut model = load(arguments.device.open()?, files()?)?;
    let published = arguments.published.or_else(|| of_this_name(path));
    let mut checks = Vec::new();
    for claim in published.map(|published| published.claims).unwrap_or_default() {
        checks.push(hold(claim, &mut model)?);
    }
    checks.push(alone_and_together(&mut model)?);
    if matches!(model, AnyEmbedder::Gpu(_)) {
        let options = cpu::Options { dtype: Some(Dtype::F32), ..cpu::Options::default() };
        let mut other = load(AnyEngine::Cpu(CpuEngine::open(options)?), files()?)?;
        checks.push(beside_the_processor(&mut model, &mut other)?);
    }
    let fingerprint = block_on(model.fingerprint(&EmbedOptions::default()))?.to_string();
    let device = format!("{}, {}", model.device(), model.dtype().name());
    let passed = checks.iter().all(|check| check.passed);
    let verdict = match (passed, published) {
        (false, _) => "failed".to_owned(),
        (true, Some(published)) => format!("passed: these vectors agree with what is known of {}", published.id),
        (true, None) => {
            "passed, as far as it goes: nothing is known here of the vectors of a model of this name; --as ID names one"
                .to_owned()
        }
    };
    let answer = match arguments.format {
        Form::Text => {
            let row = |check: &Check| vec![outcome(check).to_owned(), check.what.clone(), check.found.clone()];
            let rows = table(&[], checks.iter().map(row).collect(), []);
            format!(
                "model        {}\ndevice       {device}\nfingerprint  {fingerprint}\n\n{rows}\n{verdict}\n",
                path.display()
            )
        }
        Form::Json => {
            let object = |check: &Check| json!({ "what": check.what, "passed": check.passed, "found": check.found });
            let checks: Vec<_> = checks.iter().map(object).collect();
            let published = published.map(|published| published.id);
            let answer = json!({
                "model": path, "device": device, "fingerprint": fingerprint,
                "published": published, "checks": checks, "passed": passed,
            });
            format!("{answer:#}\n")
        }
    };
    Destination::standard_output().print(&answer)?;
    match checks.iter().filter(|check| !check.passed).count() {
        0 => Ok(()),
        failed => bail!("{failed} of {} checks failed: these vectors are not to be trusted", checks.len()),
    }
}

fn outcome(check: &Check) -> &'static str {
    if check.passed { "pass" } else { "FAIL" }
}

fn parse_published(id: &str) -> Result<&'static Published, String> {
    PUBLISHED.iter().find(|published| published.id == id).ok_or_else(|| {
        let known: Vec<_> = PUBLISHED.iter().map(|published| published.id).collect();
        format!("expected {}", known.join(" or "))
    })
}

/// What is published for a model of this name: in this program, on the hub, in a directory, or in the hub's cache.
fn of_this_name(model: &Path) -> Option<&'static Published> {
    let says = |id: &str| {
        let name = id.rsplit('/').next().unwrap_or(id);
        let cached = format!("models--{}", id.replace('/', "--"));
        let directory = model.file_name().is_some_and(|it| it == name) && (model.is_dir() || model.as_os_str() == name);
        model.as_os_str() == id || directory || model.iter().any(|part| part == cached.as_str())
    };
    PUBLISHED.iter().find(|published| says(published.id))
}

/// Vectors as the model gives them without a prompt.
fn embed(model: &mut Model, texts: &[&str], normalize: Option<bool>) -> anyhow::Result<Vec<Vec<f32>>> {
    let finish = Finish { normalize, dimensions: None };
    let options = EmbedOptions { finish, prompt: Prompt::Text(String::new()), ..EmbedOptions::default() };
    let embeddings = block_on(model.embed(texts, &options))?;
    let vector = |(result, text): (Result<wembed_model::Embedding, _>, &&str)| {
        Ok(result.with_context(|| format!("{text:?}"))?.vector)
    };
    embeddings.into_iter().zip(texts).map(vector).collect()
}

fn hold(claim: &Claim, model: &mut Model) -> anyhow::Result<Check> {
    // What was published to a few places leaves room for f16, whose vectors are within 2e-3 of their length; bf16's are within 3e-2.
    let slack = if model.dtype() == Dtype::Bf16 { 10.0 } else { 1.0 };
    let (what, worst, within) = match &claim.values {
        Values::First { text, values, within } => {
            let vector = embed(model, &[text], None)?.remove(0);
            let differences = values.iter().enumerate().map(|(index, value)| match vector.get(index) {
                Some(&found) => (f64::from(found) - value).abs(),
                None => f64::NAN,
            });
            (format!("the first {} values of {text:?}", values.len()), differences.fold(0.0, larger), within * slack)
        }
        Values::Sums { texts, sums, within } => {
            let vectors = embed(model, texts, Some(true))?;
            let sum = |vector: &Vec<f32>| vector.iter().copied().map(f64::from).sum::<f64>();
            let differences = vectors.iter().zip(*sums).map(|(vector, value)| (sum(vector) - value).abs());
            (format!("the sums of {} vectors", texts.len()), differences.fold(0.0, larger), within * slack)
        }
        Values::Whole(json) => {
            let Whole { texts, vectors } = Whole::read(json)?;
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let found = embed(model, &texts, None)?;
            let worst = found.iter().zip(&vectors).map(|(found, vector)| angle(found, vector)).fold(0.0, larger);
            (format!("{} whole vectors, 1 - cosine", texts.len()), worst, allowed(model.dtype()))
        }
    };
    // Every vector is finite, so what is no number is a value that is not there.
    let off = if worst.is_nan() { "of another width".to_owned() } else { format!("off by {worst:.1e}") };
    let found = format!("{off}, allowed {within:.0e}; {}", claim.source);
    Ok(Check { what, passed: worst <= within, found })
}

/// The larger, where what is no number is larger than any.
fn larger(one: f64, other: f64) -> f64 {
    if one.is_nan() || one > other { one } else { other }
}

fn alone_and_together(model: &mut Model) -> anyhow::Result<Check> {
    let together = embed(model, &TEXTS, None)?;
    let mut differ = 0;
    for (text, vector) in TEXTS.iter().zip(&together) {
        differ += usize::from(embed(model, &[text], None)?.first() != Some(vector));
    }
    let found = format!("{differ} of {} texts differ", TEXTS.len());
    Ok(Check { what: "the same bits alone and beside other texts".to_owned(), passed: differ == 0, found })
}

fn beside_the_processor(model: &mut Model, processor: &mut Model) -> anyhow::Result<Check> {
    let (vectors, references) = (embed(model, &TEXTS, None)?, embed(processor, &TEXTS, None)?);
    let worst = vectors
        .iter()
        .zip(&references)
        .map(|(vector, reference)| angle(vector, &reference.iter().copied().map(f64::from).collect::<Vec<_>>()));
    let (worst, within) = (worst.fold(0.0, larger), allowed(model.dtype()));
    let found = format!("off by {worst:.1e}, allowed {within:.0e}");
    Ok(Check { what: "the CPU engine's vectors in f32, 1 - cosine".to_owned(), passed: worst <= within, found })
}
