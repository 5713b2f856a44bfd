//! Where a demo runs: in memory, in a directory, or on a server.

use std::path::PathBuf;

use runtime::Clock;

use crate::cli::DemoArguments;

/// Where the demo's records are.
pub(super) enum Place {
    /// Nowhere, once the process has ended.
    Memory,
    /// In an embedded log.
    Directory(PathBuf),
    /// On a server, under a prefix of this run.
    Server { url: String, prefix: String },
}

impl Place {
    /// What the command line asks for.
    pub(super) fn of(arguments: &DemoArguments) -> Self {
        match (&arguments.broker, &arguments.directory) {
            (Some(url), _) => {
                let fresh = || format!("serin-demo-{:x}", Clock::System.now_micros() / 1_000);
                Self::Server { url: url.clone(), prefix: arguments.prefix.clone().unwrap_or_else(fresh) }
            }
            (None, Some(directory)) => Self::Directory(directory.clone()),
            (None, None) => Self::Memory,
        }
    }

    /// Puts the broker of a configuration there.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(super) fn put(&self, broker: &mut messaging::Config) -> anyhow::Result<()> {
        match self {
            Self::Memory => "memory://".clone_into(&mut broker.url),
            Self::Directory(directory) => broker.url = format!("file://{}", directory.display()),
            Self::Server { url, prefix } => {
                url.clone_into(&mut broker.url);
                broker.kafka.prefix = format!("{prefix}.");
                broker.kafka.create_topics = true;
                prefix.clone_into(&mut broker.nats.stream);
                prefix.clone_into(&mut broker.nats.prefix);
            }
        }
        match broker.problems() {
            problems if problems.is_empty() => Ok(()),
            problems => Err(runtime::Usage(problems.join("; ")).into()),
        }
    }

    /// The command that goes on from here; none where nothing is kept.
    pub(super) fn command(&self) -> Option<String> {
        match self {
            Self::Memory => None,
            Self::Directory(directory) => Some(format!("serin demo --directory {}", directory.display())),
            Self::Server { url, prefix } => Some(format!("serin demo --broker {url} --prefix {prefix}")),
        }
    }

    /// What a stock tool calls a topic of this run, where there is one that reads it.
    pub(super) fn topic(&self, topic: &str) -> Option<String> {
        match self {
            Self::Server { url, prefix } if url.starts_with("kafka") => {
                Some(format!("topic {prefix}.{topic}"))
            }
            Self::Server { prefix, .. } => Some(format!("subjects {prefix}.{topic}.*")),
            _ => None,
        }
    }
}
