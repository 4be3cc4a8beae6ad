//! Which variants of a GPU's kernels are the fastest: measured once, and remembered for each device, driver and version of wembed.

use std::collections::BTreeMap;
use std::path::PathBuf;
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
pub fn tune(model: &AnyEmbedder<ModelFiles>) {
    let AnyEmbedder::Gpu(embedder) = model else { return };
    if let Err(error) = tuned(embedder.engine()) {
        report::say(format_args!("the GPU's kernels: {error:#}"));
    }
}

fn tuned(engine: &GpuEngine) -> anyhow::Result<()> {
    let Some(folder) = folder() else { return measured(engine).map(drop) };
    let path = folder.join("kernels.json");
    let key = key(engine);
    let known = |layers: &Vec<KernelPlan>| layers.iter().filter_map(KernelPlan::plan).collect::<Vec<_>>();
    engine.follow(&read(&path).0.get(&key).map(known).unwrap_or_default());
    if engine.unplanned().is_empty() {
        return Ok(());
    }
    let tries = folder.join("kernels.trying");
    let trial = match Trial::begin(&tries, &key) {
        Ok(Start::Go(trial)) => Some(trial),
        Ok(Start::Elsewhere) => return Ok(()),
        Ok(Start::GivenUp) => bail!(
            "on `{}` trying them ended this program twice; remove `{}` to have it try again",
            engine.info().name,
            tries.display()
        ),
        // Whoever cannot write it down can still try.
        Err(_) => None,
    };
    let measured = measured(engine);
    // Read now: it may have been written to since, but by nobody from now on.
    let mut remembered = read(&path);
    let outcome = measured.and_then(|tuned| {
        let layers = remembered.0.entry(key).or_default();
        layers.retain(|layer| !tuned.plans.iter().any(|&(shape, _)| layer.is_for(shape)));
        layers.extend(tuned.plans.iter().map(KernelPlan::of));
        // They are in force all the same.
        write(&path, &remembered).with_context(|| format!("what was found could not be kept in `{}`", path.display()))
    });
    if let Some(trial) = trial {
        trial.end().with_context(|| format!("`{}` could not be written", tries.display()))?;
    }
    outcome
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
    let matrices = if engine.variants().iter().any(|name| name.starts_with("matrix")) { " by matrices" } else { "" };
    format!("{}, {} {}, {}{matrices}, wembed {version}", info.name, info.backend, info.driver, engine.dtype().name())
}

/// `WEMBED_CACHE`, else a folder in the user's cache.
fn folder() -> Option<PathBuf> {
    let said = env::var_os("WEMBED_CACHE").filter(|said| !said.is_empty()).map(PathBuf::from);
    said.or_else(|| Some(dirs::cache_dir()?.join("wembed")))
}

/// What is no such file is nothing remembered.
fn read(path: &PathBuf) -> Remembered {
    fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// Whole or not at all.
fn write(path: &PathBuf, remembered: &Remembered) -> anyhow::Result<()> {
    let folder = path.parent().context("it has no folder")?;
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&mut file, remembered)?;
    file.persist(path)?;
    Ok(())
}
