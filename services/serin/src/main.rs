//! serin: event-streaming inference with experiments built in. One binary for every role.

mod analyze;
mod check;
mod cli;
mod client;
mod config;
mod demo;
mod deploy;
mod health;
mod lines;
mod model;
mod produce;
mod progress;
mod redrive;
mod report;
mod schema;
mod score;
mod services;
mod stats;
mod tail;

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use runtime::telemetry::{Level, Logging};

use crate::cli::{Cli, Command, ExperimentCommand, ModelCommand};

fn main() -> ExitCode {
    // Before there is a second thread: see `inference::prepare_process`.
    if let Err(error) = inference::prepare_process() {
        return runtime::entry::exit(Err(error.into()));
    }
    let environment = runtime::config::environment();
    match Cli::try_parse() {
        Ok(cli) => run(cli, environment),
        Err(error) => refuse(&error),
    }
}

/// Help and version are answers; anything else is a command line that cannot be meant.
fn refuse(error: &clap::Error) -> ExitCode {
    let is_fault = error.use_stderr();
    // A reader that has gone needs no help.
    drop(error.print());
    if is_fault { ExitCode::from(runtime::entry::USAGE) } else { ExitCode::SUCCESS }
}

fn run(cli: Cli, environment: BTreeMap<String, String>) -> ExitCode {
    let level = if cli.command.is_quiet() { Level::warn() } else { Level::default() };
    let logging = Logging { format: cli.log_format.into(), level };
    if let Err(error) = runtime::telemetry::install_logging(&logging, &environment) {
        return runtime::entry::exit(Err(error.into()));
    }
    match cli.command {
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "serin", &mut std::io::stdout());
            ExitCode::SUCCESS
        }
        Command::Model { command } => runtime::entry::exit(match command {
            ModelCommand::Init(arguments) => model::init(&arguments),
            ModelCommand::Check(arguments) => model::check(&arguments),
            ModelCommand::List(arguments) => model::list(&arguments),
            ModelCommand::Publish(arguments) => model::publish(&arguments),
        }),
        Command::Experiment { command: ExperimentCommand::Check(arguments) } => {
            runtime::entry::exit(check::experiment(&arguments))
        }
        Command::Experiment { command: ExperimentCommand::Report(arguments) } => {
            runtime::main(|shutdown| report::run(arguments, environment, shutdown))
        }
        Command::Experiment { command: ExperimentCommand::Rollout(command) } => {
            runtime::main(|shutdown| deploy::rollout(command, environment, shutdown))
        }
        Command::Deploy { command } => runtime::main(|shutdown| deploy::run(command, environment, shutdown)),
        Command::Stats { command } => runtime::entry::exit(stats::run(command)),
        Command::Up(arguments) => {
            runtime::main(|shutdown| services::run(arguments, services::Roles::ALL, environment, shutdown))
        }
        Command::Stream(arguments) => {
            let roles = services::Roles::stream(arguments.lanes.into());
            runtime::main(|shutdown| services::run(arguments.service, roles, environment, shutdown))
        }
        Command::Analyze(arguments) => {
            runtime::main(|shutdown| analyze::run(arguments, environment, shutdown))
        }
        Command::Health(arguments) => runtime::entry::exit(health::run(&arguments, &environment)),
        Command::Produce(arguments) => {
            runtime::main(|shutdown| produce::run(arguments, environment, shutdown))
        }
        Command::Redrive(arguments) => {
            runtime::main(|shutdown| redrive::run(arguments, environment, shutdown))
        }
        Command::Score(arguments) => runtime::main(|shutdown| score::run(arguments, environment, shutdown)),
        Command::Schema { command } => runtime::main(|shutdown| schema::run(command, environment, shutdown)),
        Command::Tail(arguments) => runtime::main(|shutdown| tail::run(arguments, environment, shutdown)),
        Command::Demo(arguments) => runtime::main(|shutdown| demo::run(arguments, environment, shutdown)),
    }
}

/// Whether standard error is a terminal that understands more than text.
fn is_interactive() -> bool {
    std::io::stderr().is_terminal()
}
