//! `--precision` and `--calibration`: what vectors are written as.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use npyz::{NpyFile, Order};
use wembed_model::{Precision, Quantizer, Ranges};

use crate::record::Outcome;
use crate::report;

/// Fewer vectors than this make ranges that others may not fit into; sentence-transformers says so too.
const FEW: u64 = 100;

/// What vectors are written as.
#[derive(Debug, Args)]
pub struct PrecisionArguments {
    /// What vectors are written as, in sentence-transformers' sense: binary and ubinary hold a bit a dimension
    #[arg(long, value_name = "float32|int8|binary|ubinary", default_value = "float32", value_parser = parser(), hide_possible_values = true)]
    precision: Precision,
    /// float32 vectors (texts, dimensions) whose least and largest values are int8's ranges [default: the vectors that are written]
    #[arg(long, value_name = "FILE.npy")]
    calibration: Option<PathBuf>,
}

fn parser() -> impl clap::builder::TypedValueParser<Value = Precision> {
    PossibleValuesParser::new(Precision::ALL.map(Precision::name))
        .map(|name| Precision::ALL.into_iter().find(|it| it.name() == name).unwrap_or_default())
}

impl PrecisionArguments {
    /// What was asked for.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Whether the ranges are those of all vectors to come.
    pub fn awaits_vectors(&self) -> bool {
        self.precision == Precision::Int8 && self.calibration.is_none()
    }

    /// What needs no vector to be known; nothing where the ranges are those of all vectors to come.
    pub fn quantizer(&self, dimensions: usize) -> anyhow::Result<Option<Quantizer>> {
        let quantizer = match (self.precision, &self.calibration) {
            (Precision::Int8, Some(path)) => {
                let name = || format!("--calibration `{}`", path.display());
                Some(Quantizer::Int8(calibrated(path, dimensions).with_context(name)?))
            }
            (Precision::Int8, None) => None,
            (_, Some(_)) => bail!("--calibration gives the ranges of --precision int8, which was not asked for"),
            (Precision::Float32, None) => Some(Quantizer::Float32),
            (Precision::Binary, None) => Some(Quantizer::Binary),
            (Precision::Ubinary, None) => Some(Quantizer::Ubinary),
        };
        Ok(quantizer)
    }
}

/// int8 in the ranges of all of `outcomes`.
pub fn int8(dimensions: usize, outcomes: impl Iterator<Item = anyhow::Result<Outcome>>) -> anyhow::Result<Quantizer> {
    let mut ranges = Ranges::new(dimensions);
    for outcome in outcomes {
        if let Outcome::Vector { vector, .. } = outcome? {
            ranges.include(&vector);
        }
    }
    match ranges.vectors() {
        1 => bail!("one vector has no ranges for int8: give --calibration FILE.npy with more of its kind"),
        few @ 2..FEW => report::say(format_args!(
            "int8's ranges are those of {few} vectors; more of them, or --calibration, give ranges that fit others too"
        )),
        _ => {}
    }
    Ok(Quantizer::Int8(ranges))
}

fn calibrated(path: &Path, dimensions: usize) -> anyhow::Result<Ranges> {
    let file = File::open(path).context("could not be opened")?;
    let array = NpyFile::new(BufReader::new(file)).context("expected an npy file")?;
    let shape = array.shape().to_vec();
    let [rows, columns] = shape[..] else { bail!("expected an array (texts, {dimensions}), found {shape:?}") };
    if rows == 0 || columns != dimensions as u64 || array.order() != Order::C {
        let order = if array.order() == Order::C { "" } else { " in Fortran's order" };
        bail!("expected an array (texts, {dimensions}), found ({rows}, {columns}){order}");
    }
    let kind = array.dtype().descr();
    let Ok(mut values) = array.data::<f32>() else { bail!("expected float32, found {kind}") };
    let mut ranges = Ranges::new(dimensions);
    for row in 0..rows {
        let vector = values.by_ref().take(dimensions).collect::<Result<Vec<f32>, _>>();
        let vector = vector.with_context(|| format!("expected {rows} rows, found an end in row {row}"))?;
        if let Some(value) = vector.iter().find(|value| !value.is_finite()) {
            bail!("row {row}: expected finite values, found {value}");
        }
        ranges.include(&vector);
    }
    Ok(ranges)
}
