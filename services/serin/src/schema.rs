//! `serin schema register` and `serin schema check`: our own schemas in the registry.

use std::collections::BTreeMap;
use std::io::Write;

use events::{Event, FeatureEvent, OutcomeEvent, PredictionEvent};
use registry::{Compatibility, Error, Registered, Registry};
use runtime::{Output, Shutdown};
use serde_json::{Value, json};

use crate::cli::{Format, SchemaArguments, SchemaCommand};
use crate::config::Config;

/// Registers or checks each schema, until `shutdown`, and says how it went.
pub(crate) async fn run(
    command: SchemaCommand,
    environment: BTreeMap<String, String>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let (arguments, is_check) = match command {
        SchemaCommand::Register(arguments) => (arguments, false),
        SchemaCommand::Check(arguments) => (arguments, true),
    };
    let config = Config::open(&arguments.config.config, &environment)?;
    let registry = config.registry()?;
    let mut answers = Vec::new();
    for (event, topic) in ours(&config) {
        if shutdown.is_requested() {
            break;
        }
        let subject = event.subject(&registry, &topic);
        // By record name, several topics have one subject.
        if answers.iter().any(|answer: &Answer| answer.subject == subject) {
            continue;
        }
        let state = if is_check {
            event.check(&registry, &topic).await?
        } else {
            Compatibility::Registered(event.register(&registry, &topic).await?)
        };
        answers.push(Answer { subject, state });
    }
    print(&answers, &arguments)?;
    let is_refused = |answer: &&Answer| matches!(answer.state, Compatibility::Incompatible(_));
    match answers.iter().filter(is_refused).count() {
        0 => Ok(()),
        count => anyhow::bail!("{count} of our schemas would be refused"),
    }
}

/// An event of ours that goes to a topic in Avro.
#[derive(Clone, Copy)]
enum Ours {
    Feature,
    Prediction,
    Outcome,
}

/// The events whose shape on their topic is ours, not the user's. Deployments and reports are always JSON.
fn ours(config: &Config) -> Vec<(Ours, String)> {
    let topics = config.topics();
    let mut ours = vec![
        (Ours::Prediction, topics.predictions.to_string()),
        (Ours::Prediction, topics.shadow_predictions.to_string()),
    ];
    if config.scorer.input.event.is_none() {
        ours.push((Ours::Feature, topics.input.to_string()));
    }
    if config.outcomes.event.is_none() || config.scorer.input.outcome.is_some() {
        ours.push((Ours::Outcome, topics.outcomes.to_string()));
    }
    ours
}

impl Ours {
    fn subject(self, registry: &Registry, topic: &str) -> String {
        fn of<E: Event>(registry: &Registry, topic: &str) -> String {
            registry.strategy().subject::<E>(topic)
        }
        match self {
            Self::Feature => of::<FeatureEvent>(registry, topic),
            Self::Prediction => of::<PredictionEvent>(registry, topic),
            Self::Outcome => of::<OutcomeEvent>(registry, topic),
        }
    }

    async fn register(self, registry: &Registry, topic: &str) -> Result<Registered, Error> {
        match self {
            Self::Feature => registry.register::<FeatureEvent>(topic).await,
            Self::Prediction => registry.register::<PredictionEvent>(topic).await,
            Self::Outcome => registry.register::<OutcomeEvent>(topic).await,
        }
    }

    async fn check(self, registry: &Registry, topic: &str) -> Result<Compatibility, Error> {
        match self {
            Self::Feature => registry.check::<FeatureEvent>(topic).await,
            Self::Prediction => registry.check::<PredictionEvent>(topic).await,
            Self::Outcome => registry.check::<OutcomeEvent>(topic).await,
        }
    }
}

struct Answer {
    subject: String,
    state: Compatibility,
}

fn print(answers: &[Answer], arguments: &SchemaArguments) -> anyhow::Result<()> {
    let mut out = Output::stdout();
    match arguments.format {
        Format::Json => {
            let answers: Vec<_> = answers.iter().map(Answer::json).collect();
            writeln!(out, "{:#}", Value::from(answers))?;
        }
        Format::Text => {
            for answer in answers {
                writeln!(out, "{}", answer.line())?;
            }
        }
    }
    Ok(out.flush()?)
}

impl Answer {
    fn line(&self) -> String {
        let subject = &self.subject;
        match &self.state {
            Compatibility::Registered(Registered { id, version, .. }) => {
                format!("{subject}: id {id}, version {version}")
            }
            Compatibility::New => format!("{subject}: not there yet, and free"),
            Compatibility::Compatible => format!("{subject}: not there yet, and compatible"),
            Compatibility::Incompatible(messages) if messages.is_empty() => {
                format!("{subject}: incompatible")
            }
            Compatibility::Incompatible(messages) => {
                format!("{subject}: incompatible: {}", messages.join("; "))
            }
        }
    }

    fn json(&self) -> Value {
        let subject = &self.subject;
        match &self.state {
            Compatibility::Registered(Registered { id, version, .. }) => {
                json!({ "subject": subject, "state": "registered", "id": id, "version": version })
            }
            Compatibility::New => json!({ "subject": subject, "state": "new" }),
            Compatibility::Compatible => json!({ "subject": subject, "state": "compatible" }),
            Compatibility::Incompatible(messages) => {
                json!({ "subject": subject, "state": "incompatible", "messages": messages })
            }
        }
    }
}
