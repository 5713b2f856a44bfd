//! Who takes for a group: its members tell each other that they live, and each works out by itself which partitions
//! are whose.
//!
//! Members may see different things for a moment, and two of them want one partition or nobody. That costs work, no
//! more: what is committed is decided by the positions alone.

mod share;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Subscriber;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior};

use crate::error::Error;
use crate::nats::Shared;
pub(crate) use share::{Slot, share};

/// How many beats there are in the time after which a silent member is taken for dead.
const BEATS: u32 = 8;
/// How long a new member waits for the others to answer.
const GREETING: Duration = Duration::from_millis(100);

/// A member of a group, as it presents itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Member {
    /// When it joined, in milliseconds since 1970; the oldest have the first partitions.
    pub(crate) joined: i64,
    pub(crate) id: String,
    pub(crate) topics: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Beat {
    member: Member,
    #[serde(default)]
    leaves: bool,
}

/// A membership; dropping it takes leave.
#[derive(Debug)]
pub(crate) struct Membership {
    /// All members, the oldest first.
    pub(crate) members: watch::Receiver<Vec<Member>>,
    _stay: oneshot::Sender<()>,
}

impl Membership {
    /// Joins a group, and waits for the others to answer.
    pub(crate) async fn join(shared: &Arc<Shared>, group: &str, member: Member) -> Result<Self, Error> {
        let subject = shared.topics.prefix.members(group);
        let (session, members) = (&shared.session, watch::Sender::new(vec![member.clone()]));
        let heard = session.client.subscribe(subject.clone()).await;
        let heard = heard.map_err(|error| session.problem(format!("{subject}: {error}")))?;
        let (stay, leave) = oneshot::channel();
        let membership = Self { members: members.subscribe(), _stay: stay };
        let task = Task { shared: Arc::clone(shared), subject, member, others: BTreeMap::new(), members };
        session.runtime.spawn(task.run(heard, leave));
        tokio::select! {
            ended = session.ended() => Err(ended),
            () = tokio::time::sleep(GREETING) => Ok(membership),
        }
    }
}

/// What keeps a membership.
struct Task {
    shared: Arc<Shared>,
    subject: String,
    member: Member,
    /// The others, and when each was heard last.
    others: BTreeMap<Member, Instant>,
    members: watch::Sender<Vec<Member>>,
}

impl Task {
    async fn run(mut self, mut heard: Subscriber, mut leave: oneshot::Receiver<()>) {
        let timeout = self.shared.config.nats.session_timeout;
        let mut beats = tokio::time::interval(timeout / BEATS);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let session = Arc::clone(&self.shared.session);
        loop {
            tokio::select! {
                biased;
                _ = &mut leave => break,
                _ = session.ended() => break,
                message = heard.next() => {
                    let Some(message) = message else { break };
                    if let Ok(beat) = serde_json::from_slice::<Beat>(&message.payload) && self.hear(beat) {
                        // Somebody new: it waits to hear of us.
                        self.beat(false).await;
                    }
                }
                _ = beats.tick() => {
                    self.beat(false).await;
                    self.others.retain(|_, heard| heard.elapsed() < timeout);
                    self.publish();
                }
            }
        }
        self.beat(true).await;
    }

    /// Notes a beat, and says whether it is of somebody new.
    fn hear(&mut self, beat: Beat) -> bool {
        if beat.member.id == self.member.id {
            return false;
        }
        let is_new = if beat.leaves {
            self.others.remove(&beat.member);
            false
        } else {
            self.others.insert(beat.member, Instant::now()).is_none()
        };
        self.publish();
        is_new
    }

    fn publish(&self) {
        let mut members: Vec<Member> = self.others.keys().chain([&self.member]).cloned().collect();
        members.sort_unstable();
        self.members.send_if_modified(|known| {
            let changed = *known != members;
            *known = members;
            changed
        });
    }

    async fn beat(&self, leaves: bool) {
        let beat = Beat { member: self.member.clone(), leaves };
        let Ok(beat) = serde_json::to_vec(&beat) else { return };
        // Without a connection this waits until there is room; the others hear of us soon enough then.
        let sent = self.shared.session.client.publish(self.subject.clone(), beat.into());
        if tokio::time::timeout(GREETING, sent).await.is_err() {
            tracing::debug!(self.subject, "a beat was not sent");
        }
    }
}
