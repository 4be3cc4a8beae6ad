//! What is known of the vectors of real weights, from others' tests and from sentence-transformers itself, for holding a user's own
//! download and device to it.

use anyhow::{Context as _, ensure};
use serde::Deserialize;

/// What is known of a model.
#[derive(Debug)]
pub struct Published {
    /// Its name on the hub, or in this program.
    pub id: &'static str,
    /// What its vectors must be.
    pub claims: &'static [Claim],
}

/// Something about the vectors of one text or several.
#[derive(Debug)]
pub struct Claim {
    /// What must be so.
    pub values: Values,
    /// Who says so.
    pub source: &'static str,
}

/// The form in which values were published.
#[derive(Debug)]
pub enum Values {
    /// The first values of a text's vector, rounded to so many places.
    First { text: &'static str, values: &'static [f64], within: f64 },
    /// The sums of texts' vectors of length 1, as far as those who published them hold to them.
    Sums { texts: &'static [&'static str], sums: &'static [f64], within: f64 },
    /// Whole vectors.
    Whole(&'static str),
}

/// Texts and their vectors.
#[derive(Debug, Deserialize)]
pub struct Whole {
    pub texts: Vec<String>,
    pub vectors: Vec<Vec<f64>>,
}

impl Whole {
    /// Reads what is compiled in.
    pub fn read(json: &str) -> anyhow::Result<Self> {
        let whole: Self =
            serde_json::from_str(json).context("the reference vectors are not what they were compiled in as")?;
        ensure!(
            !whole.texts.is_empty() && whole.texts.len() == whole.vectors.len(),
            "expected a reference vector for each of {} texts, found {}",
            whole.texts.len(),
            whole.vectors.len()
        );
        Ok(whole)
    }
}

/// Every model of which something is known.
pub const PUBLISHED: [Published; 3] = [
    Published {
        id: "wembed-mini",
        claims: &[Claim {
            values: Values::Whole(include_str!("published/wembed-mini.json")),
            source: "sentence-transformers 6.2.0 in f64, on its f16 form (models/train/vectors.py)",
        }],
    },
    Published {
        id: "sentence-transformers/all-MiniLM-L6-v2",
        claims: &[Claim {
            values: Values::Whole(include_str!("published/all-MiniLM-L6-v2.json")),
            source: "computed for wembed by sentence-transformers 6.2.0 in f64 (tests/golden/make_golden.py)",
        }],
    },
    Published {
        id: "sentence-transformers/paraphrase-multilingual-mpnet-base-v2",
        claims: &[
            Claim {
                values: Values::First {
                    text: "hello world",
                    values: &[0.0047, 0.1334, -0.0102, 0.0714, 0.1930],
                    within: 1e-3,
                },
                source: "qdrant/fastembed 0.8.0, tests/test_text_onnx_embeddings.py",
            },
            Claim {
                values: Values::Sums {
                    texts: &[
                        "Hello, World!",
                        "This is an example passage.",
                        "fastembed-rs is licensed under Apache-2.0",
                        "Some other short text here blah blah blah",
                    ],
                    sums: &[0.391_321_36, 0.494_906_25, 0.654_972_26, 0.342_373_82],
                    within: 1e-2,
                },
                source: "Anush008/fastembed-rs 6.0.0, tests/text-embeddings.rs",
            },
        ],
    },
];
