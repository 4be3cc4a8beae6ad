//! How a worker speaks: `workers/protocol.py` says it, and this is the same in Rust.

use std::fs;
use std::io::{self, BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use clap::Parser;
use serde::Deserialize;
use serde_json::json;

/// sentence-transformers' default.
pub const BATCH: usize = 32;

#[derive(Debug, Parser)]
pub struct Arguments {
    /// The folder of the model
    #[arg(long)]
    pub model: PathBuf,
    #[arg(long, value_parser = ["f32"])]
    pub dtype: String,
    #[arg(long)]
    pub threads: usize,
}

#[derive(Debug, Deserialize)]
struct Question {
    texts: Vec<String>,
    vectors: bool,
}

/// How many tokens of a text the model takes.
pub fn limit(model: &Path) -> anyhow::Result<usize> {
    #[derive(Deserialize)]
    struct Sentence {
        max_seq_length: usize,
    }
    let bytes = fs::read(model.join("sentence_bert_config.json")).context("sentence_bert_config.json")?;
    Ok(serde_json::from_slice::<Sentence>(&bytes)?.max_seq_length)
}

/// Of a crate that this was built with.
pub fn version(name: &str) -> Option<&'static str> {
    let (_, rest) = include_str!("Cargo.lock").split_once(&format!("name = \"{name}\"\nversion = \""))?;
    rest.split('"').next()
}

/// Answers questions until there are no more; `about` says what this worker is.
pub fn serve(
    about: &[(&str, serde_json::Value)],
    mut embed: impl FnMut(&[String]) -> anyhow::Result<Vec<Vec<f32>>>,
) -> anyhow::Result<()> {
    let mut ready = json!({ "ready": true });
    for (name, value) in about {
        ready[*name] = value.clone();
    }
    let mut output = io::stdout().lock();
    writeln!(output, "{ready}")?;
    for line in io::stdin().lock().lines() {
        let Question { texts, vectors } = serde_json::from_str(&line?).context("a question")?;
        let start = Instant::now();
        let embedded = embed(&texts)?;
        let mut answer = json!({ "seconds": start.elapsed().as_secs_f64() });
        if vectors {
            answer["vectors"] = json!(embedded);
        }
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

/// Vectors of texts in batches of similar length, as sentence-transformers forms them: long texts first.
pub fn in_batches(
    texts: &[String],
    mut embed: impl FnMut(Vec<&str>) -> anyhow::Result<Vec<Vec<f32>>>,
) -> anyhow::Result<Vec<Vec<f32>>> {
    let mut order: Vec<usize> = (0..texts.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(texts[index].len()));
    let mut vectors = vec![Vec::new(); texts.len()];
    for batch in order.chunks(BATCH) {
        let embedded = embed(batch.iter().map(|&index| texts[index].as_str()).collect())?;
        for (&index, vector) in batch.iter().zip(embedded) {
            vectors[index] = vector;
        }
    }
    Ok(vectors)
}
