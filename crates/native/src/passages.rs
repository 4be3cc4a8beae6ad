//! Files cut into passages that a model takes whole.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use text_splitter::{ChunkConfig, MarkdownSplitter, TextSplitter, TryChunkSizer};
use wembed_model::Error;

use crate::model::Model;
use crate::texts;

/// A file that was read.
pub struct File {
    pub name: String,
    markdown: bool,
    text: String,
}

/// A part of a file.
pub struct Passage<'a> {
    pub file: &'a File,
    /// The line it begins on, from 1.
    pub line: usize,
    pub text: &'a str,
}

impl File {
    /// Reads a text file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        if path.is_dir() {
            bail!("`{name}` is a directory: expected files");
        }
        let bytes = fs::read(path).with_context(|| format!("`{name}` could not be read"))?;
        let at_line = |offset: usize| {
            let line = 1 + bytes[..offset].iter().filter(|&&byte| byte == b'\n').count();
            format!("`{name}`, line {line}")
        };
        if let Some(offset) = bytes.iter().position(|&byte| byte == 0) {
            return Err(anyhow!("expected text, found a zero byte").context(at_line(offset)));
        }
        let text = std::str::from_utf8(&bytes)
            .map_err(|error| texts::not_utf8(&bytes, error).context(at_line(error.valid_up_to())))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let extension = path.extension().map(|it| it.to_ascii_lowercase());
        let markdown = extension.is_some_and(|it| it == "md" || it == "markdown");
        Ok(Self { name, markdown, text })
    }

    /// Its passages: cut where the text itself is divided, none longer than `model` takes with `prompt` in front.
    pub fn passages(&self, model: &Model, prompt: &str) -> anyhow::Result<Vec<Passage<'_>>> {
        let room = Room::beside(prompt, model)?;
        let config = ChunkConfig::new(room.tokens).with_sizer(room);
        let chunks: Result<Vec<_>, _> = if self.markdown {
            MarkdownSplitter::new(config).try_chunk_indices(&self.text).collect()
        } else {
            TextSplitter::new(config).try_chunk_indices(&self.text).collect()
        };
        let (mut line, mut counted) = (1, 0);
        let passage = |(offset, text): (usize, _)| {
            line += self.text[counted..offset].matches('\n').count();
            counted = offset;
            Passage { file: self, line, text }
        };
        Ok(chunks?.into_iter().map(passage).collect())
    }
}

/// More bytes than a token has in most texts, of any language.
const BYTES_A_TOKEN: usize = 8;

/// The room that a prompt and the special tokens leave in a text that a model takes.
struct Room<'a> {
    model: &'a Model,
    prompt: &'a str,
    /// What is taken.
    taken: usize,
    /// What is left.
    tokens: usize,
}

impl<'a> Room<'a> {
    fn beside(prompt: &'a str, model: &'a Model) -> anyhow::Result<Self> {
        let (taken, most) = (model.tokenize(prompt)?.ids.len(), model.description().max_length);
        if taken >= most {
            bail!("the passages' prompt leaves no room for them: it has {taken} of {most} tokens");
        }
        Ok(Self { model, prompt, taken, tokens: most - taken })
    }

    /// Tokens of `text`, or nothing where there is no room for them.
    fn size(&self, text: &str) -> Result<Option<usize>, Error> {
        let tokens = self.model.tokenize(&format!("{}{text}", self.prompt))?;
        Ok((!tokens.truncated).then(|| tokens.ids.len().saturating_sub(self.taken)))
    }
}

impl TryChunkSizer for Room<'_> {
    type Error = Error;

    fn try_size(&self, text: &str) -> Result<usize, Error> {
        // The splitter asks about whole chapters: where the beginning of one is too long, the rest need not be read. It
        // wants longer texts to be larger even then.
        let too_long = self.tokens + 1 + text.len();
        let beginning = &text[..text.floor_char_boundary(BYTES_A_TOKEN * self.tokens)];
        if beginning.len() < text.len() && self.size(beginning)?.is_none() {
            return Ok(too_long);
        }
        Ok(self.size(text)?.unwrap_or(too_long))
    }
}
