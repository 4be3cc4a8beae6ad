//! Every bad input ends in an error that names the thing, what was expected and what was found: nothing panics, no NaN
//! leaves the program.
//!
//! Each table holds (name, what is changed in the files of a tiny model, what the error must say). The whole chain of
//! causes counts, as a user sees it.

#![allow(clippy::unwrap_used, reason = "what surprises a test fails it")]

mod case;
mod checkpoint;
mod config;
mod header;
mod modules;
mod options;
mod quantized;
mod reading;
mod sentence;
mod tensors;
mod texts;
mod tokenizer;
mod unigram;
mod weights;
