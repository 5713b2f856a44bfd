//! The arguments of what changes deployments.

use clap::{Args, Subcommand};

use super::{ConfigArgument, Format};

#[derive(Debug, Subcommand)]
pub(crate) enum RolloutCommand {
    /// Have an experiment take its share of the units, as the next deployment.
    Start(ExperimentStartArguments),
    /// Change how many units take part. Nobody changes arms by it.
    Ramp(ExperimentRampArguments),
    /// End an experiment: its units are plain production again.
    Stop(ExperimentStopArguments),
}

impl RolloutCommand {
    pub(crate) fn config(&self) -> &std::path::Path {
        let (Self::Start(ExperimentStartArguments { config, .. })
        | Self::Ramp(ExperimentRampArguments { config, .. })
        | Self::Stop(ExperimentStopArguments { config, .. })) = self;
        &config.config
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeployCommand {
    /// Print what serves now.
    Show(DeployShowArguments),
    /// Print all deployments, the newest first.
    History(DeployShowArguments),
    /// Have other versions serve, as the next deployment. They are loaded and their golden rows scored before anything
    /// is put on record.
    Set(DeploySetArguments),
    /// Deploy again what was in force before.
    Rollback(DeployRollbackArguments),
}

#[derive(Debug, Args)]
pub(crate) struct DeployShowArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArgument,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct DeploySetArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArgument,
    /// The version that serves everybody outside experiments.
    #[arg(long, value_name = "VERSION")]
    pub(crate) production: Option<String>,
    /// A version that scores silently, all events or a share of them, such as `14=0.1`. May be given several times;
    /// other shadows stay.
    #[arg(long = "shadow", value_name = "VERSION[=SHARE]", value_parser = shadow_share)]
    pub(crate) shadows: Vec<ShadowShare>,
    /// Ends all shadows that are not named with `--shadow`.
    #[arg(long)]
    pub(crate) no_shadows: bool,
    /// Deploys what the configuration asks for: its production, shadows and experiments.
    #[arg(long, conflicts_with_all = ["production", "shadows", "no_shadows"])]
    pub(crate) as_configured: bool,
}

/// A shadow on the command line.
#[derive(Clone, Debug)]
pub(crate) struct ShadowShare {
    pub(crate) version: String,
    pub(crate) share: f64,
}

fn shadow_share(text: &str) -> Result<ShadowShare, String> {
    let (version, share) = match text.split_once('=') {
        None => (text, Ok(1.0)),
        Some((version, share)) => (version, share.parse()),
    };
    let share =
        share.map_err(|_| format!("`{text}`: the share is no number; 0.1 is a tenth of the events"))?;
    Ok(ShadowShare { version: version.to_owned(), share })
}

#[derive(Debug, Args)]
pub(crate) struct DeployRollbackArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArgument,
    /// The revision to go back to. Default: the one before the one in force.
    #[arg(long, value_name = "REVISION")]
    pub(crate) to: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct ExperimentStartArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArgument,
    /// The experiment, by the name in its definition in `experiment.directory`.
    pub(crate) name: String,
    /// The share of its range that takes part, above 0 up to 1. Default: the definition's.
    #[arg(long, value_name = "SHARE")]
    pub(crate) coverage: Option<f64>,
}

#[derive(Debug, Args)]
pub(crate) struct ExperimentRampArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArgument,
    /// The experiment.
    pub(crate) name: String,
    /// The share of its range that takes part, above 0 up to 1.
    pub(crate) coverage: f64,
}

#[derive(Debug, Args)]
pub(crate) struct ExperimentStopArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArgument,
    /// The experiment.
    pub(crate) name: String,
}
