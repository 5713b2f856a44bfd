//! Appending.

use std::time::Duration;

use crate::error::Error;
use crate::nats::Shared;
use crate::nats::outputs::{BATCH, Most, Planned, plan, send_batch};
use crate::nats::session::{Patience, Published, Stored};
use crate::nats::singly::{self, Singly};
use crate::nats::stream::Guarantee;
use crate::record::{Output, Placed};

/// A batch has a message that the server has already.
const DUPLICATE: u64 = 10_201;

/// Appends records and returns where they are. Up to [`BATCH`] of them are stored all or none where the server can;
/// more of them in several such steps.
pub(crate) async fn append(shared: &Shared, outputs: Vec<Output>) -> Result<Vec<Placed>, Error> {
    shared.session.check()?;
    let most = Most::of_append(&shared.config, shared.abilities.max_message);
    let size: usize = outputs.iter().map(Output::size).sum();
    let planned = plan(&shared.topics, outputs, most).await?;
    if size as u64 > shared.config.queue_bytes {
        return Err(Error::WriteTooLarge { size, limit: shared.config.queue_bytes });
    }
    let _under_way = shared.session.begin();
    let mut placed = Vec::with_capacity(planned.len());
    for chunk in planned.chunks(BATCH) {
        let sequences = store(shared, chunk).await?;
        placed.extend(
            chunk
                .iter()
                .zip(sequences)
                .map(|(planned, sequence)| Placed { partition: planned.partition, offset: sequence }),
        );
    }
    Ok(placed)
}

/// Stores records once, however often they have to be sent: under ids of their own.
async fn store(shared: &Shared, planned: &[Planned]) -> Result<Vec<u64>, Error> {
    let session = &shared.session;
    let id = session.unique();
    // Longer than this, the server might have forgotten the ids. Half of it is for what is on its way.
    let safe: Duration = shared.config.nats.duplicate_window / 2;
    let mut patience = Patience::new(session.patience.min(safe));
    loop {
        let problem = match shared.abilities.guarantee {
            Guarantee::Atomic => match send_batch(session, planned, Some(&id), &[]).await? {
                Published::Stored(Stored { sequence }) => return Ok(together(sequence, planned.len())),
                // All of it is there: the answer was lost.
                Published::Refused(refusal) if refusal.error == DUPLICATE => {
                    if let Some(sequence) = find(shared, planned, &id).await? {
                        return Ok(together(sequence, planned.len()));
                    }
                    refusal.text
                }
                Published::Refused(refusal) => refusal.text,
                Published::Unknown => "no answer".to_owned(),
            },
            Guarantee::AtLeastOnce => {
                match singly::send(session, planned, |place, _| format!("{id}-{place}")).await? {
                    Singly::Stored(sequences) => return Ok(sequences),
                    Singly::Refused(refusal) => refusal.text,
                    Singly::Unknown => "no answer".to_owned(),
                }
            }
        };
        tracing::warn!(problem, records = planned.len(), "records are appended again");
        let waited = patience.pause().await;
        waited.map_err(|waited| session.gave_up("append", waited, &problem))?;
    }
}

/// The sequences of messages that were stored together.
fn together(last: u64, count: usize) -> Vec<u64> {
    (0..count as u64).map(|place| last + 1 + place - count as u64).collect()
}

/// Returns the last sequence of a batch that the server has: it says so when the last message comes once more.
async fn find(shared: &Shared, planned: &[Planned], id: &str) -> Result<Option<u64>, Error> {
    let Some(last) = planned.len().checked_sub(1) else { return Ok(None) };
    let found = singly::send(&shared.session, &planned[last..], |_, _| format!("{id}-{last}")).await?;
    Ok(match found {
        Singly::Stored(sequences) => sequences.first().copied(),
        Singly::Refused(_) | Singly::Unknown => None,
    })
}
