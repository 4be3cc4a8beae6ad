//! The command line: which commands there are.

use std::process::ExitCode;

use clap::Parser;

use crate::commands::{
    bench, completions, devices, embed, eval, info, man, pack, pull, quantize, search, serve, similarity, verify,
};
use crate::report;
use crate::version::VERSION;

/// Text embedding on the GPU or the processor: sentence-transformers' vectors from sentence-transformers' models.
///
/// Vectors and answers go to standard output, everything else to standard error.
#[derive(Debug, Parser)]
#[command(name = "wembed", version = VERSION.as_str(), max_term_width = 100)]
pub enum Command {
    Embed(embed::Arguments),
    Similarity(similarity::Arguments),
    Search(search::Arguments),
    Eval(eval::Arguments),
    Devices(devices::Arguments),
    Info(info::Arguments),
    Pull(pull::Arguments),
    Pack(pack::Arguments),
    Quantize(quantize::Arguments),
    Verify(verify::Arguments),
    Serve(Box<serve::Arguments>),
    Bench(bench::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

/// The command that was asked for, or the exit code where the help was asked for or the words make no command.
pub fn parse() -> Result<Command, ExitCode> {
    Command::try_parse().map_err(|error| {
        if !error.use_stderr() {
            let printed = error.print();
            return if printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        report::say(error.render().to_string().trim_end());
        ExitCode::from(2)
    })
}

impl Command {
    /// Does it.
    pub fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Embed(arguments) => embed::run(arguments),
            Self::Similarity(arguments) => similarity::run(&arguments),
            Self::Search(arguments) => search::run(&arguments),
            Self::Eval(arguments) => eval::run(&arguments),
            Self::Devices(arguments) => devices::run(&arguments),
            Self::Info(arguments) => info::run(&arguments),
            Self::Pull(arguments) => pull::run(&arguments),
            Self::Pack(arguments) => pack::run(&arguments),
            Self::Quantize(arguments) => quantize::run(&arguments),
            Self::Verify(arguments) => verify::run(&arguments),
            Self::Serve(arguments) => serve::run(&arguments),
            Self::Bench(arguments) => bench::run(&arguments),
            Self::Completions(arguments) => completions::run(&arguments),
            Self::Man(arguments) => man::run(&arguments),
        }
    }
}
