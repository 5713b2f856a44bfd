//! The one file: what was typed, and what may be relied on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use analysis::{OutcomesConfig, Sources};
use events::{Binding, MappingError};
use experiment::{Definitions, Experiment};
use registry::Registry;
use runtime::admin::AdminConfig;
use runtime::config::{Document, Problem, Problems};
use serde::Deserialize;
use stream_scorer::{BatchConfig, InputConfig, ModelConfig, OutputConfig, Topics};

/// The whole file.
#[derive(Debug, Deserialize)]
struct File {
    broker: messaging::Config,
    #[serde(default)]
    input: InputConfig,
    #[serde(default)]
    output: OutputConfig,
    #[serde(default)]
    batch: BatchConfig,
    model: BTreeMap<String, ModelConfig>,
    #[serde(default)]
    experiment: ExperimentSection,
    #[serde(default)]
    outcomes: OutcomesConfig,
    #[serde(default)]
    analysis: analysis::Config,
    #[serde(default)]
    admin: AdminConfig,
    registry: Option<registry::Config>,
}

/// `[experiment]`: where the definitions are.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ExperimentSection {
    /// The folder that holds a folder with `experiment.toml` for each experiment, relative to the configuration.
    /// None by default.
    directory: Option<PathBuf>,
    /// The experiments that run, by the names of their folders. Default: all of them.
    run: Option<Vec<String>>,
}

/// The configuration, checked as far as it can be without loading models or reaching a broker.
#[derive(Debug)]
pub(crate) struct Config {
    document: Document,
    pub(crate) broker: messaging::Config,
    pub(crate) admin: AdminConfig,
    pub(crate) analysis: analysis::Config,
    pub(crate) outcomes: OutcomesConfig,
    pub(crate) scorer: stream_scorer::Config,
}

impl Config {
    /// The definition of an experiment, which need not be one that the configuration has run.
    ///
    /// # Errors
    /// Where the folder of definitions has none of this name.
    pub(crate) fn definition(&self, name: &str) -> anyhow::Result<Experiment> {
        let (known, faults) = self.scorer.definitions.get();
        if let Some(found) = known.iter().find(|experiment| experiment.name == name) {
            return Ok(found.clone());
        }
        let names: Vec<_> = known.iter().map(|experiment| experiment.name.as_str()).collect();
        let faults: String = faults.iter().map(|fault| format!("\n  {fault}")).collect();
        anyhow::bail!("there is no experiment \"{name}\" (definitions: {}){faults}", names.join(", "));
    }

    /// Reads the file at `path` under the environment, and the experiments that it names.
    ///
    /// # Errors
    /// All that is wrong, with its place.
    pub(crate) fn open(path: &Path, environment: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        let document = Document::open(path, environment)?;
        let file: File = document.read()?;
        let base = path.parent().map(Path::to_owned).unwrap_or_default();
        let mut problems = document.problems();
        for message in file.broker.problems() {
            problems.push(document.problem("broker", message));
        }
        let registry = file.registry.as_ref().and_then(|section| {
            let registry = Registry::new(section, &base, environment);
            registry.map_err(|faults| add(&document, &mut problems, faults)).ok()
        });
        let (model_name, model) = only_model(&document, file.model, &mut problems);
        let experiments = match &file.experiment.directory {
            None => Vec::new(),
            Some(directory) => {
                let read = read_experiments(&base.join(directory), file.experiment.run.as_deref());
                read.unwrap_or_else(|faults| {
                    for fault in faults {
                        problems.push(document.problem("experiment.directory", fault));
                    }
                    Vec::new()
                })
            }
        };
        // Without a model there is nothing more to check; that it is missing is among the problems.
        let Some(model) = model else { return Err(sorted(problems).into()) };
        let (experiments, others): (Vec<_>, Vec<_>) =
            experiments.into_iter().partition(|each| *each.model == *model_name);
        // A folder may hold experiments on other models, but one that is asked for by name is meant to run.
        for other in others.iter().filter(|_| file.experiment.run.is_some()) {
            let message = format!(
                "experiment \"{}\" is on model \"{}\", and the model here is \"{model_name}\"",
                other.name, other.model
            );
            problems.push(document.problem("experiment.run", message));
        }
        let scorer = stream_scorer::Config {
            input: file.input,
            output: file.output,
            outcomes_topic: file.outcomes.topic.clone(),
            batch: file.batch,
            model_name,
            model,
            experiments,
            definitions: definitions(file.experiment.directory.map(|directory| base.join(directory))),
            base,
            binding: binding(&file.broker.url),
            registry,
        };
        let config = Self {
            document,
            broker: file.broker,
            admin: file.admin,
            analysis: file.analysis,
            outcomes: file.outcomes,
            scorer,
        };
        if problems.problems.is_empty() {
            return Ok(config);
        }
        // What only the services can find is told with the rest.
        if let Err(more) = config.services() {
            problems.problems.extend(more.problems);
        }
        Err(sorted(problems).into())
    }

    /// Both services, as [`Config::scorer`] and [`Config::analysis`] make them.
    ///
    /// # Errors
    /// All that is wrong with either.
    pub(crate) fn services(&self) -> Result<(stream_scorer::Service, analysis::Analysis), Problems> {
        match (self.scorer(), self.analysis()) {
            (Ok(scorer), Ok(analysis)) => Ok((scorer, analysis)),
            (scorer, analysis) => {
                let mut problems = self.document.problems();
                let faults = [scorer.err(), analysis.err()].into_iter().flatten();
                problems.problems.extend(faults.flat_map(|faults| faults.problems));
                Err(sorted(problems))
            }
        }
    }

    /// The scorer with its models loaded.
    ///
    /// # Errors
    /// All that is wrong with them, with the place in the configuration.
    pub(crate) fn scorer(&self) -> Result<stream_scorer::Service, Problems> {
        stream_scorer::Service::prepare(self.scorer.clone()).map_err(|error| {
            let mut problems = self.document.problems();
            for (path, message) in error.problems {
                problems.push(self.document.problem(&path, message));
            }
            problems
        })
    }

    /// The analysis, which has seen nothing yet.
    ///
    /// # Errors
    /// All that is wrong with the mapping of outcomes, with its place.
    pub(crate) fn analysis(&self) -> Result<analysis::Analysis, Problems> {
        let Topics { predictions, shadow_predictions, outcomes, deployments, reports, .. } = self.topics();
        let (registry, binding) = (self.scorer.registry.clone(), self.scorer.binding);
        let late_outcomes = self.outcomes.late_topic.as_str().into();
        let sources = Sources {
            predictions,
            shadow_predictions,
            outcomes,
            late_outcomes,
            deployments,
            reports,
            registry,
            binding,
        };
        let model = self.scorer.model_name.as_str().into();
        let experiments = (self.scorer.experiments.clone(), self.scorer.definitions.clone());
        analysis::Analysis::new(model, experiments, sources, (self.analysis.clone(), &self.outcomes)).map_err(
            |faults: Vec<MappingError>| {
                let mut problems = self.document.problems();
                for fault in faults {
                    problems.push(self.document.problem("outcomes.event", fault.to_string()));
                }
                problems
            },
        )
    }

    /// The schema registry.
    ///
    /// # Errors
    /// Where the configuration has none.
    pub(crate) fn registry(&self) -> Result<Registry, Problems> {
        self.scorer.registry.clone().ok_or_else(|| {
            let mut problems = self.document.problems();
            let message = "this needs a schema registry, such as [registry] url = \"http://localhost:8081\"";
            problems.push(self.document.problem("registry", message));
            problems
        })
    }

    /// The topics of all services.
    pub(crate) fn topics(&self) -> Topics {
        Topics::new(&self.scorer.input, &self.scorer.output, &self.scorer.outcomes_topic)
    }
}

fn add(document: &Document, problems: &mut Problems, faults: Vec<(String, String)>) {
    for (path, message) in faults {
        problems.push(document.problem(&path, message));
    }
}

/// How the headers of a broker at `url` name the attributes of events.
fn binding(url: &str) -> Binding {
    let is_nats = ["nats://", "tls://"].iter().any(|scheme| url.starts_with(scheme));
    if is_nats { Binding::Nats } else { Binding::Kafka }
}

/// In the order of the file, without repetitions.
fn sorted(Problems { place, problems }: Problems) -> Problems {
    Problems::new(place, problems)
}

/// The admin port of the configuration, and nothing else of it.
pub(crate) fn admin(
    argument: &crate::cli::ConfigArgument,
    environment: &BTreeMap<String, String>,
) -> anyhow::Result<AdminConfig> {
    let file: File = Document::open(&argument.config, environment)?.read()?;
    Ok(file.admin)
}

/// What is known of a configuration of which only the input is asked for.
#[derive(Debug, Deserialize)]
struct InputFile {
    #[serde(default)]
    input: InputConfig,
    #[serde(flatten)]
    _others: BTreeMap<String, serde::de::IgnoredAny>,
}

/// The input of the configuration at `path`, whatever else is in it or not.
pub(crate) fn input(
    path: &Path,
    environment: &BTreeMap<String, String>,
) -> Result<(Document, InputConfig), Problems> {
    let document = Document::open(path, environment)?;
    let file: InputFile = document.read()?;
    Ok((document, file.input))
}

/// The broker of the file at `path`, or the one that the command line names.
pub(crate) fn broker(
    arguments: &crate::cli::BrokerArguments,
    environment: &BTreeMap<String, String>,
) -> anyhow::Result<messaging::Config> {
    if let Some(url) = &arguments.broker {
        return Ok(messaging::Config::new(url));
    }
    let file: File = Document::open(&arguments.config.config, environment)?.read()?;
    Ok(file.broker)
}

fn only_model(
    document: &Document,
    models: BTreeMap<String, ModelConfig>,
    problems: &mut Problems,
) -> (String, Option<ModelConfig>) {
    let names: Vec<_> = models.keys().map(String::as_str).collect();
    if names.len() != 1 {
        let found =
            if names.is_empty() { "none is there".into() } else { format!("found {}", names.join(", ")) };
        let message =
            format!("one [model.NAME] section is needed, and more than one is not implemented yet; {found}");
        problems.push(document.problem("model", message));
    }
    models.into_iter().next().map_or_else(Default::default, |(name, model)| (name, Some(model)))
}

/// The experiments in the folders of `directory` that are to run: all of them, or those that `run` names. All faults at
/// once.
fn read_experiments(directory: &Path, run: Option<&[String]>) -> Result<Vec<Experiment>, Vec<String>> {
    let (experiments, mut faults) = read_definitions(directory, run);
    if let Err(problems) = experiment::check_together(&experiments) {
        faults.extend(problems.problems.iter().map(|problem| format!("{}: {problem}", problems.place)));
    }
    if faults.is_empty() { Ok(experiments) } else { Err(faults) }
}

/// The definitions in the folders of `directory`, all of them or those that `only` names, and what is wrong with those
/// that cannot be read.
fn read_definitions(directory: &Path, only: Option<&[String]>) -> (Vec<Experiment>, Vec<String>) {
    let folders = std::fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let folders = match folders {
        Ok(folders) => folders,
        Err(error) => return (Vec::new(), vec![format!("{}: {error}", directory.display())]),
    };
    let name = |folder: &std::fs::DirEntry| folder.file_name().to_string_lossy().into_owned();
    let files = folders.iter().map(|folder| (name(folder), folder.path().join("experiment.toml")));
    let files = files.filter(|(name, file)| only.is_none_or(|only| only.contains(name)) && file.is_file());
    let mut files: Vec<_> = files.collect();
    files.sort();
    let missing = only.unwrap_or_default().iter().filter(|only| !files.iter().any(|(name, _)| name == *only));
    let mut faults: Vec<_> =
        missing.map(|name| format!("{} has no {name}/experiment.toml", directory.display())).collect();
    let mut experiments = Vec::new();
    for (_, file) in files {
        match read_experiment(&file) {
            Ok(experiment) => experiments.push(experiment),
            Err(Problems { place, problems }) => {
                faults.extend(problems.iter().map(|problem| format!("{place}: {problem}")));
            }
        }
    }
    (experiments, faults)
}

/// Where definitions are looked up while a service runs: all that are in the folder then.
fn definitions(directory: Option<PathBuf>) -> Definitions {
    Definitions::new(move || match &directory {
        Some(directory) => read_definitions(directory, None),
        None => (Vec::new(), vec!["the configuration has no `experiment.directory`".to_owned()]),
    })
}

/// Reads one definition.
///
/// # Errors
/// All that is wrong with it.
pub(crate) fn read_experiment(file: &Path) -> Result<Experiment, Problems> {
    let place = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Problems::one(&place, Problem::whole(format!("cannot be read: {error}"))))?;
    Experiment::parse(&place, &text).map_err(|faults| {
        let problems = faults.problems.iter().map(|fault| Problem::whole(fault.to_string())).collect();
        Problems::new(place, problems)
    })
}
