//! `wembed pack`: a model as the web is served it.

use std::num::NonZeroUsize;

use anyhow::ensure;
use clap::{Args, ValueEnum};
use indicatif::DecimalBytes;
use pollster::block_on;
use serde_json::json;

use crate::answer::Form;
use crate::destination::Destination;
use crate::model::parse_count;
use crate::new_model::NewModel;
use crate::pack::languages::{LanguageTexts, parse_texts};
use crate::pack::{Options, Pack, Packed, pack};
use crate::table::table;

/// Write a model's form for the web
///
/// Most bytes of a multilingual model are its word table, of which texts of one language need a few rows. OUT gets the model's encoder in
/// f16, and the table's rows in packs by language and script: a page embeds as soon as it has the encoder and the packs of its
/// reader's languages, and gets the rest meanwhile. pack.json lists the packs and every file's SHA-256. Every command of this program takes
/// such a folder as a model, too.
///
/// The packed model's vectors are then held to the original's, on this machine.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    model: NewModel,
    /// What the table's rows are held in: int8 with a scale a row, or f16
    #[arg(long, value_enum, default_value = "int8")]
    rows: Rows,
    /// Texts of a language, a line each, that say which rows it needs; for each language that the model's users write. Without texts the
    /// first tokens of each script count as the ones that are needed
    #[arg(long = "texts", value_name = "LANG=FILE", value_parser = parse_texts)]
    texts: Vec<LanguageTexts>,
    /// Megabytes of a pack at most
    #[arg(long, value_name = "MB", default_value = "12", value_parser = parse_count)]
    pack_size: NonZeroUsize,
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    format: Form,
}

/// What rows are held in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Rows {
    Int8,
    F16,
}

/// Packs.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    for (place, texts) in arguments.texts.iter().enumerate() {
        let twice = arguments.texts[..place].iter().any(|other| other.code == texts.code);
        ensure!(!twice, "--texts: expected one file for `{}`, found two", texts.code);
    }
    let options = Options {
        int8: arguments.rows == Rows::Int8,
        pack_bytes: arguments.pack_size.get().saturating_mul(1_000_000),
        texts: arguments.texts.clone(),
    };
    let packed = arguments.model.write(|files, place| block_on(pack(files, place, &options)))?;
    let answer = match arguments.format {
        Form::Text => readable(&packed),
        Form::Json => {
            let Packed { model, off } = &packed;
            format!("{:#}\n", json!({ "files": model.files, "packs": model.packs, "off": off }))
        }
    };
    Destination::standard_output().print(&answer)
}

fn readable(Packed { model, off }: &Packed) -> String {
    let bytes = |path: &str| model.files.get(path).map_or(0, |file| file.size);
    let row = |pack: &Pack| {
        let (rows, size) = (pack.rows.to_string(), DecimalBytes(bytes(&pack.file)).to_string());
        vec![pack.file.clone(), rows, size, if pack.rest { "seldom needed" } else { "" }.to_owned()]
    };
    let packs = &model.packs;
    let packed: u64 = packs.iter().map(|pack| bytes(&pack.file)).sum();
    let all: u64 = model.files.values().map(|file| file.size).sum();
    let rows = table(&["pack", "rows", "size", ""], packs.iter().map(row).collect(), [1, 2]);
    format!(
        "{rows}\n{} in all: {} beside the packs, and the packs' {}\nvectors within {off:.1e} of the original's, as 1 - cosine\n",
        DecimalBytes(all),
        DecimalBytes(all - packed),
        DecimalBytes(packed),
    )
}
