//! The `wembed` binary as its users run it.

mod bad_models;
mod bad_words;
mod bench;
mod built_in;
mod columns;
mod device;
mod embed;
mod eval;
mod forms;
mod generated;
mod info;
mod input;
mod kill;
mod meaning;
mod memory;
mod models;
mod output;
mod pack;
mod precision;
mod quantize;
mod resume;
mod run;
mod search;
#[path = "../../../../tests/shared.rs"]
mod shared;
mod similarity;
#[path = "../../../../tests/skip.rs"]
mod skip;
mod verify;
