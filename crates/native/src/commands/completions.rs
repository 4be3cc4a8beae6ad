//! `wembed completions`: what a shell needs to complete commands and flags.

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use crate::arguments::Command;
use crate::destination::Destination;

/// Print what a shell needs to complete wembed's commands and flags
#[derive(Debug, Args)]
pub struct Arguments {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut Command::command(), "wembed", &mut script);
    Destination::standard_output().print(&String::from_utf8(script)?)
}
