//! Where a command's output goes: standard output or a file.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::Path;

use anyhow::Context as _;

/// Standard output or a file, buffered; its name is said in errors.
pub struct Destination {
    name: String,
    terminal: bool,
    writer: BufWriter<Box<dyn Write + Send>>,
}

impl Destination {
    /// The file at `path`, emptied or made.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        let name = format!("`{}`", path.display());
        let file = File::create(path).with_context(|| format!("{name} could not be created"))?;
        Ok(Self { name, terminal: false, writer: BufWriter::new(Box::new(file)) })
    }

    /// Standard output.
    pub fn standard_output() -> Self {
        let stdout = io::stdout();
        Self {
            name: "standard output".to_owned(),
            terminal: stdout.is_terminal(),
            writer: BufWriter::new(Box::new(stdout)),
        }
    }

    /// Whether a person reads it.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Writes all of `text` and says what went wrong where it could not be written.
    pub fn print(mut self, text: &str) -> anyhow::Result<()> {
        let result = self.write_all(text.as_bytes()).and_then(|()| self.flush());
        result.with_context(|| format!("{} could not be written", self.name))
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
