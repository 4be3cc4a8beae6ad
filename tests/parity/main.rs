//! Whole models against Hugging Face's own vectors.

#![expect(clippy::unwrap_used, reason = "a test that unwraps an error fails and says it")]

mod fingerprint;
mod invariance;
mod long;
mod loss;
mod mutants;
mod quantized;
mod real;
mod stored;
mod tiny;
