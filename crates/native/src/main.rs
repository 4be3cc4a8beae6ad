//! The `wembed` command.

fn main() {}
