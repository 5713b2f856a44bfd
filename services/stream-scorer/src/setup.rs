//! The checks before the start: what the configuration asks for, and whether it can be had.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use events::{Binding, CloudEvents, Decoder, Encoding, Limits};
use experiment::BasisPoints;
use inference::{Model, Names};

use crate::config::{BatchConfig, FramingKind, InputConfig, OutputConfig};
use crate::service::Config;

/// Why the service cannot start: all faults of the configuration and the models at once.
#[derive(Clone, Debug)]
pub struct SetupError {
    /// The field of the configuration, such as `model.fraud.production`, and what is wrong with it.
    pub problems: Vec<(String, String)>,
}

pub(crate) type Problems = Vec<(String, String)>;

impl std::error::Error for SetupError {}

impl std::fmt::Display for SetupError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut lines = self.problems.iter().map(|(field, message)| format!("`{field}`: {message}"));
        f.write_str(&lines.next().unwrap_or_default())?;
        lines.try_for_each(|line| write!(f, "\n{line}"))
    }
}

pub(crate) fn decoder(input: &InputConfig, schemas: &Arc<events::Schemas>) -> Result<Decoder, Problems> {
    let limits = Limits { payload_bytes: input.max_payload.as_usize() };
    let Some(event) = &input.event else {
        return match (&input.outcome, &input.kind) {
            (None, None) => Ok(Decoder::native(Arc::clone(schemas), limits)),
            _ => Err(vec![(
                "input".into(),
                "`outcome` and `type` need `event`: they belong to the user's own shape".into(),
            )]),
        };
    };
    let source = (Arc::clone(schemas), limits);
    Decoder::mapped(event, input.outcome.as_ref(), input.kind.as_ref(), source)
        .map_err(|faults| faults.iter().map(|fault| ("input.event".into(), fault.to_string())).collect())
}

pub(crate) fn check_batch(batch: BatchConfig, problems: &mut Problems) {
    if !(1..=10_000).contains(&batch.records) {
        problems.push(("batch.records".into(), format!("{} is not in 1..=10000", batch.records)));
    }
    if batch.bytes.bytes() == 0 {
        problems.push(("batch.bytes".into(), "must be more than 0".into()));
    }
}

/// What the fields of the output ask of each other.
pub(crate) fn check_output(config: &Config, problems: &mut Problems) {
    let OutputConfig { encoding, framing, cloudevents, source, .. } = &config.output;
    let mut problem = |field: &str, message: &str| problems.push((format!("output.{field}"), message.into()));
    if *framing != FramingKind::SingleObject {
        if *encoding != Encoding::Avro {
            problem("framing", "needs `encoding = \"avro\"`: JSON names no schema");
        }
        if config.registry.is_none() {
            problem("framing", "needs the section [registry], where the ids are");
        }
    }
    if *framing == FramingKind::Header && config.binding == Binding::Nats {
        problem("framing", "\"header\" is not for NATS, whose headers are text; \"confluent\" is");
    }
    if *cloudevents == CloudEvents::Structured && *encoding != Encoding::Json {
        problem("cloudevents", "\"structured\" needs `encoding = \"json\"`");
    }
    let is_reference =
        |source: &str| !source.is_empty() && source.bytes().all(|byte| byte.is_ascii_graphic());
    if source.as_ref().is_some_and(|source| !is_reference(source)) {
        problem("source", "is not a URI reference such as \"/payments/fraud\": no spaces, printable ASCII");
    }
}

/// The kind of unit that events are keyed by. In our own shape each event says it itself; then the experiments must
/// agree on one, and events keyed otherwise take part in none.
pub(crate) fn key_kind(config: &Config) -> &str {
    let mapped =
        config.input.event.as_ref().and_then(|event| event.units.0.first()).map(|(kind, _)| kind.as_str());
    mapped.or(config.experiments.first().map(|experiment| experiment.unit.as_str())).unwrap_or_default()
}

pub(crate) fn check_shadows(config: &Config, problems: &mut Problems) -> Vec<(Arc<str>, BasisPoints)> {
    let mut shadows: Vec<(Arc<str>, BasisPoints)> = Vec::new();
    for shadow in &config.model.shadows {
        let place = format!("model.{}.shadows", config.model_name);
        let version = &shadow.version;
        if shadows.iter().any(|(version, _)| **version == *shadow.version) {
            problems.push((place, format!("\"{version}\" is there twice")));
            continue;
        }
        match BasisPoints::from_fraction(shadow.share) {
            Ok(share) if share.get() > 0 => shadows.push((shadow.version.as_str().into(), share)),
            Ok(_) => {
                problems
                    .push((place, format!("\"{version}\": share 0 scores nothing; leave the shadow out")));
            }
            Err(error) => problems.push((place, format!("\"{version}\": share: {error}"))),
        }
    }
    shadows
}

pub(crate) fn load_models(
    config: &Config,
    shadows: &[(Arc<str>, BasisPoints)],
    problems: &mut Problems,
) -> BTreeMap<Arc<str>, Arc<Model>> {
    let store = config.base.join(&config.model.store);
    let arms = config.experiments.iter().flat_map(|experiment| {
        experiment.arms.iter().map(|arm| {
            (format!("experiment \"{}\", arm \"{}\"", experiment.name, arm.name), arm.version.as_str())
        })
    });
    let model = &config.model_name;
    let wanted = std::iter::once((format!("model.{model}.production"), config.model.production.as_str()))
        .chain(shadows.iter().map(|(version, _)| (format!("model.{model}.shadows"), &**version)))
        .chain(arms);
    let mut models = BTreeMap::new();
    let mut failed = Vec::new();
    for (place, version) in wanted {
        if models.contains_key(version) || failed.contains(&version) {
            continue;
        }
        match load_model(&store, model, version) {
            Ok(loaded) => drop(models.insert(Arc::from(version), Arc::new(loaded))),
            Err(message) => {
                problems.push((place, message));
                failed.push(version);
            }
        }
    }
    models
}

pub(crate) fn load_model(store: &Path, name: &str, version: &str) -> Result<Model, String> {
    let directory = store.join(version);
    if !directory.is_dir() {
        return Err(format!("version \"{version}\" is not in {} ({})", store.display(), versions(store)));
    }
    // A folder without a manifest is what the store says it is.
    let names = Names { model: Some(name.into()), version: Some(version.into()), outputs: Vec::new() };
    let model = Model::load_as(&directory, &names).map_err(|error| error.to_string())?;
    if **model.name() != *name || **model.version() != *version {
        return Err(format!(
            "{} holds version \"{}\" of model \"{}\", not version \"{version}\" of model \"{name}\"",
            directory.display(),
            model.version(),
            model.name()
        ));
    }
    Ok(model)
}

/// The versions that a store has, for a message.
fn versions(store: &Path) -> String {
    let Ok(entries) = std::fs::read_dir(store) else { return "there is no such folder".into() };
    let mut names: Vec<_> = entries
        .flatten()
        .filter(|entry| entry.path().join(inference::MANIFEST_FILE).is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    if names.is_empty() { "it has no versions".into() } else { format!("versions: {}", names.join(", ")) }
}
