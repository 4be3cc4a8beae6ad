//! The texts to embed: arguments, or what a file or standard input holds, read as they are needed.

pub mod delimited;
mod lines;
mod parquet;
mod position;
mod shard;

use std::fs::File;
use std::io::{self, BufReader, IsTerminal as _, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, ValueEnum};

pub use self::position::Position;
use self::shard::Shard;
use crate::record::{Id, IdKind};

/// Which texts.
#[derive(Debug, Args)]
pub struct InputArguments {
    /// Texts to embed
    #[arg(value_name = "TEXT", conflicts_with = "input")]
    texts: Vec<String>,
    /// A file of texts; `-` is standard input
    #[arg(long, value_name = "FILE|-")]
    pub input: Option<PathBuf>,
    /// What the file is [default: what its name says, else txt]
    #[arg(long, value_name = "FORM", value_enum)]
    input_format: Option<Form>,
    /// The texts' column, or key of JSON objects [default: text]
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
    /// Write this column, or key of JSON objects, beside each vector
    #[arg(long, value_name = "NAME")]
    id_column: Option<String>,
    /// Only the I-th of N shares, from 1: every N-th text from the I-th on; indices stay those of the whole input
    #[arg(long, value_name = "I/N", value_parser = shard::parse)]
    shard: Option<Shard>,
}

/// How a file holds texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// One text a line
    Txt,
    /// One JSON string or object a line
    Jsonl,
    /// Comma-separated values below a header
    Csv,
    /// Tab-separated values below a header
    Tsv,
    /// A Parquet file with a column of strings
    Parquet,
}

/// A text, its number in the whole input from 0, and its id where those were asked for.
#[derive(Debug, PartialEq)]
pub struct Text {
    pub index: u64,
    pub id: Option<Id>,
    pub text: String,
}

/// What a file holds of a text.
#[derive(Debug, PartialEq)]
struct Entry {
    text: String,
    id: Option<Id>,
}

/// Entries in order, whatever they are read from.
type Entries = Box<dyn Iterator<Item = anyhow::Result<Entry>>>;

/// The columns that are wanted of a file that has columns.
#[derive(Debug, Clone)]
struct Columns {
    text: String,
    id: Option<String>,
}

/// Texts in order. Ends at the first that cannot be read; `failure` then says why.
pub struct Texts {
    rest: Entries,
    shard: Shard,
    next: u64,
    /// What their ids are, where those were asked for.
    pub ids: Option<IdKind>,
    /// How much of the input was read.
    pub position: Position,
    /// What ended them early.
    pub failure: Option<anyhow::Error>,
}

/// A file's lines, a text each.
pub fn lines_of(path: &Path) -> anyhow::Result<impl Iterator<Item = anyhow::Result<String>>> {
    let name = format!("`{}`", path.display());
    let file = File::open(path).with_context(|| format!("{name} could not be opened"))?;
    Ok(lines::plain(BufReader::new(file), name).map(|entry| entry.map(|entry| entry.text)))
}

impl InputArguments {
    /// The arguments where there are any, else what `input` holds, which is a file or `-`, else standard input.
    pub fn open(&self) -> anyhow::Result<Texts> {
        let input = self.input.as_deref().filter(|path| *path != Path::new("-"));
        let form = match (self.input_format, input) {
            (Some(form), _) => form,
            (None, Some(path)) => Form::of(path),
            (None, None) => Form::Txt,
        };
        self.check(form, input)?;
        let columns = Columns { text: self.column.clone().unwrap_or("text".to_owned()), id: self.id_column.clone() };
        let mut ids = columns.id.is_some().then_some(IdKind::Text);
        let (rest, position): (Entries, _) = if !self.texts.is_empty() {
            let texts = self.texts.clone();
            let position = Position::new(Some(texts.len() as u64));
            let counted = position.clone();
            let entry = move |text| Ok(Entry { text, id: None });
            (Box::new(texts.into_iter().inspect(move |_| counted.advance(1)).map(entry)), position)
        } else if let Some(path) = input {
            let name = format!("`{}`", path.display());
            let file = File::open(path).with_context(|| format!("{name} could not be opened"))?;
            if form == Form::Parquet {
                let (entries, kind, position) = parquet::entries(file, &name, &columns).context(name)?;
                ids = kind;
                (entries, position)
            } else {
                let position = Position::new(file.metadata().ok().filter(|it| it.is_file()).map(|it| it.len()));
                (form.entries(position.read(file), name, columns)?, position)
            }
        } else {
            let position = Position::new(None);
            (form.entries(position.read(io::stdin()), "standard input".to_owned(), columns)?, position)
        };
        let shard = self.shard.unwrap_or_default();
        Ok(Texts { rest: Box::new(rest.fuse()), shard, next: 0, ids, position, failure: None })
    }

    /// What would change the texts or their ids, by name.
    pub fn provenance(&self) -> [(&'static str, String); 3] {
        [
            ("--column", self.column.clone().unwrap_or_default()),
            ("--id-column", self.id_column.clone().unwrap_or_default()),
            ("--shard", self.shard.unwrap_or_default().to_string()),
        ]
    }

    /// Whether other runs embed the rest of the texts.
    pub fn is_share(&self) -> bool {
        self.shard.unwrap_or_default() != Shard::default()
    }

    fn check(&self, form: Form, input: Option<&Path>) -> anyhow::Result<()> {
        let arguments = !self.texts.is_empty();
        if arguments && self.input_format.is_some() {
            bail!("--input-format says what a file is, but the texts are arguments");
        }
        if form == Form::Txt && (self.column.is_some() || self.id_column.is_some()) {
            let what = if arguments { "arguments" } else { "lines of plain text" };
            bail!("{what} have no columns: --column and --id-column are for jsonl, csv, tsv and parquet");
        }
        if !arguments && input.is_none() {
            if form == Form::Parquet {
                bail!("a Parquet file is read from its end: give it with --input FILE, not on standard input");
            }
            if self.input.is_none() && io::stdin().is_terminal() {
                bail!("no text: give texts as arguments, a file with --input, or lines on standard input");
            }
        }
        Ok(())
    }
}

impl Form {
    fn of(path: &Path) -> Self {
        let extension = path.extension().map(|it| it.to_ascii_lowercase());
        match extension.as_deref().and_then(|it| it.to_str()) {
            Some("jsonl" | "ndjson") => Self::Jsonl,
            Some("csv") => Self::Csv,
            Some("tsv") => Self::Tsv,
            Some("parquet") => Self::Parquet,
            _ => Self::Txt,
        }
    }

    /// The entries of a form that is read from its beginning.
    fn entries(self, from: impl Read + 'static, name: String, columns: Columns) -> anyhow::Result<Entries> {
        match self {
            Self::Txt | Self::Parquet => Ok(Box::new(lines::plain(BufReader::new(from), name))),
            Self::Jsonl => Ok(Box::new(lines::json(BufReader::new(from), name, columns))),
            Self::Csv => delimited::entries(from, b',', name, &columns),
            Self::Tsv => delimited::entries(from, b'\t', name, &columns),
        }
    }
}

impl Iterator for Texts {
    type Item = Text;

    fn next(&mut self) -> Option<Text> {
        while self.failure.is_none() {
            match self.rest.next()? {
                Ok(Entry { text, id }) => {
                    let index = self.next;
                    self.next += 1;
                    if self.shard.contains(index) {
                        return Some(Text { index, id, text });
                    }
                }
                Err(error) => self.failure = Some(error),
            }
        }
        None
    }
}

/// Where in its line a file's text stops being UTF-8.
pub fn not_utf8(bytes: &[u8], error: std::str::Utf8Error) -> anyhow::Error {
    let (good, rest) = bytes.split_at(error.valid_up_to());
    let column = good.rsplit(|&byte| byte == b'\n').next().map_or(0, <[u8]>::len);
    let found = rest.first().map_or("nothing".to_owned(), |byte| format!("0x{byte:02x}"));
    anyhow!("expected UTF-8, found {found} at byte {}", column + 1)
}

/// Where the column `name` is among `names`; an error lists those that there are.
fn place_of(name: &str, names: &[&str]) -> anyhow::Result<usize> {
    let mut places = names.iter().enumerate().filter(|&(_, it)| *it == name).map(|(place, _)| place);
    match (places.next(), places.next()) {
        (Some(place), None) => Ok(place),
        (Some(_), Some(_)) => bail!("two columns are named `{name}`"),
        (None, _) => bail!("expected a column `{name}`, found {}", listed(names)),
    }
}

/// Names for a message.
fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
