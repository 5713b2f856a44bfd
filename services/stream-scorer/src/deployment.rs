//! Deployments: what a configuration seeds, and what the topic says since.

mod history;
mod plan;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use events::{Deployment, Encoding, Shadow, Timestamp};
use experiment::BasisPoints;
use messaging::Broker;
use runtime::Clock;

pub use self::history::History;
pub(crate) use self::plan::{Plan, Source};
use crate::config::FramingKind;
use crate::predictions::{Beside, Records, Style};
use crate::schemas::OwnIds;
use crate::trace::Trace;
pub use experiment::Definitions;

/// Puts `wanted` on record as the first deployment of its model where the topic has none yet; gives back the one in
/// force. From then on the topic alone says what is deployed, and a configuration that asks for something else is
/// told so.
///
/// # Errors
/// Where the broker gives up.
pub(crate) async fn seed(
    history: &mut History,
    wanted: Deployment,
    (broker, style, clock): (&Broker, &Style, &Clock),
) -> anyhow::Result<Deployment> {
    let Some(last) = history.last().cloned() else {
        let first = append(history, wanted, (broker, style, clock)).await?;
        tracing::info!(model = &*first.model, revision = first.revision, "deployed");
        return Ok(first);
    };
    let asked_for = Deployment { revision: last.revision, created_at: last.created_at, ..wanted };
    if asked_for != last {
        tracing::warn!(
            model = &*last.model,
            revision = last.revision,
            production = &*last.production,
            "the configuration asks for another deployment than the one in force, which stays: `serin deploy set \
             --as-configured` changes it"
        );
    }
    Ok(last)
}

/// Puts `wanted` on record as the next revision; gives back what is in force then, which is somebody else's deployment
/// where that came first.
///
/// # Errors
/// Where the broker gives up.
pub(crate) async fn append(
    history: &mut History,
    wanted: Deployment,
    (broker, style, clock): (&Broker, &Style, &Clock),
) -> anyhow::Result<Deployment> {
    let revision = history.last().map_or(1, |last| last.revision + 1);
    let created_at = Timestamp::from_micros(clock.now_micros()).unwrap_or(Timestamp::MAX);
    let next = Deployment { revision, created_at, ..wanted };
    broker.writer().append(vec![record(history.topic(), &next, style)]).await?;
    while history.last().is_none_or(|last| last.revision < revision) {
        history.catch_up().await?;
    }
    history.last().cloned().ok_or_else(|| anyhow::anyhow!("the deployment that was just written is gone"))
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

/// A shadow as it goes on record.
pub(crate) fn shadow(version: &str, share: BasisPoints) -> Shadow {
    Shadow { version: version.into(), share: share.get() }
}
