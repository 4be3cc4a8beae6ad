//! The model of a tokenizer.json: how its words are cut into pieces.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use tokenizers::models::unigram::UnigramTrainer;
use tokenizers::models::{ModelWrapper, TrainerWrapper};
use tokenizers::{Result, Token};

use crate::unigram::{Pieces, Unigram};

/// A Unigram is ours; WordPiece, BPE and whole words are those of `tokenizers`.
#[derive(Debug)]
pub enum Model {
    Unigram(Unigram),
    Other(ModelWrapper),
}

impl tokenizers::Model for Model {
    type Trainer = TrainerWrapper;

    fn tokenize(&self, sequence: &str) -> Result<Vec<Token>> {
        match self {
            Self::Unigram(model) => Ok(model.tokenize(sequence)?),
            Self::Other(model) => model.tokenize(sequence),
        }
    }

    fn token_to_id(&self, token: &str) -> Option<u32> {
        match self {
            Self::Unigram(model) => model.find(token),
            Self::Other(model) => model.token_to_id(token),
        }
    }

    fn id_to_token(&self, id: u32) -> Option<String> {
        match self {
            Self::Unigram(model) => model.pieces().get(id).map(str::to_owned),
            Self::Other(model) => model.id_to_token(id),
        }
    }

    fn get_vocab(&self) -> HashMap<String, u32> {
        match self {
            Self::Unigram(model) => model.pieces().iter().map(|(id, piece)| (piece.to_owned(), id)).collect(),
            Self::Other(model) => model.get_vocab(),
        }
    }

    fn get_vocab_size(&self) -> usize {
        match self {
            Self::Unigram(model) => model.pieces().len(),
            Self::Other(model) => model.get_vocab_size(),
        }
    }

    /// Nothing here is ever saved.
    fn save(&self, _: &Path, _: Option<&str>) -> Result<Vec<PathBuf>> {
        Err("wembed reads tokenizers and writes none".into())
    }

    fn get_trainer(&self) -> Self::Trainer {
        match self {
            Self::Unigram(_) => UnigramTrainer::default().into(),
            Self::Other(model) => model.get_trainer(),
        }
    }
}

/// A model's vocabulary: a list of pieces and scores is a Unigram's, and goes where it stays; all else is a map of words to ids.
enum Vocabulary {
    Pieces(Pieces),
    Other(Value),
}

impl<'de> Deserialize<'de> for Model {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(ModelVisitor)
    }
}

struct ModelVisitor;

impl<'de> Visitor<'de> for ModelVisitor {
    type Value = Model;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Model, A::Error> {
        let mut pieces = None;
        let mut rest = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if key != "vocab" {
                rest.insert(key, map.next_value()?);
                continue;
            }
            match map.next_value()? {
                Vocabulary::Pieces(list) => pieces = Some(list),
                Vocabulary::Other(vocabulary) => drop(rest.insert(key, vocabulary)),
            }
        }
        // Old files do not say the type.
        let kind = rest.get("type").map_or(Some("Unigram"), Value::as_str);
        match pieces {
            Some(pieces) if kind == Some("Unigram") => unigram(pieces, rest),
            Some(_) => {
                let message =
                    format!("`vocab`: expected a map of words to ids, found a list: `type` is `{}`", rest["type"]);
                Err(A::Error::custom(message))
            }
            None => {
                let model = ModelWrapper::deserialize(Value::Object(rest));
                model.map(Model::Other).map_err(A::Error::custom)
            }
        }
    }
}

/// Our Unigram of these pieces and the model's other keys.
fn unigram<E: de::Error>(pieces: Pieces, mut rest: Map<String, Value>) -> std::result::Result<Model, E> {
    let unknown = read(&mut rest, "unk_id")?;
    let byte_fallback = read(&mut rest, "byte_fallback")?;
    Unigram::new(pieces, unknown, byte_fallback).map(Model::Unigram).map_err(E::custom)
}

/// Takes the value of a key out of a JSON object; where there is none, the type's own default.
fn read<T: DeserializeOwned + Default, E: de::Error>(
    object: &mut Map<String, Value>,
    key: &str,
) -> std::result::Result<T, E> {
    let value = object.remove(key).map(serde_json::from_value).transpose();
    value.map(Option::unwrap_or_default).map_err(|error| E::custom(format_args!("`{key}`: {error}")))
}

impl<'de> Deserialize<'de> for Vocabulary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(VocabularyVisitor)
    }
}

struct VocabularyVisitor;

impl<'de> Visitor<'de> for VocabularyVisitor {
    type Value = Vocabulary;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of pieces and their scores, or a map of words to ids")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> std::result::Result<Vocabulary, A::Error> {
        Pieces::read(list).map(Vocabulary::Pieces)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<Vocabulary, A::Error> {
        Value::deserialize(MapAccessDeserializer::new(map)).map(Vocabulary::Other)
    }
}
