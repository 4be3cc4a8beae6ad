//! The flags about a model that several commands share, and the model they load.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use pollster::block_on;
use wembed::ModelFiles;
use wembed_model::{AnyEmbedder, AnyEngine, EmbedOptions, Finish, LoadOptions, Long, Placement, Prompt};

use crate::device::DeviceArguments;
use crate::source::{Source, chosen, named};
use crate::synthetic::Synthetic;
use crate::tuning::tune;
use crate::{kernel_times, report};

/// A model on a GPU or on the processor.
pub type Model = AnyEmbedder<ModelFiles>;

/// Which model, on which device, and what it is to give.
#[derive(Debug, Args)]
#[command(next_help_heading = "Model")]
pub struct ModelArguments {
    /// The model's directory, or its name on the Hugging Face hub: owner/name, or the name of one of sentence-transformers'
    /// [default: wembed-mini, which is in this program]
    #[arg(long, value_name = "ID|DIR", env = "WEMBED_MODEL")]
    model: Option<PathBuf>,
    /// A model of this shape with random weights instead, to measure a device with; its vectors mean nothing
    #[arg(long, value_name = "SHAPE", value_parser = Synthetic::parse, conflicts_with = "model")]
    synthetic: Option<Synthetic>,
    #[command(flatten)]
    source: Source,
    /// Tokens of a text at most, special tokens included; longer texts are cut [default: what the model says]
    #[arg(long, value_name = "N", value_parser = parse_count)]
    max_length: Option<NonZeroUsize>,
    /// Give vectors of length 1 [default: what the model says]
    #[arg(long, conflicts_with = "no_normalize")]
    normalize: bool,
    /// Give vectors as the model's last layer leaves them
    #[arg(long)]
    no_normalize: bool,
    /// Give the first N dimensions [default: what the model says]
    #[arg(long, value_name = "N", value_parser = parse_count)]
    dimensions: Option<NonZeroUsize>,
    /// Put this in front of each text [default: what the model says]
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    prompt: Option<String>,
    /// Put the model's prompt of this name in front of each text
    #[arg(long, value_name = "NAME", conflicts_with = "prompt")]
    prompt_name: Option<String>,
    /// What becomes of texts that have more tokens than the model takes
    #[arg(long, value_name = "HOW", value_enum, default_value = "truncate")]
    long: LongTexts,
    /// Tokens of a batch at most [default: what suits the device]
    #[arg(long, value_name = "N", value_parser = parse_count)]
    batch_tokens: Option<NonZeroUsize>,
    /// Where the word table lives: host sends each batch's rows, device holds it whole
    #[arg(long, value_name = "WHERE", value_enum, default_value = "auto")]
    vocabulary: Vocabulary,
    #[command(flatten)]
    device: DeviceArguments,
}

/// What becomes of a text that is too long.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum LongTexts {
    /// It is cut, and that is said
    Truncate,
    /// It is an error
    Error,
    /// It gets the mean of its overlapping windows' vectors
    Mean,
}

/// Where the word table lives.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Vocabulary {
    Auto,
    Host,
    Device,
}

/// Reads a number of things of which there must be one.
pub fn parse_count(number: &str) -> Result<NonZeroUsize, &'static str> {
    number.parse().map_err(|_| "expected a whole number, at least 1")
}

/// Loads a model, and has a GPU take its fastest kernels.
pub fn load(engine: AnyEngine, files: ModelFiles, options: LoadOptions) -> anyhow::Result<Model> {
    let model = block_on(AnyEmbedder::load(engine, files, options))?;
    tune(&model)?;
    Ok(model)
}

impl ModelArguments {
    /// Loads the model.
    pub fn load(&self) -> anyhow::Result<Model> {
        let path = match self.synthetic {
            Some(shape) => Path::new(shape.name),
            None => chosen(self.model.as_deref())?,
        };
        let files = self.synthetic.map_or_else(|| self.source.open(path), Synthetic::files)?;
        let engine = self.device.open()?;
        let vocabulary = match self.vocabulary {
            Vocabulary::Auto => Placement::Auto,
            Vocabulary::Host => Placement::Host,
            Vocabulary::Device => Placement::Device,
        };
        let options = LoadOptions { max_length: self.max_length.map(NonZeroUsize::get), vocabulary };
        load(engine, files, options).with_context(|| named(path))
    }

    /// How texts are to be embedded.
    pub fn options(&self) -> EmbedOptions {
        let normalize = match (self.normalize, self.no_normalize) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        };
        EmbedOptions {
            finish: Finish { normalize, dimensions: self.dimensions.map(NonZeroUsize::get) },
            prompt: self.prompt().unwrap_or_default(),
            long: match self.long {
                LongTexts::Truncate => Long::Truncate,
                LongTexts::Error => Long::Error,
                LongTexts::Mean => Long::Mean,
            },
            batch_tokens: self.batch_tokens.map(NonZeroUsize::get),
        }
    }

    /// The prompt that was asked for.
    pub fn prompt(&self) -> Option<Prompt> {
        let text = self.prompt.clone().map(Prompt::Text);
        text.or_else(|| self.prompt_name.clone().map(Prompt::Named))
    }

    /// What is said at the end of a run.
    pub fn report(&self, model: &Model) {
        if self.device.kernel_times {
            match model {
                AnyEmbedder::Gpu(embedder) => kernel_times::report(embedder.engine()),
                AnyEmbedder::Cpu(_) => report::say("the CPU engine has no kernel times; a profiler tells more"),
            }
        }
    }
}
