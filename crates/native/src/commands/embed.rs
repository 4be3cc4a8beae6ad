//! `wembed embed`: texts in, vectors out.

use std::fs;
use std::io::IsTerminal as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use pollster::block_on;

use crate::destination::Destination;
use crate::formats::Format;
use crate::model::ModelArguments;
use crate::progress;
use crate::tally::Tally;
use crate::texts::Texts;

/// Give the vectors of texts
///
/// Texts are the arguments, else the lines of a file or of standard input; an empty line is a text. The exit code is 0
/// only where every text has its vector.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Texts to embed
    #[arg(value_name = "TEXT", conflicts_with = "input")]
    texts: Vec<String>,
    /// A file with one text a line, or for `.jsonl` one JSON string or object with `text`; `-` is standard input
    #[arg(long, value_name = "FILE|-")]
    input: Option<PathBuf>,
    /// Write to this file
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The form of the vectors [default: what the file's name says, text at a terminal, else jsonl]
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    model: ModelArguments,
}

/// Embeds.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { texts, input, output, format, model: flags } = arguments;
    check_files(input.as_deref(), output.as_deref())?;
    let to_terminal = output.is_none() && std::io::stdout().is_terminal();
    let format = format.unwrap_or_else(|| Format::usual(output.as_deref(), to_terminal));
    if format == Format::Npy && to_terminal {
        bail!("npy is no form for a terminal: give --output FILE, or a pipe");
    }
    let given = (!texts.is_empty()).then_some(texts.len() as u64);
    let mut texts = Texts::open(texts, input.as_deref())?;
    let mut model = flags.load()?;
    let options = flags.options();
    // Without a text this checks the options; the output is emptied only now, so that it survives a mistake in the flags.
    block_on(model.embed::<&str>(&[], &options))?;
    let to = Destination::open(output.as_deref())?;
    let unwritten = to.unwritten();
    let dimensions = options.finish.dimensions.unwrap_or(model.description().dimensions);
    let mut writer = format.writer(to, dimensions);
    let mut tally = Tally::default();
    let bar = progress::bar(given, !to_terminal);
    let flow = block_on(model.embed_each(&mut texts, &options, |result| {
        bar.inc(1);
        match writer.put(tally.count(&result), &result) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }));
    bar.finish_and_clear();

    // Whatever ended it, what was done before is written.
    let (written, embedded) = match flow {
        Ok(ControlFlow::Break(error)) => (Err(error), Ok(())),
        Ok(ControlFlow::Continue(())) => (writer.finish(texts.failure.is_none() && tally.is_complete()), Ok(())),
        Err(error) => (writer.finish(false), Err(error)),
    };
    written.context(unwritten)?;
    tally.warn_of_truncation("texts", model.description());
    flags.report(&model);
    embedded?;
    texts.failure.map_or(Ok(()), Err)?;
    tally.check()
}

/// The output must not be the input: it would be emptied before it is read.
fn check_files(input: Option<&Path>, output: Option<&Path>) -> anyhow::Result<()> {
    let (Some(input), Some(output)) = (input, output) else { return Ok(()) };
    match (fs::canonicalize(input), fs::canonicalize(output)) {
        (Ok(from), Ok(to)) if from == to => bail!("`{}` is both --input and --output", input.display()),
        _ => Ok(()),
    }
}
