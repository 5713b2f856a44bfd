//! The deployments of a model, as the topic has them.

use std::sync::Arc;

use anyhow::Context;
use events::{Deployment, Limits, NativeDecoder, Schemas};
use messaging::{Broker, Reader, Record, Start};

use crate::headers::pairs;

/// What one read of the deployments takes at once.
const READ_LIMITS: messaging::Limits = messaging::Limits { records: 1_000, bytes: 16 << 20 };

/// The deployments of one model, from the first to the one in force. Revisions count up by one; a record with any other
/// number is ignored, so that of two that were written at once the first one counts.
#[derive(Debug)]
pub struct History {
    topic: Arc<str>,
    model: Arc<str>,
    reader: Reader,
    decoder: NativeDecoder,
    deployments: Vec<Deployment>,
}

impl History {
    /// Reads all that is on `topic` now about `model`.
    ///
    /// # Errors
    /// Where the broker gives up, or a record cannot be read: what is in force is not known then.
    pub async fn open(broker: &Broker, topic: &Arc<str>, model: &str) -> anyhow::Result<Self> {
        let reader = broker.reader(&[topic.to_string()], Start::Earliest).await?;
        let decoder = NativeDecoder::new(Arc::new(Schemas::default()), Limits::default());
        let (topic, model) = (Arc::clone(topic), model.into());
        let mut history = Self { topic, model, reader, decoder, deployments: Vec::new() };
        history.catch_up().await?;
        Ok(history)
    }

    /// The deployment in force.
    pub fn last(&self) -> Option<&Deployment> {
        self.deployments.last()
    }

    /// All of them, the first one first.
    pub fn all(&self) -> &[Deployment] {
        &self.deployments
    }

    /// The topic they are on.
    pub(crate) fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    /// Takes in what is on the topic and was not read yet.
    pub(crate) async fn catch_up(&mut self) -> anyhow::Result<()> {
        loop {
            let records = self.reader.read_available(READ_LIMITS).await?;
            if records.is_empty() {
                return Ok(());
            }
            for record in &records {
                self.take_in(record)?;
            }
        }
    }

    /// Waits for the deployment after the one in force. Records that cannot be read are told and passed over: what
    /// is in force goes on.
    ///
    /// # Errors
    /// Where the broker gives up.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Deployment> {
        let known = self.deployments.len();
        loop {
            for record in &self.reader.read(READ_LIMITS).await? {
                if let Err(error) = self.take_in(record) {
                    tracing::error!("{error:#}");
                }
            }
            if let Some(last) = self.deployments[known..].last() {
                return Ok(last.clone());
            }
        }
    }

    fn take_in(&mut self, record: &Record) -> anyhow::Result<()> {
        let payload = record.value.as_deref().unwrap_or_default();
        let deployment: Deployment =
            self.decoder.decode(payload, &pairs(&record.headers)).with_context(|| {
                format!("the record at offset {} of `{}` is no deployment", record.offset, self.topic)
            })?;
        let next = self.last().map_or(1, |last| last.revision + 1);
        if deployment.model == self.model && deployment.revision == next {
            self.deployments.push(deployment);
        }
        Ok(())
    }
}
