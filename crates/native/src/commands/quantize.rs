//! `wembed quantize`: a model in int8.

use clap::Args;
use indicatif::DecimalBytes;
use pollster::block_on;
use serde_json::json;

use crate::answer::Form;
use crate::destination::Destination;
use crate::new_model::NewModel;
use crate::progress;
use crate::quantize::{Quantized, quantize};

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
    #[command(flatten)]
    model: NewModel,
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    format: Form,
}

/// Quantizes.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let bar = progress::characters(0);
    let quantized = arguments.model.write(|files, place| block_on(quantize(files, place, &bar)))?;
    bar.finish_and_clear();
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
