//! What the `wembed` binary is made of, for programs that want the same.

mod directory;
pub mod hub;

pub use directory::Directory;
