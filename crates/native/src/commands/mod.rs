//! One command a file: its flags and what it does.

pub mod device_report;
pub mod devices;
pub mod embed;
pub mod eval;
pub mod info;
pub mod pack;
pub mod pull;
pub mod search;
pub mod serve;
pub mod similarity;
pub mod verify;
