//! What is to be embedded, in all the ways in which it is said: a text, texts, a text's token ids, several texts' token ids.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::serve::hosted::Input;

/// One text or several.
#[derive(Debug, PartialEq)]
pub struct Inputs {
    pub texts: Vec<Input>,
    /// Whether it was a list.
    pub is_list: bool,
}

const EXPECTED: &str = "a string, an array of strings, an array of token ids, or an array of such arrays";

/// Texts or ids that are read at most, so that a body of many small things is not a hundred times as large in memory. `--max-texts` and the deadline
/// are reached before.
const MOST: usize = 2_000_000;

/// One element of a list: a text, a token id, or a text's token ids. Nothing is kept of what is none of these.
enum Element {
    Text(String),
    Id(u32),
    Ids(Vec<u32>),
    Other(&'static str),
}

struct ElementVisitor;

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ElementVisitor)
    }
}

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = Element;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Element, E> {
        Ok(Element::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Element, E> {
        Ok(Element::Text(text))
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<Element, E> {
        u32::try_from(id).map(Element::Id).map_err(|_| E::custom(format!("expected a token id, found {id}")))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Element, E> {
        Err(E::custom(format!("expected a token id, found {number}")))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Element, E> {
        Err(E::custom(format!("expected a token id, found {number}")))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Element, E> {
        Ok(Element::Other("a boolean"))
    }

    fn visit_unit<E: Error>(self) -> Result<Element, E> {
        Ok(Element::Other("null"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Element, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Element::Other("an object"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Element, A::Error> {
        ids(&mut list, Vec::new()).map(Element::Ids)
    }
}

/// The rest of a list of token ids.
fn ids<'de, A: SeqAccess<'de>>(list: &mut A, mut ids: Vec<u32>) -> Result<Vec<u32>, A::Error> {
    loop {
        let place = ids.len();
        ids.push(match list.next_element::<Element>()? {
            None => return Ok(ids),
            Some(_) if place == MOST => return Err(A::Error::custom(format!("expected at most {MOST} token ids"))),
            Some(Element::Id(id)) => id,
            Some(other) => {
                return Err(A::Error::custom(format!("expected a token id, found {} at {place}", other.kind())));
            }
        });
    }
}

impl Element {
    fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Id(_) => "a number",
            Self::Ids(_) => "an array",
            Self::Other(kind) => kind,
        }
    }
}

impl<'de> Deserialize<'de> for Inputs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputsVisitor)
    }
}

struct InputsVisitor;

impl<'de> Visitor<'de> for InputsVisitor {
    type Value = Inputs;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Inputs, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Inputs, E> {
        Ok(Inputs { texts: vec![Input::Text(text)], is_list: false })
    }

    fn visit_unit<E: Error>(self) -> Result<Inputs, E> {
        Err(E::custom(format!("expected {EXPECTED}, found null")))
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Inputs, A::Error> {
        Err(A::Error::custom(format!("expected {EXPECTED}, found an object")))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Inputs, E> {
        Err(E::custom(format!("expected {EXPECTED}, found a number")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Inputs, A::Error> {
        let mut texts = Vec::new();
        while let Some(element) = list.next_element::<Element>()? {
            let place = texts.len();
            if place == MOST {
                return Err(A::Error::custom(format!("expected at most {MOST} texts")));
            }
            texts.push(match element {
                Element::Text(text) => Input::Text(text),
                Element::Ids(ids) => Input::Ids(ids),
                // A list of ids is one text.
                Element::Id(id) if place == 0 => {
                    let texts = vec![Input::Ids(ids(&mut list, vec![id])?)];
                    return Ok(Inputs { texts, is_list: false });
                }
                other => {
                    let found = other.kind();
                    return Err(A::Error::custom(format!("expected {EXPECTED}, found {found} at {place}")));
                }
            });
        }
        Ok(Inputs { texts, is_list: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_clients_send() {
        let of = |json: &str| serde_json::from_str::<Inputs>(json).map_err(|error| error.to_string());
        let text = |text: &str| Input::Text(text.to_owned());
        assert_eq!(of("\"a\""), Ok(Inputs { texts: vec![text("a")], is_list: false }));
        assert_eq!(of("[\"a\", \"\"]"), Ok(Inputs { texts: vec![text("a"), text("")], is_list: true }));
        assert_eq!(of("[]"), Ok(Inputs { texts: vec![], is_list: true }));
        assert_eq!(of("[1, 2]"), Ok(Inputs { texts: vec![Input::Ids(vec![1, 2])], is_list: false }));
        assert_eq!(
            of("[[1], [], \"a\"]").map(|it| it.texts),
            Ok(vec![Input::Ids(vec![1]), Input::Ids(vec![]), text("a")])
        );
        for (wrong, found) in [
            ("null", "null"),
            ("{}", "an object"),
            ("7", "a number"),
            ("[null]", "null at 0"),
            ("[\"a\", 1]", "a number at 1"),
        ] {
            assert!(of(wrong).is_err_and(|error| error.contains(found)), "{wrong}");
        }
        for wrong in ["[1, -1]", "[1.5]", "[4294967296]", "[1, \"a\"]", "[[1, null]]"] {
            assert!(of(wrong).is_err_and(|error| error.contains("a token id")), "{wrong}");
        }
    }
}
