//! Whole models against Hugging Face's own vectors.

mod invariance;
mod loss;
mod mutants;
mod real;
mod stored;
mod tiny;
