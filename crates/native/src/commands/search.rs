//! `wembed search`: the passages of files that are nearest to a query.

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, ValueEnum};
use pollster::block_on;
use serde::Serialize;
use wembed_model::{EmbedOptions, Prompt};

use crate::destination::Destination;
use crate::model::{Model, ModelArguments, parse_count};
use crate::passages::{File, Passage};
use crate::tally::Tally;
use crate::{progress, prompts};

/// Find the passages of files that are nearest to a query
///
/// Files are text or markdown. Each is cut into passages that the model takes whole; these are ranked by the measure that
/// the model names, usually the cosine. Where the model has a prompt named
/// `query`, it is put in front of the query unless --prompt or --prompt-name says otherwise, and one named `document`,
/// `passage` or `corpus` in front of passages.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What to look for
    query: String,
    /// Where to look
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// How many passages to show
    #[arg(long, value_name = "N", default_value = "5", value_parser = parse_count)]
    top: NonZeroUsize,
    /// Put this in front of each passage [default: what the model says]
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    passage_prompt: Option<String>,
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    model: ModelArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Score, file and line, then the passage
    Text,
    /// One JSON object a passage and line
    Jsonl,
}

/// Searches.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let files = arguments.files.iter().map(|path| File::read(path)).collect::<Result<Vec<_>, _>>()?;
    let mut model = arguments.model.load()?;
    let description = model.description();
    let query_prompt = arguments.model.prompt().unwrap_or_else(|| Prompt::Text(prompts::query(description)));
    let passage_prompt = arguments.passage_prompt.clone().unwrap_or_else(|| prompts::passage(description));
    let mut passages = Vec::new();
    for file in &files {
        passages.extend(file.passages(&model, &passage_prompt)?);
    }
    if passages.is_empty() {
        bail!("the files hold no text");
    }

    let similarity = description.similarity;
    let options = EmbedOptions { prompt: query_prompt, ..arguments.model.options() };
    let query = embed_query(&mut model, &arguments.query, &options)?;
    let options = EmbedOptions { prompt: Prompt::Text(passage_prompt), ..options };
    let mut tally = Tally::default();
    let mut scores = Vec::with_capacity(passages.len());
    let bar = progress::bar(passages.len() as u64, true);
    let flow = block_on(model.embed_each(passages.iter().map(|passage| passage.text), &options, |result| {
        bar.inc(1);
        let index = tally.count(&result);
        scores.extend(result.map(|embedding| (similarity.of(&query, &embedding.vector), index)));
        ControlFlow::<()>::Continue(())
    }));
    bar.finish_and_clear();
    let _: ControlFlow<()> = flow?;
    scores.sort_by(|left, right| right.0.total_cmp(&left.0));
    scores.truncate(arguments.top.get());
    let show = |&(score, index): &(f64, usize)| arguments.format.show(score, &passages[index]);
    Destination::standard_output().print(&scores.iter().map(show).collect::<String>())?;
    tally.warn_of_truncation("passages", model.description());
    arguments.model.report(&model);
    tally.check()
}

fn embed_query(model: &mut Model, query: &str, options: &EmbedOptions) -> anyhow::Result<Vec<f32>> {
    let result = block_on(model.embed(&[query], options))?.pop().ok_or_else(|| anyhow!("the query has no vector"))?;
    let mut tally = Tally::default();
    tally.count(&result);
    tally.warn_of_truncation("queries", model.description());
    Ok(result.context("the query")?.vector)
}

/// What JSON lines say of a passage.
#[derive(Serialize)]
struct Found<'a> {
    score: f64,
    file: &'a str,
    line: usize,
    text: &'a str,
}

impl Format {
    fn show(self, score: f64, passage: &Passage<'_>) -> String {
        let Passage { file, line, text } = passage;
        match self {
            Self::Text => {
                let mut shown = format!("{score:.4}  {}:{line}\n", file.name);
                for line in text.trim().lines() {
                    // Writing to a string does not fail.
                    let _ = writeln!(shown, "{}", format!("    {line}").trim_end());
                }
                shown + "\n"
            }
            Self::Jsonl => {
                // Strings and finite numbers always have a JSON form.
                let found = Found { score, file: &file.name, line: *line, text };
                serde_json::to_string(&found).unwrap_or_default() + "\n"
            }
        }
    }
}
