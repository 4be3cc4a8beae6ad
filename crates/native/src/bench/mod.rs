//! `wembed bench`: how fast a server answers, in the configurations of the benchmark whose sidecar wembed replaces, so that old results and new ones lie
//! side by side.

mod api;
mod chart;
mod compare;
mod export;
mod grid;
mod html;
mod in_process;
mod lorem;
mod measure;
mod memory;
mod own;
mod row;
mod sidecar;

pub use api::{Api, Server};
pub use compare::slower;
pub use export::{csv, json};
pub use grid::{Configuration, Kind, grid, realistic};
pub use html::html;
pub use in_process::InProcess;
pub use lorem::Source;
pub use measure::{Target, measure, requests};
pub use memory::Watch;
pub use own::Own;
pub use row::Row;
