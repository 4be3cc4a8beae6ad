//! One of wembed's engines as one of the workers of `peers/compare.py`: a model, lines of JSON in, lines of JSON out.
//!
//! `{"texts": ["...", ...]}` is answered with `{"seconds": 0.1, "vectors": [[...], ...]}`; with `"vectors": false` in the
//! question they are left out. The first line out says that it is ready.

use std::io::{self, BufRead as _, Write as _};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Parser;
use pollster::block_on;
use serde::Deserialize;
use serde_json::json;
use wembed::Directory;
use wembed_kernels::Dtype;
use wembed_kernels::Engine as _;
use wembed_kernels::cpu::{self, CpuEngine};
use wembed_kernels::gpu::{self, GpuEngine};
use wembed_model::{AnyEmbedder, AnyEngine, EmbedOptions, LoadOptions};

#[derive(Debug, Parser)]
struct Arguments {
    /// The model's directory
    #[arg(long)]
    model: PathBuf,
    /// auto, f16, f32, bf16, bf16x3 or int8
    #[arg(long, default_value = "auto")]
    dtype: String,
    /// Threads that compute
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Which instructions [default: the best]
    #[arg(long)]
    instructions: Option<String>,
    /// cpu or gpu
    #[arg(long, default_value = "cpu")]
    device: String,
    /// On a GPU, multiply matrices where its subgroups can
    #[arg(long)]
    matrices: bool,
}

#[derive(Debug, Deserialize)]
struct Question {
    texts: Vec<String>,
    #[serde(default = "yes")]
    vectors: bool,
}

fn yes() -> bool {
    true
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let all = [Dtype::F16, Dtype::F32, Dtype::Bf16, Dtype::Bf16x3, Dtype::Int8];
    let dtype = all.into_iter().find(|dtype| dtype.name() == arguments.dtype);
    if dtype.is_none() && arguments.dtype != "auto" {
        bail!("--dtype: expected auto, f16, f32, bf16, bf16x3 or int8, found `{}`", arguments.dtype);
    }
    let mut embedder = match arguments.device.as_str() {
        "cpu" => on_cpu(&arguments, dtype)?,
        "gpu" => on_gpu(&arguments, dtype)?,
        other => bail!("--device: expected cpu or gpu, found `{other}`"),
    };
    let about = match &embedder {
        AnyEmbedder::Cpu(embedder) => {
            let engine = embedder.engine();
            json!({ "instructions": engine.instructions(), "threads": engine.threads(), "dtype": engine.dtype().name() })
        }
        AnyEmbedder::Gpu(embedder) => {
            let engine = embedder.engine();
            json!({ "arithmetic": engine.arithmetic(), "dtype": engine.dtype().name() })
        }
    };
    let mut ready = json!({ "ready": true, "version": env!("CARGO_PKG_VERSION") });
    if let (Some(ready), serde_json::Value::Object(about)) = (ready.as_object_mut(), about) {
        ready.extend(about);
    }
    let mut output = io::stdout().lock();
    writeln!(output, "{ready}")?;
    for line in io::stdin().lock().lines() {
        let question: Question = serde_json::from_str(&line?).context("a question")?;
        let start = Instant::now();
        let embeddings = block_on(embedder.embed(&question.texts, &EmbedOptions::default()))?;
        let seconds = start.elapsed().as_secs_f64();
        let vectors: Vec<Vec<f32>> =
            embeddings.into_iter().map(|text| text.map(|text| text.vector)).collect::<Result<_, _>>()?;
        let answer = if question.vectors {
            json!({"seconds": seconds, "vectors": vectors})
        } else {
            json!({"seconds": seconds})
        };
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

type Model = AnyEmbedder<Directory>;

fn load(engine: AnyEngine, arguments: &Arguments) -> anyhow::Result<Model> {
    Ok(block_on(AnyEmbedder::load(engine, Directory::open(&arguments.model)?, LoadOptions::default()))?)
}

fn on_cpu(arguments: &Arguments, dtype: Option<Dtype>) -> anyhow::Result<Model> {
    let (threads, instructions) = (arguments.threads, arguments.instructions.clone());
    let engine = CpuEngine::open(cpu::Options { dtype, threads, instructions, ..cpu::Options::default() })?;
    load(AnyEngine::Cpu(engine), arguments)
}

/// With the variants that are the fastest here, as the command line would take them.
fn on_gpu(arguments: &Arguments, dtype: Option<Dtype>) -> anyhow::Result<Model> {
    const BUDGET: Duration = Duration::from_millis(1500);
    let (dtype, matrices) = (dtype.unwrap_or(Dtype::F16), arguments.matrices);
    let engine = block_on(GpuEngine::open(gpu::Options { dtype, matrices, ..gpu::Options::default() }))?;
    if matrices && engine.info().matrices.is_none() {
        bail!("--matrices: expected a GPU whose subgroups multiply matrices of f16, found `{}`", engine.info().name);
    }
    let model = load(AnyEngine::Gpu(engine), arguments)?;
    if let AnyEmbedder::Gpu(embedder) = &model {
        block_on(embedder.engine().tune(BUDGET))?;
    }
    Ok(model)
}
