//! Models by name, from a hub that runs on this machine and does not always do what it should.

mod access;
mod faults;
mod first_use;
#[expect(dead_code, reason = "the other tests of the binary use the rest")]
#[path = "../command_line/models.rs"]
mod models;
mod place;
mod processes;
#[expect(dead_code, reason = "the other tests of the binary use the rest")]
#[path = "../command_line/run.rs"]
mod run;
mod server;
#[path = "../../../../tests/skip.rs"]
mod skip;
