//! wembed's CPU engine as one of the workers of `peers/compare.py`: a model, lines of JSON in, lines of JSON out.
//!
//! `{"texts": ["...", ...]}` is answered with `{"seconds": 0.1, "vectors": [[...], ...]}`; with `"vectors": false` in the
//! question they are left out. The first line out says that it is ready.

use std::io::{self, BufRead as _, Write as _};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, bail};
use clap::Parser;
use pollster::block_on;
use serde::Deserialize;
use serde_json::json;
use wembed::Directory;
use wembed_kernels::Dtype;
use wembed_kernels::Engine as _;
use wembed_kernels::cpu::{CpuEngine, Options};
use wembed_model::{EmbedOptions, Embedder, LoadOptions};

#[derive(Debug, Parser)]
struct Arguments {
    /// The model's directory
    #[arg(long)]
    model: PathBuf,
    /// auto, f16, f32, bf16 or bf16x3
    #[arg(long, default_value = "auto")]
    dtype: String,
    /// Threads that compute
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Which instructions [default: the best]
    #[arg(long)]
    instructions: Option<String>,
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
    let all = [Dtype::F16, Dtype::F32, Dtype::Bf16, Dtype::Bf16x3];
    let dtype = all.into_iter().find(|dtype| dtype.name() == arguments.dtype);
    if dtype.is_none() && arguments.dtype != "auto" {
        bail!("--dtype: expected auto, f16, f32, bf16 or bf16x3, found `{}`", arguments.dtype);
    }
    let options =
        Options { dtype, threads: arguments.threads, instructions: arguments.instructions, ..Options::default() };
    let engine = CpuEngine::open(options)?;
    let ready = json!({
        "ready": true,
        "version": env!("CARGO_PKG_VERSION"),
        "dtype": engine.dtype().name(),
        "instructions": engine.instructions(),
        "threads": engine.threads(),
    });
    let mut embedder = block_on(Embedder::load(engine, Directory::open(&arguments.model)?, LoadOptions::default()))?;
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
