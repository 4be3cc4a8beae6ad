//! `wembed similarity`: how near texts are to each other.

use std::fmt::Write as _;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use pollster::block_on;
use wembed_model::Similarity;

use crate::destination::Destination;
use crate::model::ModelArguments;
use crate::table::{beginning, table};
use crate::tally::Tally;

/// Give the cosine of every pair of texts
#[derive(Debug, Args)]
pub struct Arguments {
    /// Texts to compare
    #[arg(value_name = "TEXT", required = true, num_args = 2..)]
    texts: Vec<String>,
    /// The form of the matrix [default: text at a terminal, else tsv]
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    model: ModelArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// A table for people
    Text,
    /// Rows of numbers with tabs between them
    Tsv,
    /// An array of rows
    Json,
}

/// Compares them.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let texts = &arguments.texts;
    let mut model = arguments.model.load()?;
    let results = block_on(model.embed(texts, &arguments.model.options()))?;
    let mut tally = Tally::default();
    for result in &results {
        tally.count(result);
    }
    tally.warn_of_truncation("texts", model.description());
    arguments.model.report(&model);
    tally.check()?;
    let vectors: Vec<_> = results.into_iter().flatten().map(|embedding| embedding.vector).collect();
    let row = |left: &Vec<f32>| vectors.iter().map(|right| Similarity::Cosine.of(left, right)).collect();
    let matrix: Vec<Vec<f64>> = vectors.iter().map(row).collect();

    let to = Destination::standard_output();
    let answer = match arguments.format {
        Some(Format::Json) => serde_json::to_string(&matrix).context("the matrix has no JSON form")? + "\n",
        Some(Format::Text) => readable(texts, &matrix),
        None if to.is_terminal() => readable(texts, &matrix),
        Some(Format::Tsv) | None => tab_separated(&matrix),
    };
    to.print(&answer)
}

fn tab_separated(matrix: &[Vec<f64>]) -> String {
    let row = |row: &Vec<f64>| row.iter().map(|value| format!("{value:.6}")).collect::<Vec<_>>().join("\t") + "\n";
    matrix.iter().map(row).collect()
}

/// Characters of each text that are shown.
const SHOWN: usize = 60;

fn readable(texts: &[String], matrix: &[Vec<f64>]) -> String {
    let numbers: Vec<_> = (0..texts.len()).map(|index| index.to_string()).collect();
    let mut header = vec![""];
    header.extend(numbers.iter().map(String::as_str));
    let row = |(number, values): (&String, &Vec<f64>)| {
        let values = values.iter().map(|value| format!("{value:.4}"));
        std::iter::once(number.clone()).chain(values).collect()
    };
    let rows = numbers.iter().zip(matrix).map(row).collect();
    let mut answer = table(&header, rows, 1..=texts.len());
    answer.push('\n');
    for (number, text) in numbers.iter().zip(texts) {
        // Writing to a string does not fail.
        let _ = writeln!(answer, "{number}  {}", beginning(text, SHOWN));
    }
    answer
}
