//! Which variants of a GPU's kernels are the fastest: measured once, and remembered for each device, driver and version of wembed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context as _, bail};
use pollster::block_on;
use serde::{Deserialize, Serialize};
use wembed::ModelFiles;
use wembed_kernels::Engine as _;
use wembed_kernels::gpu::{GpuEngine, Tuned};
use wembed_model::{AnyEmbedder, KernelPlan};

use crate::report;
use crate::trial::{Start, Trial};

/// How long measuring may take: a model is waited for.
const BUDGET: Duration = Duration::from_millis(1500);

/// What was measured, by device.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Remembered(BTreeMap<String, Vec<KernelPlan>>);

/// Has a model on a GPU take the fastest variants. Where nothing is remembered of its shapes they are measured first; what goes wrong with that is said, and
/// costs speed alone.
///
/// # Errors
/// Where matrices were asked for, which are never taken unmeasured, and some layer has none.
pub fn tune(model: &AnyEmbedder<ModelFiles>) -> anyhow::Result<()> {
    let AnyEmbedder::Gpu(embedder) = model else { return Ok(()) };
    let engine = embedder.engine();
    if let Err(error) = tuned(engine) {
        report::say(format_args!("the GPU's kernels: {error:#}"));
    }
    if by_matrices(engine) && !engine.unplanned().is_empty() {
        bail!("--matrices: they could not be tried on `{}`; without it there are other kernels", engine.info().name);
    }
    Ok(())
}

fn tuned(engine: &GpuEngine) -> anyhow::Result<()> {
    let Some(folder) = folder() else { return measured(engine).map(drop) };
    let path = folder.join("kernels.json");
    let key = key(engine);
    if is_remembered(engine, &path, &key) {
        return Ok(());
    }
    let tries = folder.join("kernels.trying");
    let trial = match Trial::begin(&tries, &key) {
        Ok(Start::Go(trial)) => Some(trial),
        Ok(Start::Elsewhere) => bail!("another process is trying them; the usual ones are taken"),
        Ok(Start::GivenUp) => bail!(
            "on `{}` this program ended twice while it tried them, so the usual ones are taken; remove `{}` to have it try again",
            engine.info().name,
            tries.display()
        ),
        // Whoever cannot write it down can still try.
        Err(_) => None,
    };
    // Another process may have been at it meanwhile.
    let outcome = if is_remembered(engine, &path, &key) { Ok(()) } else { remember(engine, &path, key) };
    let ended = trial.map_or(Ok(()), Trial::end);
    outcome.and(ended.with_context(|| format!("`{}` could not be written", tries.display())))
}

/// Whether all of a model's shapes have plans, those that are remembered taken.
fn is_remembered(engine: &GpuEngine, path: &Path, key: &str) -> bool {
    let known = |layers: &Vec<KernelPlan>| layers.iter().filter_map(KernelPlan::plan).collect::<Vec<_>>();
    engine.follow(&read(path).0.get(key).map(known).unwrap_or_default());
    engine.unplanned().is_empty()
}

/// Tries them, and writes down what was found.
fn remember(engine: &GpuEngine, path: &Path, key: String) -> anyhow::Result<()> {
    let tuned = measured(engine)?;
    // Read now: somebody may have written to it since.
    let mut remembered = read(path);
    let layers = remembered.0.entry(key).or_default();
    layers.retain(|layer| !tuned.plans.iter().any(|&(shape, _)| layer.is_for(shape)));
    layers.extend(tuned.plans.iter().map(KernelPlan::of));
    // They are in force all the same.
    write(path, &remembered).with_context(|| format!("what was found could not be kept in `{}`", path.display()))
}

/// Tries them, and says so.
fn measured(engine: &GpuEngine) -> anyhow::Result<Tuned> {
    report::say(format_args!("trying the kernels on `{}`, once", engine.info().name));
    let tuned = block_on(engine.tune(BUDGET))?;
    for name in &tuned.refused {
        report::say(format_args!("the variant `{name}` gives other bits there, or none, and is left out"));
    }
    Ok(tuned)
}

/// All that what is the fastest depends on.
fn key(engine: &GpuEngine) -> String {
    let info = engine.info();
    let version = env!("CARGO_PKG_VERSION");
    // Those that multiply matrices have plans of their own.
    let matrices = if by_matrices(engine) { " by matrices" } else { "" };
    format!("{}, {} {}, {}{matrices}, wembed {version}", info.name, info.backend, info.driver, engine.dtype().name())
}

fn by_matrices(engine: &GpuEngine) -> bool {
    engine.variants().iter().any(|name| name.starts_with("matrix"))
}

/// `WEMBED_CACHE`, else a folder in the user's cache.
fn folder() -> Option<PathBuf> {
    let said = env::var_os("WEMBED_CACHE").filter(|said| !said.is_empty()).map(PathBuf::from);
    said.or_else(|| Some(dirs::cache_dir()?.join("wembed")))
}

/// What is no such file is nothing remembered.
fn read(path: &Path) -> Remembered {
    fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// Whole or not at all.
fn write(path: &Path, remembered: &Remembered) -> anyhow::Result<()> {
    let folder = path.parent().context("it has no folder")?;
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&mut file, remembered)?;
    file.persist(path)?;
    Ok(())
}
