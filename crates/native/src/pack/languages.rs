//! Which rows a language's texts need, counted; and which scripts tokens are of.

use std::borrow::Cow;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use unicode_script::{Script, UnicodeScript as _};
use wembed_model::{FileTokenizer, Tokenize as _};

use super::plan::{COMMON, Language};
use crate::texts;

/// Texts that are tokenised at a time.
const AT_A_TIME: usize = 1024;

/// A language and a file of its texts.
#[derive(Debug, Clone)]
pub struct LanguageTexts {
    /// As BCP 47 names it, without script and country.
    pub code: String,
    /// A text a line.
    pub path: PathBuf,
}

/// Reads `LANG=FILE`.
pub fn parse_texts(said: &str) -> Result<LanguageTexts, String> {
    let parts = said.split_once('=').filter(|(code, path)| {
        (2..=3).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_lowercase()) && !path.is_empty()
    });
    let (code, path) = parts.ok_or("expected LANG=FILE, LANG a language's two or three letters, as de=german.txt")?;
    Ok(LanguageTexts { code: code.to_owned(), path: PathBuf::from(path) })
}

/// How often the texts of a language have each of so many tokens.
pub fn count(tokenizer: &FileTokenizer, rows: usize, texts: &LanguageTexts) -> anyhow::Result<Language> {
    let name = || format!("`{}`", texts.path.display());
    let mut counts = vec![0; rows];
    let mut lines = texts::lines_of(&texts.path)?;
    loop {
        let some: Vec<_> = lines.by_ref().take(AT_A_TIME).collect::<Result<_, _>>()?;
        if some.is_empty() {
            break;
        }
        let some: Vec<_> = some.iter().map(|line| Cow::Borrowed(line.as_str())).collect();
        for ids in tokenizer.encode(&some) {
            for id in ids.with_context(name)? {
                let count: &mut u32 = counts.get_mut(id as usize).context("a token is beyond the word table")?;
                *count = count.saturating_add(1);
            }
        }
    }
    ensure!(counts.iter().any(|&count| count > 0), "{}: expected texts, a line each, found none", name());
    Ok(Language { code: texts.code.clone(), counts })
}

/// The script of each of so many tokens.
pub fn scripts(tokenizer: &FileTokenizer, rows: usize) -> Vec<&'static str> {
    let script = |id| match tokenizer.piece(id) {
        None => Script::Unknown.short_name(),
        Some(_) if tokenizer.is_special(id) => COMMON,
        Some(piece) => script_of(&piece),
    };
    (0..rows as u32).map(script).collect()
}

/// The script of the first letter that is of one; a byte that stands for itself is every script's.
fn script_of(piece: &str) -> &'static str {
    if piece.starts_with("<0x") && piece.ends_with('>') {
        return COMMON;
    }
    let own = |script: &Script| !matches!(script, Script::Common | Script::Inherited | Script::Unknown);
    piece.chars().map(|letter| letter.script()).find(own).map_or(COMMON, |script| script.short_name())
}

#[cfg(test)]
mod tests {
    use super::{COMMON, parse_texts, script_of};

    #[test]
    fn a_token_is_of_its_first_letters_script() {
        for (piece, script) in [
            ("▁Haus", "Latn"),
            ("##ing", "Latn"),
            ("▁и", "Cyrl"),
            ("9 кг", "Cyrl"),
            ("的", "Hani"),
            ("です", "Hira"),
            ("ー", COMMON),
            ("▁", COMMON),
            ("!?", COMMON),
            ("<0x41>", COMMON),
            ("\u{301}", COMMON),
            ("한국", "Hang"),
            ("", COMMON),
        ] {
            assert_eq!(script_of(piece), script, "{piece:?}");
        }
    }

    #[test]
    fn a_language_has_two_or_three_letters() {
        let texts = parse_texts("de=a=b.txt").expect("it is right");
        assert_eq!((texts.code.as_str(), texts.path.to_str()), ("de", Some("a=b.txt")));
        for wrong in ["", "de", "de=", "=a", "DE=a", "german=a", "../x=a", "d=a"] {
            assert!(parse_texts(wrong).is_err(), "{wrong:?}");
        }
    }
}
