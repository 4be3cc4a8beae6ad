//! `wembed eval pairs`: whether of all translations a sentence's own is the nearest.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use wembed_model::Similarity;

use super::embedded::embed_repeated;
use super::rows::{Row, read};
use crate::answer::Form;
use crate::destination::Destination;
use crate::metrics::nearest;
use crate::model::{Model, ModelArguments};
use crate::table::table;

/// Find each text's partner among all partners
///
/// The share of texts whose nearest partner is their own (accuracy@1), both ways. With three fields a row the first names a
/// group, a language for example: each group is searched by itself.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Rows of two texts, or of a group and two texts; commas separate the fields, or tabs in a .tsv file
    file: PathBuf,
    /// The form of the scores
    #[arg(long, value_enum, default_value = "text")]
    format: Form,
    #[command(flatten)]
    model: ModelArguments,
}

/// Of one group.
struct Accuracy {
    pairs: usize,
    forth: f64,
    back: f64,
}

/// Measures.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let rows = read(&arguments.file)?;
    let mut groups: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    let grouped = rows[0].len() == 3;
    for row in &rows {
        row.check(if grouped { 3 } else { 2 }, FIELDS[usize::from(grouped)])?;
        groups.entry(if grouped { row.field(0, FIELDS[1])? } else { "all" }).or_default().push(row);
    }
    let mut model = arguments.model.load()?;
    let mut accuracies = Vec::new();
    for (name, rows) in &groups {
        accuracies.push((*name, accuracy(rows, grouped, &mut model, arguments)?));
    }
    if accuracies.len() > 1 {
        let of = |value: fn(&Accuracy) -> f64| {
            accuracies.iter().map(|(_, it)| value(it)).sum::<f64>() / accuracies.len() as f64
        };
        let pairs = accuracies.iter().map(|(_, accuracy)| accuracy.pairs).sum();
        let mean = Accuracy { pairs, forth: of(|accuracy| accuracy.forth), back: of(|accuracy| accuracy.back) };
        accuracies.push(("mean of the groups", mean));
    }
    let answer = match arguments.format {
        Form::Text => {
            let row = |(name, accuracy): &(&str, Accuracy)| {
                let Accuracy { pairs, forth, back } = accuracy;
                vec![(*name).to_owned(), pairs.to_string(), format!("{forth:.4}"), format!("{back:.4}")]
            };
            table(&["group", "pairs", "forth", "back"], accuracies.iter().map(row).collect(), 1..=3)
        }
        Form::Json => {
            let object = |(name, accuracy): &(&str, Accuracy)| {
                let Accuracy { pairs, forth, back } = accuracy;
                json!({ "group": name, "pairs": pairs, "forth": forth, "back": back })
            };
            format!("{:#}\n", json!(accuracies.iter().map(object).collect::<Vec<_>>()))
        }
    };
    arguments.model.report(&model);
    Destination::standard_output().print(&answer)
}

const FIELDS: [&str; 2] = ["two texts", "a group and two texts"];

fn accuracy(rows: &[&Row], grouped: bool, model: &mut Model, arguments: &Arguments) -> anyhow::Result<Accuracy> {
    let (first, expected) = (usize::from(grouped), FIELDS[usize::from(grouped)]);
    let column = |index| rows.iter().map(|row| row.field(first + index, expected)).collect::<Result<Vec<_>, _>>();
    let (left, right) = (column(0)?, column(1)?);
    let options = arguments.model.options();
    let measure = model.description().similarity;
    let vectors = [embed_repeated(model, &left, &options)?, embed_repeated(model, &right, &options)?];
    Ok(Accuracy {
        pairs: rows.len(),
        forth: found(&vectors[0], &vectors[1], &right, measure),
        back: found(&vectors[1], &vectors[0], &left, measure),
    })
}

/// The share of `from` whose nearest of `to` is the text that their own partner is; texts may come twice.
fn found(from: &[Vec<f32>], to: &[Vec<f32>], texts: &[&str], measure: Similarity) -> f64 {
    let is_own = |(index, vector): &(usize, &Vec<f32>)| {
        nearest(vector, to, 1, |x, y| measure.of(x, y)).first().is_some_and(|&other| texts[other] == texts[*index])
    };
    from.iter().enumerate().filter(is_own).count() as f64 / from.len() as f64
}
