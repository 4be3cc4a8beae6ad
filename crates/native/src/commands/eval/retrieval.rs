//! `wembed eval retrieval`: whether what answers a query is found, on a folder in BEIR's layout.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use serde::Deserialize;
use serde_json::json;
use wembed_model::{EmbedOptions, Prompt};

use super::embedded::embed;
use super::rows::read;
use crate::answer::Form;
use crate::destination::Destination;
use crate::metrics::{ndcg, nearest};
use crate::model::ModelArguments;
use crate::prompts;
use crate::table::table;

/// Find what answers each query among a corpus
///
/// nDCG@10 and recall@100, the mean over the queries that have an answer; as in BEIR a document with the query's own id is
/// not found. DIR holds corpus.jsonl (`_id`, `title`, `text`),
/// queries.jsonl (`_id`, `text`) and qrels/SPLIT.tsv (query, document, score). Where the model has prompts for queries and for
/// passages they are used, unless --prompt or --prompt-name says otherwise of queries and --passage-prompt of passages.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Which judgements count
    #[arg(long, default_value = "test")]
    split: String,
    /// Put this in front of each passage [default: what the model says]
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    passage_prompt: Option<String>,
    /// The form of the scores
    #[arg(long, value_enum, default_value = "text")]
    format: Form,
    #[command(flatten)]
    model: ModelArguments,
}

/// A line of corpus.jsonl or queries.jsonl.
#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(rename = "_id")]
    id: String,
    #[serde(default)]
    title: String,
    text: String,
}

/// The best documents of a query that count.
const GAINS: usize = 10;

/// The documents of a query among which its answers must be.
const RECALLED: usize = 100;

/// Measures.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let judgements = judgements(&arguments.folder.join("qrels").join(format!("{}.tsv", arguments.split)))?;
    let corpus = entries(&arguments.folder.join("corpus.jsonl"))?;
    let mut queries = entries(&arguments.folder.join("queries.jsonl"))?;
    queries.retain(|query| judgements.contains_key(&query.id));
    let known: HashSet<&str> = queries.iter().map(|query| query.id.as_str()).collect();
    if let Some(id) = judgements.keys().find(|id| !known.contains(id.as_str())) {
        bail!("queries.jsonl has no query `{id}`, which the judgements name");
    }
    let mut model = arguments.model.load()?;
    let description = model.description();
    let measure = description.similarity;
    let query_prompt = arguments.model.prompt().unwrap_or_else(|| Prompt::Text(prompts::query(description)));
    let passage_prompt = arguments.passage_prompt.clone().unwrap_or_else(|| prompts::passage(description));
    let passages: Vec<String> =
        corpus.iter().map(|entry| format!("{} {}", entry.title, entry.text).trim().to_owned()).collect();
    let options = EmbedOptions { prompt: Prompt::Text(passage_prompt), ..arguments.model.options() };
    let documents = embed(&mut model, &passages, &options)?;
    let texts: Vec<&str> = queries.iter().map(|query| query.text.as_str()).collect();
    let vectors = embed(&mut model, &texts, &EmbedOptions { prompt: query_prompt, ..options })?;

    let (mut gain, mut recall) = (0.0, 0.0);
    for (query, vector) in queries.iter().zip(&vectors) {
        let judged = &judgements[&query.id];
        // One more, as the query itself may be among the documents.
        let mut found = nearest(vector, &documents, RECALLED + 1, |x, y| measure.of(x, y));
        found.retain(|&index| corpus[index].id != query.id);
        found.truncate(RECALLED);
        let gains: Vec<f64> =
            found.iter().map(|&index| judged.get(&corpus[index].id).copied().unwrap_or(0.0)).collect();
        let all: Vec<f64> = judged.values().copied().collect();
        gain += ndcg(&gains, &all, GAINS);
        recall += gains.iter().filter(|&&gain| gain > 0.0).count() as f64 / all.len() as f64;
    }
    let (gain, recall) = (gain / queries.len() as f64, recall / queries.len() as f64);
    let answer = match arguments.format {
        Form::Text => {
            let rows = [("ndcg@10", format!("{gain:.4}")), ("recall@100", format!("{recall:.4}"))];
            let rows = rows.map(|(name, value)| vec![name.to_owned(), value]).into();
            format!("{}{} queries, {} documents\n", table(&[], rows, [1]), queries.len(), corpus.len())
        }
        Form::Json => {
            let scores =
                json!({ "ndcg@10": gain, "recall@100": recall, "queries": queries.len(), "documents": corpus.len() });
            format!("{scores:#}\n")
        }
    };
    arguments.model.report(&model);
    Destination::standard_output().print(&answer)
}

/// What answers each query, and how well: only what does.
fn judgements(path: &Path) -> anyhow::Result<BTreeMap<String, HashMap<String, f64>>> {
    const FIELDS: &str = "a query, a document and a score";
    let mut judgements: BTreeMap<String, HashMap<String, f64>> = BTreeMap::new();
    for (index, row) in read(path)?.iter().enumerate() {
        row.check(3, FIELDS)?;
        let (query, document) = (row.field(0, FIELDS)?, row.field(1, FIELDS)?);
        let score = row.number(2, FIELDS);
        // The header.
        if index == 0 && score.is_err() {
            continue;
        }
        let score = score?;
        if score > 0.0 {
            judgements.entry(query.to_owned()).or_default().insert(document.to_owned(), score);
        }
    }
    if judgements.is_empty() {
        bail!("`{}` has no judgement above 0", path.display());
    }
    Ok(judgements)
}

/// The lines of a file of entries.
fn entries(path: &Path) -> anyhow::Result<Vec<Entry>> {
    let name = format!("`{}`", path.display());
    let file = File::open(path).with_context(|| format!("{name} could not be opened"))?;
    let (mut entries, mut ids) = (Vec::new(), HashSet::new());
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| format!("{name}, line {} could not be read", index + 1))?;
        if line.trim().is_empty() {
            continue;
        }
        let entry: Entry = serde_json::from_str(&line).map_err(|error| {
            anyhow!("{name}, line {}: expected an object with `_id` and `text`: {error}", index + 1)
        })?;
        if !ids.insert(entry.id.clone()) {
            bail!("{name}, line {}: expected an `_id` that no other has, found `{}`", index + 1, entry.id);
        }
        entries.push(entry);
    }
    if entries.is_empty() {
        bail!("{name} has no lines");
    }
    Ok(entries)
}
