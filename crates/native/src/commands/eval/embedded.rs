//! All vectors of a list of texts, with progress; a text without one ends the evaluation.

use std::collections::HashMap;
use std::ops::ControlFlow;

use pollster::block_on;
use wembed_model::EmbedOptions;

use crate::model::Model;
use crate::progress;
use crate::tally::Tally;

/// One vector a text.
pub fn embed<S: AsRef<str>>(model: &mut Model, texts: &[S], options: &EmbedOptions) -> anyhow::Result<Vec<Vec<f32>>> {
    let bar = progress::bar(texts.len() as u64, true);
    let (mut tally, mut vectors) = (Tally::default(), Vec::with_capacity(texts.len()));
    let flow = block_on(model.embed_each(texts.iter().map(AsRef::as_ref), options, |result: Result<_, _>| {
        bar.inc(1);
        tally.count(&result);
        vectors.extend(result.map(|embedding| embedding.vector));
        ControlFlow::<()>::Continue(())
    }));
    bar.finish_and_clear();
    let _: ControlFlow<()> = flow?;
    tally.warn_of_truncation("texts", model.description());
    tally.check()?;
    Ok(vectors)
}

/// The same where texts come more than once: each is embedded once.
pub fn embed_repeated(model: &mut Model, texts: &[&str], options: &EmbedOptions) -> anyhow::Result<Vec<Vec<f32>>> {
    let (mut numbers, mut unique) = (HashMap::new(), Vec::new());
    let order: Vec<usize> = texts
        .iter()
        .map(|&text| {
            *numbers.entry(text).or_insert_with(|| {
                unique.push(text);
                unique.len() - 1
            })
        })
        .collect();
    let vectors = embed(model, &unique, options)?;
    Ok(order.into_iter().map(|number| vectors[number].clone()).collect())
}
