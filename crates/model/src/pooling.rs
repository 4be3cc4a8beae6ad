//! The configuration of a Pooling module, in the old layout and the new.

use serde_json::{Map, Value};
use wembed_kernels::Pooling;

use crate::Error;
use crate::files::{Files, join, read_json};

/// The names of pooling modes: the new layout's value and, behind `pooling_mode_`, the old layout's booleans.
const NAMES: [(&str, &str, Pooling); 6] = [
    ("cls", "cls_token", Pooling::Cls),
    ("max", "max_tokens", Pooling::Max),
    ("mean", "mean_tokens", Pooling::Mean),
    ("mean_sqrt_len_tokens", "mean_sqrt_len_tokens", Pooling::MeanSqrtLen),
    ("weightedmean", "weightedmean_tokens", Pooling::WeightedMean),
    ("lasttoken", "lasttoken", Pooling::LastToken),
];

/// A pooling mode's name, as sentence-transformers writes it.
pub fn pooling_name(pooling: Pooling) -> &'static str {
    NAMES.iter().find(|row| row.2 == pooling).map_or("", |row| row.0)
}

/// Reads a Pooling module: its modes as they stand side by side, and whether a prompt's tokens are pooled.
pub(crate) async fn read(files: &impl Files, folder: &str) -> Result<(Vec<Pooling>, bool), Error> {
    let path = join(folder, "config.json");
    let Some(config) = read_json::<Map<String, Value>>(files, &path).await? else {
        return Err(Error::missing(path, "a Pooling module has one"));
    };
    let mut chosen = Vec::new();
    let mut include_prompt = true;
    for (key, value) in &config {
        let mode = key.strip_prefix("pooling_mode_").and_then(|name| NAMES.iter().find(|row| row.1 == name));
        match (key.as_str(), mode) {
            ("include_prompt", _) => include_prompt = boolean(&path, key, value)?,
            // The encoder's own width counts, whatever these say.
            ("word_embedding_dimension" | "embedding_dimension" | "pooling_mode", _) => {}
            (_, Some(row)) if boolean(&path, key, value)? => chosen.push(row.2),
            (_, Some(_)) => {}
            (_, None) => return Err(Error::unknown(&path, key, "a key of sentence-transformers' Pooling", value)),
        }
    }
    let modes = match config.get("pooling_mode") {
        Some(mode) => new_modes(&path, mode)?,
        // What sentence-transformers takes where nothing is chosen.
        None if chosen.is_empty() => vec![Pooling::Mean],
        // sentence-transformers' own order, whatever the file's.
        None => NAMES.iter().map(|row| row.2).filter(|mode| chosen.contains(mode)).collect(),
    };
    Ok((modes, include_prompt))
}

fn boolean(path: &str, key: &str, value: &Value) -> Result<bool, Error> {
    value.as_bool().ok_or_else(|| Error::unknown(path, key, "true or false", value))
}

/// The new layout's `pooling_mode`: a name or a list of names, in the order of the vector.
fn new_modes(path: &str, mode: &Value) -> Result<Vec<Pooling>, Error> {
    let names = match mode {
        Value::Array(names) => names.iter().collect(),
        name => vec![name],
    };
    let find = |name: &Value| {
        let found = NAMES.iter().find(|row| name.as_str() == Some(row.0)).map(|row| row.2);
        let expected = || NAMES.map(|row| row.0).join(", ");
        found.ok_or_else(|| Error::unknown(path, "pooling_mode", format!("some of {}", expected()), name))
    };
    let modes = names.into_iter().map(find).collect::<Result<Vec<_>, _>>()?;
    if modes.is_empty() { Err(Error::unknown(path, "pooling_mode", "at least one mode", "[]")) } else { Ok(modes) }
}
