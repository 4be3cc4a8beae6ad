//! Which rows of a word table go into which pack: those that texts need often are together, by who needs them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use anyhow::ensure;

/// ISO 15924's name for what every script uses.
pub const COMMON: &str = "Zyyy";

/// ISO 15924's name for a script that is not said.
const UNKNOWN: &str = "Zzzz";

/// Scripts with fewer rows that texts seldom need have no pack of their own for them.
const FEW: usize = 256;

/// The part of a language's tokens from which on a script is one that it is written in.
const WRITTEN_IN: f64 = 0.05;

/// How often a language's texts need each row.
pub struct Language {
    /// As BCP 47 names it.
    pub code: String,
    /// By row.
    pub counts: Vec<u32>,
}

/// A pack that is to be.
#[derive(Debug, PartialEq)]
pub struct Planned {
    /// Its file's name, without the ending.
    pub name: String,
    pub script: String,
    pub language: Option<String>,
    pub rest: bool,
    /// Ascending.
    pub rows: Vec<u32>,
}

/// Who needs a row, in the order in which packs are listed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Home<'a> {
    /// Languages of several scripts, or every text.
    Common,
    /// Several languages of one script; without languages the script's most frequent tokens.
    Script(&'a str),
    /// One language: its number.
    Language(usize),
    /// Hardly any text.
    Rest(&'a str),
}

/// The packs of a table whose rows' tokens are of these scripts, none larger than `most` rows. Without languages the rows that a
/// vocabulary has first count as those that texts need: most are sorted by how often that is.
pub fn plan(scripts: &[&str], languages: &[Language], most: usize) -> anyhow::Result<Vec<Planned>> {
    let written: Vec<_> = languages.iter().map(|language| written_in(scripts, &language.counts)).collect();
    let mut users = vec![Vec::new(); scripts.len()];
    for (number, language) in languages.iter().enumerate() {
        for row in needed(&language.counts, most) {
            users[row].push(number);
        }
    }
    let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
    let mut homes: BTreeMap<Home<'_>, Vec<u32>> = BTreeMap::new();
    for (row, (&script, users)) in scripts.iter().zip(&users).enumerate() {
        let home = match users[..] {
            [] if languages.is_empty() && script != COMMON => {
                let taken = taken.entry(script).or_default();
                *taken += 1;
                match script {
                    UNKNOWN => Home::Rest(script),
                    _ if *taken <= most => Home::Script(script),
                    _ => Home::Rest(script),
                }
            }
            // Digits, marks and brackets are in everybody's texts, if not in those that were counted; so are special tokens.
            _ if script == COMMON => Home::Common,
            [] => Home::Rest(script),
            [language] => Home::Language(language),
            _ if users.iter().all(|&user| written[user].contains(&script)) => Home::Script(script),
            _ => Home::Common,
        };
        homes.entry(home).or_default().push(row as u32);
    }
    gather_few(&mut homes);
    let mut packs = Vec::new();
    for (home, rows) in homes {
        let (name, script, language, rest) = match home {
            Home::Common => (COMMON.to_owned(), COMMON, None, false),
            Home::Script(script) => (script.to_owned(), script, None, false),
            Home::Language(number) => {
                let code = &languages[number].code;
                (code.clone(), written[number].first().copied().unwrap_or(COMMON), Some(code.clone()), false)
            }
            Home::Rest(script) => (format!("{script}-rest"), script, None, true),
        };
        let parts = rows.len().div_ceil(most);
        for (part, rows) in rows.chunks(most).enumerate() {
            let name = if parts > 1 { format!("{name}-{}", part + 1) } else { name.clone() };
            packs.push(Planned {
                name,
                script: script.to_owned(),
                language: language.clone(),
                rest,
                rows: rows.to_owned(),
            });
        }
    }
    let largest = usize::from(u8::MAX) + 1;
    ensure!(
        packs.len() <= largest,
        "expected at most {largest} packs, found {}: with a larger --pack-size there are fewer",
        packs.len()
    );
    Ok(packs)
}

/// The rows that a language's texts need, the most frequent ones where they are more than a pack's.
fn needed(counts: &[u32], most: usize) -> Vec<usize> {
    let mut rows: Vec<_> = (0..counts.len()).filter(|&row| counts[row] > 0).collect();
    rows.sort_by_key(|&row| Reverse(counts[row]));
    rows.truncate(most);
    rows
}

/// The scripts that a language is written in, the one with most tokens first.
fn written_in<'a>(scripts: &[&'a str], counts: &[u32]) -> Vec<&'a str> {
    let mut tokens: BTreeMap<&str, u64> = BTreeMap::new();
    for (&script, &count) in scripts.iter().zip(counts).filter(|(script, _)| **script != COMMON) {
        *tokens.entry(script).or_default() += u64::from(count);
    }
    let all: u64 = tokens.values().sum();
    let mut written: Vec<_> = tokens.into_iter().collect();
    written.retain(|&(_, count)| count as f64 >= WRITTEN_IN * all as f64 && count > 0);
    written.sort_by_key(|&(_, count)| Reverse(count));
    written.into_iter().map(|(script, _)| script).collect()
}

/// Puts together what is left of scripts of which little is left.
fn gather_few(homes: &mut BTreeMap<Home<'_>, Vec<u32>>) {
    let few = |home: &Home<'_>, rows: &mut Vec<u32>| matches!(home, Home::Rest(_)) && rows.len() < FEW;
    let mut together: Vec<u32> = homes.extract_if(.., few).flat_map(|(_, rows)| rows).collect();
    if !together.is_empty() {
        together.append(homes.entry(Home::Rest(UNKNOWN)).or_default());
        together.sort_unstable();
        homes.insert(Home::Rest(UNKNOWN), together);
    }
}

#[cfg(test)]
mod tests {
    use super::{COMMON, FEW, Language, Planned, plan};

    fn names(packs: &[Planned]) -> Vec<(&str, &[u32])> {
        packs.iter().map(|pack| (pack.name.as_str(), pack.rows.as_slice())).collect()
    }

    fn language(code: &str, counts: &[u32]) -> Language {
        Language { code: code.to_owned(), counts: counts.to_owned() }
    }

    #[test]
    fn a_row_goes_to_those_who_need_it() {
        let scripts = [COMMON, "Latn", "Latn", "Latn", "Hani", "Hani", "Hira", "Latn", "Zzzz"];
        let languages = [
            language("de", &[9, 9, 9, 0, 0, 0, 0, 0, 0]),
            language("en", &[9, 9, 0, 9, 0, 0, 0, 1, 0]),
            language("zh", &[9, 0, 0, 0, 40, 9, 0, 1, 0]),
            language("ja", &[9, 0, 0, 0, 40, 0, 9, 0, 0]),
        ];
        let packs = plan(&scripts, &languages, 100).expect("there are few");
        let expected: [(&str, &[u32]); 7] = [
            (COMMON, &[0, 7]), // the second is Latin, but Chinese texts have it too
            ("Hani", &[4]),
            ("Latn", &[1]),
            ("de", &[2]),
            ("en", &[3]),
            ("zh", &[5]),
            ("ja", &[6]),
        ];
        assert_eq!(names(&packs)[..7], expected);
        assert_eq!(names(&packs)[7..], [("Zzzz-rest", &[8][..])]);
        let ja = &packs[6];
        assert_eq!((ja.language.as_deref(), ja.script.as_str(), ja.rest), (Some("ja"), "Hani", false));
    }

    #[test]
    fn without_texts_the_first_tokens_of_each_script_come_first() {
        let scripts: Vec<_> = (0..2000).map(|row| ["Latn", "Grek", COMMON, "Latn"][row % 4]).collect();
        let packs = plan(&scripts, &[], 600).expect("there are few");
        let sizes: Vec<_> = packs.iter().map(|pack| (pack.name.as_str(), pack.rows.len(), pack.rest)).collect();
        assert_eq!(sizes, [(COMMON, 500, false), ("Grek", 500, false), ("Latn", 600, false), ("Latn-rest", 400, true)]);
        assert_eq!(packs[2].rows[..4], [0, 3, 4, 7]);
    }

    #[test]
    fn every_row_is_in_one_pack() {
        let rows = 5000;
        let scripts: Vec<_> = (0..rows).map(|row| [COMMON, "Latn", "Cyrl", "Geor"][row * 7 % 31 % 4]).collect();
        let counts = |step: usize| (0..rows).map(|row| u32::from(row % step == 0) * row as u32).collect::<Vec<_>>();
        let languages = [language("de", &counts(3)), language("ru", &counts(5)), language("en", &counts(7))];
        for (languages, most) in [(&languages[..], 300), (&languages[..], 5000), (&languages[..0], 300)] {
            let packs = plan(&scripts, languages, most).expect("there are few");
            let mut all: Vec<_> = packs.iter().flat_map(|pack| pack.rows.iter().copied()).collect();
            all.sort_unstable();
            assert_eq!(all, (0..rows as u32).collect::<Vec<_>>());
            for pack in &packs {
                assert!(pack.rows.len() <= most && pack.rows.is_sorted(), "{}", pack.name);
            }
            let mut names: Vec<_> = packs.iter().map(|pack| &pack.name).collect();
            names.dedup();
            assert_eq!(names.len(), packs.len());
        }
    }

    #[test]
    fn scripts_of_few_rows_share_what_is_left() {
        let mut scripts = vec!["Latn"; FEW];
        scripts.extend(["Geor", "Armn"]);
        let languages = [language("en", &vec![0; scripts.len()])];
        let packs = plan(&scripts, &languages, 1000).expect("there are few");
        assert_eq!(packs.iter().map(|pack| pack.name.as_str()).collect::<Vec<_>>(), ["Latn-rest", "Zzzz-rest"]);
    }

    #[test]
    fn more_packs_than_can_be_numbered_are_refused() {
        let error = plan(&["Latn"; 300], &[], 1).expect_err("there are 300");
        assert!(error.to_string().contains("--pack-size"), "{error}");
    }
}
