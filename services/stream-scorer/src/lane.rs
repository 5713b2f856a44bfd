//! The lane: take a batch, decode, score, commit, again.
//!
//! While a batch commits, the next one is taken and scored; its own commit waits for the first. So the log writes
//! while the models compute, and positions still advance in order.

#[cfg(test)]
mod tests;

use std::time::Duration;

use messaging::{Batch, Commit, Committing, Lane, Limits, Output, Record};
use runtime::{Heartbeat, Shutdown};

/// How often an idle lane says that it lives.
const IDLE_BEAT: Duration = Duration::from_secs(1);

/// What a lane hears and says while it works.
#[derive(Debug)]
pub struct Watch {
    /// The request to stop.
    pub shutdown: Shutdown,
    /// Where the lane says that it lives.
    pub pulse: Heartbeat,
}

/// Why a lane ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum LaneError {
    /// The broker gave up.
    #[error(transparent)]
    Broker(#[from] messaging::Error),
    /// The schema registry refuses us. That it is away is waited for.
    #[error(transparent)]
    Registry(#[from] registry::Error),
}

/// Runs one lane until it is asked to stop, and then until its last batch is committed.
///
/// `process` turns the records of a batch into all that follows from them: predictions, outcomes, dead letters.
/// What it returns is committed together with the position after the batch, or not at all. It may wait for what it
/// needs, and gives the batch up with `None` where there is a request to stop meanwhile.
///
/// # Errors
/// Where the broker or the schema registry gave up. Nothing is lost by it: what was not committed comes again.
pub async fn run(
    mut lane: Lane,
    limits: Limits,
    mut process: impl AsyncFnMut(&[Record], &Watch) -> Result<Option<Vec<Output>>, registry::Error>,
    watch: Watch,
) -> Result<(), LaneError> {
    let mut committing: Option<Committing> = None;
    while let Some(batch) = take(&mut lane, limits, &mut committing, &watch).await? {
        watch.pulse.beat();
        let Some(outputs) = process(&batch.records, &watch).await? else { break };
        settle_patiently(&mut committing, &watch).await?;
        committing = Some(lane.commit(batch, outputs));
    }
    Ok(settle_patiently(&mut committing, &watch).await?)
}

/// The next batch, or none where the lane is to stop. An idle lane waits here, says that it lives, and learns how
/// its last commit went.
async fn take(
    lane: &mut Lane,
    limits: Limits,
    committing: &mut Option<Committing>,
    watch: &Watch,
) -> Result<Option<Batch>, messaging::Error> {
    loop {
        tokio::select! {
            biased;
            () = watch.shutdown.requested() => return Ok(None),
            batch = lane.take(limits) => return batch.map(Some),
            settled = settle(committing), if committing.is_some() => settled?,
            () = tokio::time::sleep(IDLE_BEAT) => watch.pulse.beat(),
        }
    }
}

/// Waits for the commit under way, if there is one, and says meanwhile that the lane lives: a broker that is away is no
/// reason to restart us.
async fn settle_patiently(
    committing: &mut Option<Committing>,
    watch: &Watch,
) -> Result<(), messaging::Error> {
    while committing.is_some() {
        tokio::select! {
            biased;
            settled = settle(committing) => settled?,
            () = tokio::time::sleep(IDLE_BEAT) => watch.pulse.beat(),
        }
    }
    Ok(())
}

/// Waits for the commit under way, if there is one.
async fn settle(committing: &mut Option<Committing>) -> Result<(), messaging::Error> {
    let Some(commit) = committing.as_mut() else { return Ok(()) };
    let ended = commit.await;
    *committing = None;
    if ended? == Commit::Revoked {
        // Nothing of the batch counts: its partitions went to another member, or the broker lost the commit. Its
        // records come again, there or here.
        tracing::info!("a batch was revoked; its records are scored again by whoever has them now");
        metrics::counter!(crate::metrics::REVOKED_BATCHES).increment(1);
    }
    Ok(())
}
