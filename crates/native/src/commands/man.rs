//! `wembed man`: the manual's pages, one a command.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::{Args, CommandFactory as _};

use crate::arguments::Command;

/// Write the manual's pages, `wembed.1` and one for each command
#[derive(Debug, Args)]
pub struct Arguments {
    /// The folder to write them into
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = &arguments.folder;
    ensure!(!folder.is_file(), "`{}`: expected a folder, found a file", folder.display());
    let said = || format!("`{}` could not be written", folder.display());
    std::fs::create_dir_all(folder).with_context(said)?;
    clap_mangen::generate_to(Command::command(), folder).with_context(said)
}
