//! `serin stats`: the tests, for those who have numbers and no stream.

mod arguments;
mod bulk;
mod compare;
mod counts;
mod plan;
mod report;

pub(crate) use arguments::StatsCommand;

use std::io::Write as _;

use runtime::Output;

/// Does what was asked for.
pub(crate) fn run(command: StatsCommand) -> anyhow::Result<()> {
    match command {
        StatsCommand::Run(arguments) => bulk::run(&arguments),
        StatsCommand::Methods => methods(),
        StatsCommand::Proportions(arguments) => {
            compare::proportions(&arguments)?.print(arguments.shown.format)
        }
        StatsCommand::Means(arguments) => compare::means(&arguments)?.print(arguments.shown.format),
        StatsCommand::Rates(arguments) => compare::rates(&arguments)?.print(arguments.shown.format),
        StatsCommand::Mcnemar(arguments) => counts::mcnemar(&arguments)?.print(arguments.shown.format),
        StatsCommand::Split(arguments) => counts::split(&arguments)?.print(arguments.shown.format),
        StatsCommand::Adjust(arguments) => counts::adjust(&arguments).print(arguments.format),
        StatsCommand::Power { command } => plan::run(&command),
    }
}

fn methods() -> anyhow::Result<()> {
    let mut out = Output::stdout();
    for name in calculator::names() {
        writeln!(out, "{name}")?;
    }
    Ok(out.flush()?)
}
