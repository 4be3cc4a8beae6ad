//! One command a file: its flags and what it does.

pub mod bench;
pub mod completions;
pub mod device_report;
pub mod devices;
pub mod embed;
pub mod eval;
pub mod info;
pub mod man;
pub mod pack;
pub mod pull;
pub mod quantize;
pub mod search;
pub mod serve;
pub mod similarity;
pub mod verify;
