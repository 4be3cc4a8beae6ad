//! A document's blocks and names.

use std::fs;
use std::path::{Path, PathBuf};

/// What stands in a fence.
#[derive(Debug, PartialEq, Eq)]
pub enum Language {
    /// `sh`: commands.
    Shell,
    /// `console`: commands after a `$`, and what they print.
    Console,
    Other,
}

#[derive(Debug)]
pub struct Block {
    /// `docs/serve.md:12`.
    pub place: String,
    pub language: Language,
    pub text: String,
}

#[derive(Debug)]
pub struct Document {
    /// From the root of the repository.
    pub path: String,
    pub blocks: Vec<Block>,
    /// Lines outside of fences that are indented by four.
    pub indented: Vec<String>,
    /// What stands between single backticks, and where.
    pub spans: Vec<(String, String)>,
    /// Where links lead to, and where they stand.
    pub links: Vec<(String, String)>,
    /// The names that links may lead to.
    pub anchors: Vec<String>,
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

/// Every document that is for users.
pub fn documents() -> Vec<Document> {
    let root = root();
    let mut paths = vec![
        "README.md".to_owned(),
        "models/wembed-mini/README.md".to_owned(),
        "crates/wasm/README.md".to_owned(),
        "examples/supervisor/README.md".to_owned(),
    ];
    let mut docs: Vec<_> =
        fs::read_dir(root.join("docs")).expect("docs").map(|entry| entry.expect("docs").path()).collect();
    docs.sort();
    let names = docs.iter().filter_map(|path| path.file_name()?.to_str()).filter(|name| name.ends_with(".md"));
    paths.extend(names.map(|name| format!("docs/{name}")));
    paths.into_iter().map(|path| read(&root, path)).collect()
}

fn read(root: &Path, path: String) -> Document {
    let text = fs::read_to_string(root.join(&path)).expect("a document");
    let mut document = Document {
        path,
        blocks: Vec::new(),
        indented: Vec::new(),
        spans: Vec::new(),
        links: Vec::new(),
        anchors: Vec::new(),
    };
    let mut open: Option<Block> = None;
    for (number, line) in text.lines().enumerate() {
        let place = format!("{}:{}", document.path, number + 1);
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some(_)) => document.blocks.extend(open.take()),
            (Some(block), None) => block.text = format!("{}{line}\n", block.text),
            (None, Some(language)) => {
                let language = match language {
                    "sh" => Language::Shell,
                    "console" => Language::Console,
                    // Run by tests/browser/package/docs.test.mjs, but for the last three.
                    "js" | "html" | "ts" | "json" | "mermaid" => Language::Other,
                    _ => {
                        panic!("{place}: a fence of `{language}`: expected sh, console, js, html, ts, json or mermaid")
                    }
                };
                open = Some(Block { place, language, text: String::new() });
            }
            (None, None) if line.starts_with("    ") => document.indented.push(line.to_owned()),
            (None, None) => {
                document.spans.extend(line.split('`').skip(1).step_by(2).map(|span| (place.clone(), span.to_owned())));
                let links = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
                document.links.extend(links.map(|link| (place.clone(), link.to_owned())));
                if let Some(title) = line.strip_prefix('#') {
                    document.anchors.push(anchor(title.trim_start_matches('#').trim()));
                }
            }
        }
    }
    assert!(open.is_none(), "{}: a fence is not closed", document.path);
    document
}

/// As hosts of repositories make it.
fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|char| char.is_alphanumeric() || " -_".contains(*char));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}
