//! The deployment: made from the configuration, and put on record.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use events::{Deployment, Encoding, Limits, NativeDecoder, Schemas, Shadow, Timestamp};
use experiment::BasisPoints;
use messaging::{Broker, Start};
use runtime::Clock;

use crate::config::FramingKind;
use crate::headers::pairs;
use crate::predictions::{Beside, Records, Style};
use crate::schemas::OwnIds;
use crate::trace::Trace;

/// What one read of the deployments takes at once.
const READ_LIMITS: messaging::Limits = messaging::Limits { records: 1_000, bytes: 16 << 20 };

/// The deployment that the configuration asks for, with its revision: that of the last one on the topic where
/// nothing has changed since, else one more, which is then put on the topic.
///
/// # Errors
/// Where the broker gives up, or the last record on the topic cannot be read.
pub(crate) async fn seed(
    broker: &Broker,
    topic: &Arc<str>,
    mut wanted: Deployment,
    (style, clock): (&Style, &Clock),
) -> anyhow::Result<Deployment> {
    if let Some(last) = last(broker, topic, &wanted.model).await? {
        wanted.revision = last.revision;
        wanted.created_at = last.created_at;
        if wanted == last {
            return Ok(last);
        }
        wanted.revision += 1;
    } else {
        wanted.revision = 1;
    }
    wanted.created_at = Timestamp::from_micros(clock.now_micros()).unwrap_or(Timestamp::MAX);
    broker.writer().append(vec![record(topic, &wanted, style)]).await?;
    tracing::info!(model = &*wanted.model, revision = wanted.revision, "deployed");
    Ok(wanted)
}

/// The record of a deployment. In JSON whatever else is written: people read it, with any tool.
fn record(topic: &Arc<str>, deployment: &Deployment, style: &Style) -> messaging::Output {
    let style = Style {
        encoding: Encoding::Json,
        framing: FramingKind::SingleObject,
        ids: OwnIds::default(),
        ..style.clone()
    };
    let revision = deployment.revision.to_string();
    let beside = Beside {
        key: &deployment.model,
        id: &[&deployment.model, &revision],
        subject: &["model", &deployment.model],
        time: deployment.created_at,
        trace: Trace::default(),
    };
    Records::new(style).record(topic, beside, deployment)
}

/// The deployment of `model` in force: revisions count up by one, and records out of turn are ignored.
async fn last(broker: &Broker, topic: &Arc<str>, model: &str) -> anyhow::Result<Option<Deployment>> {
    let mut decoder = NativeDecoder::new(Arc::new(Schemas::default()), Limits::default());
    let mut reader = broker.reader(&[topic.to_string()], Start::Earliest).await?;
    let mut last: Option<Deployment> = None;
    loop {
        let records = reader.read_available(READ_LIMITS).await?;
        if records.is_empty() {
            return Ok(last);
        }
        for record in records {
            let deployment: Deployment =
                decoder.decode(record.value.as_deref().unwrap_or_default(), &pairs(&record.headers))?;
            let next = last.as_ref().map_or(1, |last| last.revision + 1);
            if *deployment.model == *model && deployment.revision == next {
                last = Some(deployment);
            }
        }
    }
}

/// A shadow as it goes on record.
pub(crate) fn shadow(version: &str, share: BasisPoints) -> Shadow {
    Shadow { version: version.into(), share: share.get() }
}
