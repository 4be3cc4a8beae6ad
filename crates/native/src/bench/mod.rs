//! `wembed bench`: how fast a server answers, in the configurations of the benchmark whose sidecar wembed replaces, so that old results and new ones lie
//! side by side.

mod api;
mod chart;
mod command_line;
mod compare;
mod export;
mod facts;
mod grid;
mod html;
mod in_process;
mod lorem;
mod measure;
mod memory;
mod own;
mod row;
mod sidecar;
pub mod written;

pub use api::{Api, Clients, Server};
pub use compare::Earlier;
pub use export::{csv, json};
pub use facts::{facts, seed};
pub use grid::{Configuration, Kind, grid, realistic};
pub use html::html;
pub use in_process::InProcess;
pub use lorem::Source;
pub use measure::{Target, measure, work};
pub use memory::Watch;
pub use own::{Load, Own};
pub use row::Row;
pub use written::Extent;
