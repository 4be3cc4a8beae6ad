//! What is to be embedded, in all the ways in which it is said: a text, texts, a text's token ids, several texts' token ids.

use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::Value;

use crate::serve::hosted::Input;

/// One text or several.
#[derive(Debug, PartialEq)]
pub struct Inputs {
    pub texts: Vec<Input>,
    /// Whether it was a list.
    pub is_list: bool,
}

const EXPECTED: &str = "expected a string, an array of strings, an array of token ids, or an array of such arrays";

impl<'de> Deserialize<'de> for Inputs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Inputs {
    fn of(value: Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Ok(Self { texts: vec![Input::Text(text)], is_list: false }),
            Value::Array(values) if values.first().is_some_and(Value::is_number) => {
                Ok(Self { texts: vec![Input::Ids(ids(&values, "")?)], is_list: false })
            }
            Value::Array(values) => {
                let text = |(index, value)| match value {
                    Value::String(text) => Ok(Input::Text(text)),
                    Value::Array(values) => ids(&values, &format!("{index}, ")).map(Input::Ids),
                    other => Err(format!("{EXPECTED}, found {} at {index}", kind(&other))),
                };
                Ok(Self { texts: values.into_iter().enumerate().map(text).collect::<Result<_, _>>()?, is_list: true })
            }
            other => Err(format!("{EXPECTED}, found {}", kind(&other))),
        }
    }
}

fn ids(values: &[Value], place: &str) -> Result<Vec<u32>, String> {
    let id = |(index, value): (usize, &Value)| {
        let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
        id.ok_or_else(|| format!("expected a token id, found {value:.40} at {place}{index}", value = value.to_string()))
    };
    values.iter().enumerate().map(id).collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
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
