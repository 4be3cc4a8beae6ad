//! `wembed quantize`: a model in int8.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use indicatif::DecimalBytes;
use pollster::block_on;
use serde_json::json;

use crate::answer::Form;
use crate::destination::Destination;
use crate::progress;
use crate::quantize::{Quantized, quantize};
use crate::source::{Source, named};

/// Write a model in int8
///
/// OUT gets the model with a byte for each weight of its linear layers and of its word table: a quarter of f32. Every command of this
/// program takes such a folder as a model, on any device and with any --dtype; with `--dtype int8` its linear layers are multiplied as
/// they are. Weights are rounded by what they meet when the model embeds a few built-in texts, so that its vectors stay nearer to the
/// original's than with `--dtype int8` alone, which rounds to the nearest.
///
/// The written model's vectors are then held to the original's, on this machine.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The model's directory, or its name on the Hugging Face hub
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// The folder to write; there must be nothing of its name
    #[arg(value_name = "OUT")]
    out: PathBuf,
    #[command(flatten)]
    source: Source,
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    format: Form,
}

/// Quantizes.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let out = &arguments.out;
    if fs::symlink_metadata(out).is_ok() {
        bail!("`{}` is there already: expected the name of a folder that is to be made", out.display());
    }
    let files = arguments.source.open(&arguments.model)?;
    // Beside its place, so that what is there in the end is whole or nothing.
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unfinished = tempfile::Builder::new().prefix(".wembed-quantize-").tempdir_in(parent);
    let unfinished = unfinished.with_context(|| format!("`{}` could not be written to", parent.display()))?;
    let place = unfinished.path().join("model");
    let bar = progress::characters(0);
    let quantized = block_on(quantize(files, &place, &bar)).with_context(|| named(&arguments.model))?;
    bar.finish_and_clear();
    fs::rename(&place, out).with_context(|| format!("`{}` could not be made", out.display()))?;
    let Quantized { files, layers, off } = &quantized;
    let bytes: u64 = files.values().map(|file| file.size).sum();
    let answer = match arguments.format {
        Form::Text => format!(
            "{layers} matrices of linear layers, {} in all\nvectors within {off:.1e} of the original's, as 1 - cosine\n",
            DecimalBytes(bytes)
        ),
        Form::Json => format!("{:#}\n", json!({ "files": files, "layers": layers, "off": off })),
    };
    Destination::standard_output().print(&answer)
}
