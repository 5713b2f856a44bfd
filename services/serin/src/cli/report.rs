//! The arguments of `serin experiment report`.

use clap::{Args, ValueEnum};

use super::ConfigArgument;

#[derive(Args, Debug)]
pub(crate) struct ExperimentReportArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArgument,
    /// The experiment, by the name in its definition.
    pub(crate) name: String,
    /// How the report is printed.
    #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
    pub(crate) format: ReportFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// A page for people.
    Table,
    /// All of it, for programs.
    Json,
    /// A line for each metric and arm, for spreadsheets.
    Csv,
}
