//! Where vectors go: as a stream, or into a file that is there only when it is whole.

use std::fs::{self, File};
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use wembed_model::Quantizer;

use crate::destination::Destination;
use crate::formats::{Format, Shape, Writer};
use crate::partial::{Partial, Provenance};
use crate::precision::{self, PrecisionArguments};
use crate::record::{IdKind, Record};
use crate::texts::InputArguments;
use crate::{progress, report};

/// Where vectors go, and in which form.
#[derive(Debug, Args)]
pub struct OutputArguments {
    /// Write to this file; until it is whole, what was done is in FILE.partial
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Go on from what an earlier run of the same command left in FILE.partial, if it left any
    #[arg(long, requires = "output")]
    resume: bool,
    /// The form of the vectors [default: what the file's name says, text at a terminal, else jsonl]
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    precision: PrecisionArguments,
}

/// How a run ended, as far as the output cares.
#[derive(Debug, Clone, Copy)]
pub struct End {
    /// Whether every text was read and embedded.
    pub reached: bool,
    /// Whether each has its vector.
    pub complete: bool,
}

/// Takes records in order.
pub struct Output {
    /// The file; nothing for standard output.
    path: Option<PathBuf>,
    format: Format,
    shape: Shape,
    way: Way,
}

/// A quantizer that is none yet depends on all vectors.
enum Way {
    /// Row by row.
    Stream(Box<dyn Writer>, Quantizer),
    /// All records first, then the rows, into what cannot be replaced at once: a pipe, a device.
    Gathered(Partial, Option<Quantizer>),
    /// All records first, then the rows, into a new file that then takes the old one's place.
    File(Partial, Option<Quantizer>),
}

impl OutputArguments {
    /// Whether vectors are shown on a terminal.
    pub fn to_terminal(&self) -> bool {
        self.output.is_none() && io::stdout().is_terminal()
    }

    /// Whether what was done stays beside a file, for a later run: not where the path is a pipe or a device.
    pub fn keeps_records(&self) -> bool {
        let special = |path: &Path| fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
        self.output.as_deref().is_some_and(|path| !special(path))
    }

    fn format(&self) -> Format {
        self.format.unwrap_or_else(|| Format::usual(self.output.as_deref(), self.to_terminal()))
    }

    /// What can be said before a model is loaded.
    pub fn check(&self, input: &InputArguments) -> anyhow::Result<()> {
        if input.is_share() && self.precision.awaits_vectors() {
            bail!("--shard with --precision int8 needs --calibration: each share would have ranges of its own");
        }
        match self.format() {
            Format::Npy if self.to_terminal() => {
                bail!("npy is no form for a terminal: give --output FILE, or a pipe")
            }
            Format::Parquet if self.to_terminal() => {
                bail!("parquet is no form for a terminal: give --output FILE, or a pipe")
            }
            _ => {}
        }
        let (Some(input), Some(output)) = (&input.input, &self.output) else { return Ok(()) };
        match (fs::canonicalize(input), fs::canonicalize(output)) {
            (Ok(from), Ok(to)) if from == to => bail!("`{}` is both --input and --output", input.display()),
            _ => Ok(()),
        }
    }

    /// Opens it for vectors of `dimensions`, made as `made_by` says.
    pub fn open(&self, dimensions: usize, ids: Option<IdKind>, made_by: &Provenance) -> anyhow::Result<Output> {
        let (format, precision) = (self.format(), self.precision.precision());
        let quantizer = self.precision.quantizer(dimensions)?;
        let shape = Shape { dimensions, precision, ids };
        let (path, way) = match (self.output.clone(), quantizer) {
            (Some(path), quantizer) if self.keeps_records() => {
                // Through a link, so that the link stays and its file is replaced.
                let path = fs::canonicalize(&path).unwrap_or(path);
                let partial = Partial::open(&beside(&path, "partial"), made_by, self.resume)?;
                (Some(path), Way::File(partial, quantizer))
            }
            (Some(path), _) if self.resume => {
                bail!("--resume needs a file that stays: `{}` is none", path.display())
            }
            (path, Some(quantizer)) if !format.begins_with_number() => {
                let to = stream(path.as_deref())?;
                let writer = format.writer(to, shape, 0).with_context(|| unwritten(path.as_deref()))?;
                (path, Way::Stream(writer, quantizer))
            }
            (path, quantizer) => {
                let partial = Partial::anonymous().context("a temporary file could not be created")?;
                (path, Way::Gathered(partial, quantizer))
            }
        };
        Ok(Output { path, format, shape, way })
    }
}

impl Output {
    /// What an earlier run left, and its name: its records go to `each`.
    pub fn recover(&mut self, mut each: impl FnMut(Record, &str) -> anyhow::Result<()>) -> anyhow::Result<u64> {
        let Way::File(partial, _) = &mut self.way else { return Ok(0) };
        let name = partial.name();
        partial.recover(|record| each(record, &name))?;
        Ok(partial.len())
    }

    /// Adds a record.
    pub fn put(&mut self, record: Record) -> io::Result<()> {
        match &mut self.way {
            Way::Stream(writer, quantizer) => writer.put(record.row(quantizer)),
            Way::Gathered(partial, _) | Way::File(partial, _) => partial.push(&record),
        }
    }

    /// What to say where a record could not be put.
    pub fn unwritten(&self) -> String {
        match &self.way {
            Way::Gathered(partial, _) | Way::File(partial, _) => format!("{} could not be written", partial.name()),
            Way::Stream(..) => unwritten(self.path.as_deref()),
        }
    }

    /// Ends it; what an earlier end leaves undone is kept where that is of use.
    pub fn finish(self, end: End) -> anyhow::Result<()> {
        let Self { path, format, shape, way } = self;
        let unwritten = || unwritten(path.as_deref());
        let writable = end.reached && (end.complete || !format.begins_with_number());
        match way {
            Way::Stream(mut writer, _) => writer.finish().with_context(unwritten),
            Way::Gathered(..) | Way::File(..) if !writable => keep(way, format, end).with_context(unwritten),
            Way::Gathered(mut partial, quantizer) => {
                let to = stream(path.as_deref())?;
                write(&mut partial, to, format, shape, quantizer).with_context(unwritten)
            }
            Way::File(mut partial, quantizer) => {
                let path = path.context("a file has a path")?;
                partial.sync()?;
                let done = replace(&path, |to| write(&mut partial, to, format, shape, quantizer));
                if done.is_err() {
                    report::say(format_args!("{} keeps what was done: --resume writes it again", partial.name()));
                }
                done.with_context(|| format!("`{}` could not be written", path.display()))?;
                partial.remove().context("what was done could not be removed")
            }
        }
    }
}

/// Says what becomes of records that are not written.
fn keep(way: Way, format: Format, end: End) -> anyhow::Result<()> {
    if end.reached || format.begins_with_number() {
        report::say("an npy file has a vector for every text: none was written");
    } else if matches!(way, Way::Gathered(..)) {
        report::say("int8's ranges are those of all vectors: none was written");
    }
    if let Way::File(mut partial, _) = way {
        if partial.len() == 0 {
            return Ok(partial.remove()?);
        }
        partial.sync()?;
        let how = if end.reached { "with another --format writes it" } else { "goes on from there" };
        report::say(format_args!("{} keeps what was done: --resume {how}", partial.name()));
    }
    Ok(())
}

/// Writes what `partial` holds.
fn write(
    partial: &mut Partial,
    to: Destination,
    format: Format,
    shape: Shape,
    quantizer: Option<Quantizer>,
) -> anyhow::Result<()> {
    let quantizer = match quantizer {
        Some(quantizer) => quantizer,
        None => precision::int8(shape.dimensions, partial.all()?.map(|record| Ok(record?.outcome)))?,
    };
    let rows = partial.len();
    let mut writer = format.writer(to, shape, rows)?;
    let bar = progress::bar(rows, true);
    for record in partial.all()? {
        writer.put(record?.row(&quantizer))?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(writer.finish()?)
}

/// Puts what `write` writes in the place of the file at `path`, at once.
fn replace(path: &Path, write: impl FnOnce(Destination) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let new = beside(path, "writing");
    let done = write(Destination::create(&new)?).and_then(|()| {
        File::open(&new)?.sync_all()?;
        Ok(fs::rename(&new, path)?)
    });
    if done.is_err() {
        // The error that counts is the first one.
        let _ = fs::remove_file(&new);
    }
    done?;
    // The folder's entry too; not every system can do that, and the file is whole in any case.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// `FILE.extension`.
fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

fn stream(path: Option<&Path>) -> anyhow::Result<Destination> {
    path.map_or_else(|| Ok(Destination::standard_output()), Destination::create)
}

fn unwritten(path: Option<&Path>) -> String {
    let name = path.map_or("standard output".to_owned(), |path| format!("`{}`", path.display()));
    format!("{name} could not be written")
}
