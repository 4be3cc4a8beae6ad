//! An embedding server: models behind HTTP, in the forms that clients speak.
//!
//! A request's way: [`router`] takes it, one of `dialects` reads it, [`App`] asks `Hosted` for its vectors, which looks into the
//! cache, tokenises what is new on the request's side and puts it into the [`queue`]; the engine's one thread takes batches from there.

mod app;
mod aside;
mod body;
mod cache;
mod demo;
mod dialects;
mod disk;
mod ending;
#[cfg(feature = "faults")]
mod faults;
mod guard;
mod hosted;
mod listen;
mod lock;
mod metrics;
mod models;
mod problem;
pub mod queue;
mod rest;
mod router;

pub use app::{App, Limits};
pub use cache::Cache;
pub use demo::Demo;
pub use dialects::ollama::parse_duration;
pub use disk::Disk;
pub use ending::Ends;
pub use guard::Guard;
pub use hosted::{Computes, Model};
pub use listen::Listener;
pub use lock::{Lock, Locked};
pub use models::{Entry, Load};
pub use router::router;
