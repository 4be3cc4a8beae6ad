//! What the `wembed` binary is made of, for programs that want the same.

mod directory;
mod files;
pub mod hub;
pub mod serve;

pub use directory::Directory;
pub use files::{BUILT_IN, BuiltIn, ModelFiles};
