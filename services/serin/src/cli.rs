//! The command line.

mod deploy;
mod report;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use runtime::telemetry::LogFormat;

pub(crate) use self::deploy::{
    DeployCommand, DeploySetArguments, DeployShowArguments, RolloutCommand, ShadowShare,
};
pub(crate) use self::report::{ExperimentReportArguments, ReportFormat};
use crate::stats::StatsCommand;

/// Scores streams of events with production, shadow and canary models, and tells which model is better.
#[derive(Debug, Parser)]
#[command(name = "serin", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// How the log on standard error is written; its level is set by SERIN_LOG.
    #[arg(long, global = true, value_enum, default_value_t = LogStyle::Text)]
    pub(crate) log_format: LogStyle,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogStyle {
    /// A line of text, for people.
    Text,
    /// A line of JSON, for programs.
    Json,
}

impl From<LogStyle> for LogFormat {
    fn from(style: LogStyle) -> Self {
        match style {
            LogStyle::Text => Self::Text,
            LogStyle::Json => Self::Json,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run every service in one process.
    Up(ServiceArguments),
    /// Run the stream scorer alone: the production lane and the shadow lanes.
    Stream(StreamArguments),
    /// Join outcomes to predictions and report on the experiments.
    Analyze(AnalyzeArguments),
    /// Score the feature events of a file.
    Score(ScoreArguments),
    /// Put the lines of a file on a topic.
    Produce(ProduceArguments),
    /// Print the records of a topic.
    Tail(TailArguments),
    /// Send dead letters back to where they came from, after a fix.
    Redrive(RedriveArguments),
    /// Work with our own schemas in the schema registry.
    Schema {
        #[command(subcommand)]
        command: SchemaCommand,
    },
    /// Ask the service that has the configuration's admin port whether it is ready; exit code 1 if it is not.
    Health(HealthArguments),
    /// Work with models: draft a manifest, check, publish.
    Model {
        #[command(subcommand)]
        command: ModelCommand,
    },
    /// Show and change which versions serve.
    Deploy {
        #[command(subcommand)]
        command: DeployCommand,
    },
    /// Check, start, ramp and stop experiments, and report on them.
    Experiment {
        #[command(subcommand)]
        command: ExperimentCommand,
    },
    /// Statistics on numbers that you have: tests, intervals, power, one by one or in bulk.
    Stats {
        #[command(subcommand)]
        command: StatsCommand,
    },
    /// Replay a month of flights through three models, and report.
    Demo(DemoArguments),
    /// Print the completions of a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

impl Command {
    /// Whether the command is a tool whose log should only hold warnings, or a service that says what it does.
    pub(crate) fn is_quiet(&self) -> bool {
        match self {
            Self::Up(_) | Self::Stream(_) => false,
            Self::Analyze(arguments) => !arguments.follow,
            _ => true,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum SchemaCommand {
    /// Put the schemas of the events that serin writes under their subjects, and print their ids. Nothing else ever
    /// registers a schema.
    Register(SchemaArguments),
    /// Say whether the schemas are there, and if not, whether they would be let in. Changes nothing.
    Check(SchemaArguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Draft model.toml for what a trainer left, and say what was guessed.
    Init(ModelInitArguments),
    /// Load a model, score its golden rows, and say what it is.
    Check(ModelCheckArguments),
    /// Print the versions in a store.
    List(ModelListArguments),
    /// Put a model into a store, once and for all.
    Publish(ModelPublishArguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ExperimentCommand {
    /// Check a definition, and say what it means.
    Check(ExperimentCheckArguments),
    /// Print how an experiment stands now: what is on the topics, with windows that are open left open.
    Report(ExperimentReportArguments),
    #[command(flatten)]
    Rollout(RolloutCommand),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ConfigArgument {
    /// The configuration.
    #[arg(long, short, value_name = "FILE", env = "SERIN_CONFIG", default_value = "serin.toml")]
    pub(crate) config: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct StreamArguments {
    #[command(flatten)]
    pub(crate) service: ServiceArguments,
    /// Which lanes run here. Shadows in a process of their own can use up its memory, or crash it, and production
    /// does not notice.
    #[arg(long, value_enum, default_value_t = LaneChoice::All)]
    pub(crate) lanes: LaneChoice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LaneChoice {
    /// Production and all shadows.
    All,
    /// Production alone.
    Production,
    /// The shadows alone.
    Shadows,
}

impl From<LaneChoice> for stream_scorer::Lanes {
    fn from(choice: LaneChoice) -> Self {
        match choice {
            LaneChoice::All => Self::All,
            LaneChoice::Production => Self::Production,
            LaneChoice::Shadows => Self::Shadows,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct ServiceArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArgument,
    /// Check the configuration and the models, and stop there.
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Args, Debug)]
pub(crate) struct AnalyzeArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArgument,
    /// Go on as events come in, publishing a report now and then, until stopped. Without it the topics are read to
    /// their end as of now, all windows are taken as closed, and one report is printed.
    #[arg(long)]
    pub(crate) follow: bool,
    /// How the report is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Args, Debug)]
pub(crate) struct HealthArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArgument,
    /// Ask whether it is alive, which it is while it starts and while it drains, too.
    #[arg(long)]
    pub(crate) alive: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Where the broker is.
#[derive(Args, Clone, Debug)]
pub(crate) struct BrokerArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArgument,
    /// The broker, in place of the configuration's: kafka://host:9092, nats://host:4222 or file:///directory.
    #[arg(long, value_name = "URL")]
    pub(crate) broker: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct ScoreArguments {
    /// The model: a directory with model.toml, or what the trainer left: a file of LightGBM, XGBoost, ONNX or
    /// safetensors, or a folder of MLflow, Triton, MLServer or KServe that holds one.
    #[arg(long, short, value_name = "PATH")]
    pub(crate) model: PathBuf,
    /// The feature events, a JSON object a line; `-` is standard input. What is compressed by gzip is decompressed,
    /// and empty lines are passed over.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// Where the scores go, a JSON object a line, in the order of the input; `-` is standard output. A file is there
    /// whole or not at all.
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    pub(crate) output: PathBuf,
    /// The configuration whose `[input]` says where id and features are in the events. Without it they are where
    /// --event-id and --features say.
    #[arg(long, short, value_name = "FILE", conflicts_with_all = ["event_id", "features"])]
    pub(crate) config: Option<PathBuf>,
    /// Where the id of an event is in its line; events without one are scored all the same.
    #[arg(long, value_name = "POINTER", default_value = "/event_id")]
    pub(crate) event_id: String,
    /// Where the object is whose members are the features; `/` is the whole line.
    #[arg(long, value_name = "POINTER", default_value = "/features")]
    pub(crate) features: String,
}

#[derive(Args, Debug)]
pub(crate) struct ProduceArguments {
    /// The file, a record a line; `-` is standard input, and a name ending in .gz is decompressed. Empty lines are
    /// passed over.
    pub(crate) file: PathBuf,
    /// The topic.
    #[arg(long, short)]
    pub(crate) topic: String,
    /// Where in each line, a JSON object, the record's key is: a name of a member at its top. Without it records
    /// have no key and are spread evenly.
    #[arg(long, value_name = "MEMBER")]
    pub(crate) key: Option<String>,
    #[command(flatten)]
    pub(crate) broker: BrokerArguments,
}

#[derive(Args, Debug)]
pub(crate) struct TailArguments {
    /// The topic.
    pub(crate) topic: String,
    /// Begin with the first record that is still there, not with the next one to come.
    #[arg(long, short = 'b')]
    pub(crate) from_beginning: bool,
    /// Stop after this many records.
    #[arg(long, short = 'n', value_name = "RECORDS")]
    pub(crate) count: Option<u64>,
    /// Stop at the end of the topic as of now, instead of waiting for more.
    #[arg(long)]
    pub(crate) until_end: bool,
    /// `text` prints the values alone, a line each; `json` prints place, time, key, headers and value.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) broker: BrokerArguments,
}

#[derive(Args, Debug)]
pub(crate) struct RedriveArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArgument,
    /// The topic of the dead letters, in place of the configuration's.
    #[arg(long, short)]
    pub(crate) topic: Option<String>,
    /// Where they go. Without it each goes to the topic and the partition that it came from.
    #[arg(long, value_name = "TOPIC")]
    pub(crate) to: Option<String>,
    /// The most records a second.
    #[arg(long, value_name = "RECORDS", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate: u32,
    /// Only those with this class of error, such as malformed or missing_feature.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Only those whose event is stamped at this time or later: 2013-04-01T08:54:00Z, or a time ago, 2h.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Stop after this many were sent.
    #[arg(long, value_name = "RECORDS")]
    pub(crate) max: Option<u64>,
    /// Leave those that were sent back this often already.
    #[arg(long, value_name = "TIMES", default_value_t = 3)]
    pub(crate) max_attempts: u32,
    /// The consumer group that remembers how far redrives have come; with --reason, the reason comes behind it. Default:
    /// the input's group with .redrive behind it. What a run passes over for its time or its attempts, later runs of
    /// its group do not see.
    #[arg(long)]
    pub(crate) group: Option<String>,
    /// Say what would be done, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How the summary is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Args, Debug)]
pub(crate) struct SchemaArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArgument,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Args, Debug)]
pub(crate) struct ModelInitArguments {
    /// What the trainer left: a file of LightGBM, XGBoost, ONNX or safetensors, or a folder of MLflow, Triton, MLServer
    /// or KServe that holds one.
    pub(crate) path: PathBuf,
    /// The directory for the manifest and a copy of the artifact. Without it the manifest is put beside the artifact.
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// The name of the model, in place of what the artifact is called.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The version, in place of the first digits of the artifact's digest.
    #[arg(long = "model-version", value_name = "VERSION")]
    pub(crate) model_version: Option<String>,
    /// The names of the outputs, in order, with commas between them.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) output_names: Vec<String>,
    /// The names of the features, in the order of the columns, with commas between them: where the artifact does not
    /// name its columns.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) feature_names: Vec<String>,
    /// Feature events whose scores by the trainer are in expected.ndjson beside the artifact: the first hundred become
    /// golden rows.
    #[arg(long, value_name = "FILE", conflicts_with = "print")]
    pub(crate) events: Option<PathBuf>,
    /// Print the manifest, and write nothing.
    #[arg(long)]
    pub(crate) print: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ModelListArguments {
    /// The store: a folder that has a folder for each version of each model, NAME/VERSION.
    pub(crate) store: String,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Args, Debug)]
pub(crate) struct ModelPublishArguments {
    /// The directory that holds model.toml.
    pub(crate) directory: PathBuf,
    /// The store; it is made where there is none.
    pub(crate) store: String,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Args, Debug)]
pub(crate) struct ModelCheckArguments {
    /// The directory that holds model.toml, or what the trainer left; see `serin score --model`.
    pub(crate) path: PathBuf,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Args, Debug)]
pub(crate) struct ExperimentCheckArguments {
    /// The definition, usually experiments/NAME/experiment.toml.
    pub(crate) file: PathBuf,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Args, Debug)]
pub(crate) struct DemoArguments {
    /// The folder of the example: its configuration, models and data.
    #[arg(long, value_name = "DIR", default_value = "examples/flights")]
    pub(crate) example: PathBuf,
    /// Keep the log here, and go on where it stopped if it is there already. Without it everything is in memory.
    #[arg(long, value_name = "DIR", conflicts_with = "broker")]
    pub(crate) directory: Option<PathBuf>,
    /// Run on a server in place of the embedded log: kafka://host:9092 or nats://host:4222. Each run makes topics of
    /// its own and leaves them there, to be looked at.
    #[arg(long, value_name = "URL")]
    pub(crate) broker: Option<String>,
    /// What the topics' names begin with on a server; default: another one each time. With the one of a run that
    /// was stopped it goes on from there.
    #[arg(long, value_name = "TEXT", requires = "broker")]
    pub(crate) prefix: Option<String>,
    /// How much faster than life: 3600 is an hour a second. Without it as fast as it goes.
    #[arg(long, value_name = "FACTOR")]
    pub(crate) speed: Option<f64>,
    /// How the report is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}
