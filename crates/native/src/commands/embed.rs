//! `wembed embed`: texts in, vectors out.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::ops::ControlFlow;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use pollster::block_on;
use twox_hash::XxHash3_64;
use wembed_model::{EmbedOptions, Embedding, Error};

use crate::model::{Model, ModelArguments};
use crate::output::{End, Output, OutputArguments};
use crate::partial::Provenance;
use crate::progress::Progress;
use crate::record::{Label, Outcome, Record};
use crate::report;
use crate::tally::Tally;
use crate::texts::{InputArguments, Texts};

/// Give the vectors of texts
///
/// Texts are the arguments, else what a file or standard input holds, as it is read: an empty line is a text. The exit
/// code is 0 only where every text has its vector.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    output: OutputArguments,
    #[command(flatten)]
    model: ModelArguments,
}

/// Embeds.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { input, output, model: flags } = arguments;
    output.check(&input)?;
    let mut texts = input.open()?;
    let mut model = flags.load()?;
    let options = flags.options();
    // Without a text this checks the options; the output is opened only now, so that it survives a mistake in the flags.
    block_on(model.embed::<&str>(&[], &options))?;
    let made_by =
        if output.keeps_records() { provenance(&input, &mut model, &options)? } else { Provenance::default() };
    let dimensions = options.finish.dimensions.unwrap_or(model.description().dimensions);
    let mut tally = Tally::default();
    let mut to = output.open(dimensions, texts.ids, &made_by)?;
    let done = pass_over(&mut to, &mut texts, &mut tally)?;
    let progress = Progress::new(texts.position.clone(), done, !output.to_terminal());

    let flow = embed(&mut model, &options, &mut texts, |record| {
        progress.text();
        tally.record(&record);
        to.put(record)
    });
    progress.clear();

    // Whatever ended it, what was done before is written, or kept.
    let (written, embedded) = match flow {
        Ok(ControlFlow::Break(error)) => (Err(error).context(to.unwritten()), Ok(())),
        Ok(ControlFlow::Continue(())) => {
            let end = End { reached: texts.failure.is_none(), complete: tally.is_complete() };
            (to.finish(end), Ok(()))
        }
        Err(error) => (to.finish(End { reached: false, complete: false }), Err(error)),
    };
    written?;
    tally.warn_of_truncation("texts", model.description());
    flags.report(&model);
    embedded?;
    texts.failure.map_or(Ok(()), Err)?;
    tally.check()
}

/// Gives `sink` the record of each text, in order.
fn embed(
    model: &mut Model,
    options: &EmbedOptions,
    texts: &mut Texts,
    mut sink: impl FnMut(Record) -> io::Result<()>,
) -> Result<ControlFlow<io::Error>, Error> {
    // Texts are taken ahead of their vectors: what is in flight waits here for its vector.
    let in_flight = RefCell::new(VecDeque::new());
    let texts = texts.map(|text| {
        in_flight.borrow_mut().push_back(Label::of(&text));
        text.text
    });
    block_on(model.embed_each(texts, options, |result| {
        let label = in_flight.borrow_mut().pop_front();
        let label = label.ok_or_else(|| io::Error::other("a vector without a text"));
        match label.and_then(|label| sink(Record { label, outcome: result.into() })) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }))
}

/// Reads past the texts that an earlier run embedded, and returns how many there were.
fn pass_over(to: &mut Output, texts: &mut Texts, tally: &mut Tally) -> anyhow::Result<u64> {
    let done = to.recover(|record, name| {
        let index = record.label.index;
        let Some(text) = texts.next() else {
            let ended = || anyhow!("{name} holds a vector of text {index}, but the input ends before it");
            return Err(texts.failure.take().unwrap_or_else(ended));
        };
        if Label::of(&text) != record.label {
            bail!("{name} holds a vector of another text {index}: the input is not the one it was made from");
        }
        tally.record(&record);
        Ok(())
    })?;
    if done > 0 {
        report::say(format_args!("{done} texts were done before"));
    }
    Ok(done)
}

/// What is embedded to tell devices and their instructions apart: a text's vector has the same bits in every run.
const PROBE: &str = "The quick brown fox jumps over the lazy dog, 0123456789 times.";

/// What changes vectors, for a later run to compare; this reads all weights.
fn provenance(input: &InputArguments, model: &mut Model, options: &EmbedOptions) -> anyhow::Result<Provenance> {
    let probe = block_on(model.embed(&[PROBE], options))?.pop();
    let bytes = match probe.ok_or_else(|| anyhow!("the test text has no result"))? {
        Ok(Embedding { vector, .. }) => vector.into_iter().flat_map(f32::to_le_bytes).collect(),
        Err(error) => error.to_string().into_bytes(),
    };
    let fingerprint = block_on(model.fingerprint(options))?.to_string();
    let description = model.description();
    let finish = &options.finish;
    let of_model = [
        ("--max-length", description.max_length.to_string()),
        ("--dimensions", finish.dimensions.map(|it| it.to_string()).unwrap_or_default()),
        ("--normalize", finish.normalize.map(|it| it.to_string()).unwrap_or_default()),
        ("--long", options.long.name().to_owned()),
        ("the prompt", format!("{:?}", options.prompt)),
        ("wembed", env!("CARGO_PKG_VERSION").to_owned()),
        ("the model or its options", fingerprint),
        ("the vector of a test text (another device or instructions?)", {
            format!("{:016x}", XxHash3_64::oneshot(&bytes))
        }),
    ];
    Ok(input.provenance().into_iter().chain(of_model).map(|(name, value)| (name.to_owned(), value)).collect())
}

impl Tally {
    /// Takes note of a record.
    fn record(&mut self, record: &Record) {
        match &record.outcome {
            Outcome::Vector { truncated, .. } => self.vector(*truncated),
            Outcome::Failure(error) => self.failure(record.label.index, error),
        }
    }
}
