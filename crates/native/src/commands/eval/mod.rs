//! `wembed eval`: how well a model does on a person's own data.

mod embedded;
mod pairs;
mod retrieval;
mod rows;
mod sts;

use clap::{Args, Subcommand};

/// Measure how well a model does on your own data
///
/// Scores go to standard output, as a table or as JSON.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    Sts(sts::Arguments),
    Pairs(pairs::Arguments),
    Retrieval(retrieval::Arguments),
}

/// Measures.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.task {
        Task::Sts(arguments) => sts::run(arguments),
        Task::Pairs(arguments) => pairs::run(arguments),
        Task::Retrieval(arguments) => retrieval::run(arguments),
    }
}
