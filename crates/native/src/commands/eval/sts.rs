//! `wembed eval sts`: how the nearness of two sentences goes with what people say of it.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde_json::json;
use wembed_model::Similarity;

use super::embedded::embed_repeated;
use super::rows::read;
use crate::answer::Form;
use crate::destination::Destination;
use crate::metrics::{pearson, spearman};
use crate::model::ModelArguments;
use crate::table::table;

/// Correlate the nearness of pairs of sentences with their scores
///
/// Spearman's and Pearson's correlation for each measure of nearness, as sentence-transformers' EmbeddingSimilarityEvaluator gives
/// them; the model's own measure comes first.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Rows of a sentence, another and their score, the larger the nearer; commas separate the fields, or tabs in a .tsv file
    file: PathBuf,
    /// The form of the scores
    #[arg(long, value_enum, default_value = "text")]
    format: Form,
    #[command(flatten)]
    model: ModelArguments,
}

const FIELDS: &str = "two sentences and a score";

/// Measures.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut rows = read(&arguments.file)?;
    // A header has no number.
    if rows[0].len() == 3 && rows[0].number(2, FIELDS).is_err() && rows.len() > 1 && rows[1].number(2, FIELDS).is_ok() {
        rows.remove(0);
    }
    let (mut texts, mut scores) = (Vec::new(), Vec::new());
    for row in &rows {
        texts.extend([row.field(0, FIELDS)?, row.field(1, FIELDS)?]);
        scores.push(row.number(2, FIELDS)?);
    }
    if scores.iter().all(|score| *score == scores[0]) {
        bail!(
            "`{}`: expected scores that differ, found {} times {}",
            arguments.file.display(),
            scores.len(),
            scores[0]
        );
    }
    let mut model = arguments.model.load()?;
    let vectors = embed_repeated(&mut model, &texts, &arguments.model.options())?;
    let own = model.description().similarity;
    let others = Similarity::ALL.into_iter().filter(|measure| *measure != own);
    let correlations: Vec<_> = std::iter::once(own)
        .chain(others)
        .map(|measure| {
            let nearness: Vec<f64> = vectors.chunks_exact(2).map(|pair| measure.of(&pair[0], &pair[1])).collect();
            (measure.name(), spearman(&nearness, &scores), pearson(&nearness, &scores))
        })
        .collect();
    let answer = match arguments.format {
        Form::Text => {
            let row = |&(name, spearman, pearson): &(&str, f64, f64)| {
                vec![name.to_owned(), format!("{spearman:.4}"), format!("{pearson:.4}")]
            };
            let table = table(&["measure", "spearman", "pearson"], correlations.iter().map(row).collect(), 1..=2);
            format!("{table}{} pairs\n", scores.len())
        }
        Form::Json => {
            let object = |&(name, spearman, pearson): &(&str, f64, f64)| {
                (name.to_owned(), json!({ "spearman": spearman, "pearson": pearson }))
            };
            let measures: serde_json::Map<_, _> = correlations.iter().map(object).collect();
            format!("{:#}\n", json!({ "pairs": scores.len(), "measure": own.name(), "measures": measures }))
        }
    };
    arguments.model.report(&model);
    Destination::standard_output().print(&answer)
}
