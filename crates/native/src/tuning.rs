//! Which variants of a GPU's kernels are the fastest: measured once, and remembered for each device, driver and version of wembed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

use anyhow::Context as _;
use pollster::block_on;
use serde::{Deserialize, Serialize};
use wembed::ModelFiles;
use wembed_kernels::Engine as _;
use wembed_kernels::gpu::{GpuEngine, Plan, Shape};
use wembed_model::AnyEmbedder;

use crate::report;

/// How long measuring may take: a model is waited for.
const BUDGET: Duration = Duration::from_millis(1500);

/// What was measured, by device.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Remembered(BTreeMap<String, Vec<Layer>>);

/// The variants for weights of one shape: each up to so many rows, the last for any number.
#[derive(Debug, Serialize, Deserialize)]
pub struct Layer {
    depth: usize,
    columns: usize,
    variants: Vec<(Option<usize>, String)>,
}

impl Layer {
    /// A shape's plan in words.
    pub fn of(((depth, columns), plan): &(Shape, Plan)) -> Self {
        let variants = plan.names().into_iter().map(|(rows, name)| (rows, name.to_owned())).collect();
        Self { depth: *depth, columns: *columns, variants }
    }

    /// The plan, where this version has all of its variants.
    fn plan(&self) -> Option<(Shape, Plan)> {
        let names: Vec<_> = self.variants.iter().map(|(rows, name)| (*rows, name.as_str())).collect();
        Some(((self.depth, self.columns), Plan::from_names(&names)?))
    }
}

/// Has a model on a GPU take the fastest variants. Where nothing is remembered of its shapes they are measured first; what goes wrong with that is said, and
/// costs speed alone.
pub fn tune(model: &AnyEmbedder<ModelFiles>) {
    let AnyEmbedder::Gpu(embedder) = model else { return };
    if let Err(error) = tuned(embedder.engine()) {
        report::say(format_args!("the GPU's kernels are not tuned: {error:#}"));
    }
}

fn tuned(engine: &GpuEngine) -> anyhow::Result<()> {
    let path = path();
    let key = key(engine);
    let mut remembered = path.as_ref().map(read).unwrap_or_default();
    let known: Option<Vec<_>> = remembered.0.get(&key).map(|layers| layers.iter().filter_map(Layer::plan).collect());
    engine.follow(&known.unwrap_or_default());
    if engine.unplanned().is_empty() {
        return Ok(());
    }
    report::say(format_args!("trying the kernels on `{}`, once", engine.info().name));
    let tuned = block_on(engine.tune(BUDGET))?;
    for name in &tuned.refused {
        report::say(format_args!("the variant `{name}` gives other bits there, or none, and is left out"));
    }
    let Some(path) = path else { return Ok(()) };
    let layers = remembered.0.entry(key).or_default();
    layers.retain(|layer| !tuned.plans.iter().any(|(shape, _)| *shape == (layer.depth, layer.columns)));
    layers.extend(tuned.plans.iter().map(Layer::of));
    // Another process may have added to it meanwhile.
    let mut others = read(&path);
    others.0.extend(remembered.0);
    // They are in force all the same.
    if let Err(error) = write(&path, &others) {
        report::say(format_args!("what was found could not be kept in `{}`: {error:#}", path.display()));
    }
    Ok(())
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
fn path() -> Option<PathBuf> {
    let said = env::var_os("WEMBED_CACHE").filter(|said| !said.is_empty()).map(PathBuf::from);
    said.or_else(|| Some(dirs::cache_dir()?.join("wembed"))).map(|folder| folder.join("kernels.json"))
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
