//! One run: a server, a producer, a witness, and the scorers that a story starts, disturbs and ends.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use messaging::{Output, Placed};
use tempfile::TempDir;

use crate::checker::{Canary, Finding, Found, check};
use crate::config::{Experiments, write};
use crate::events::{Due, Event, Sent};
use crate::feed::Feed;
use crate::server::Server;
use crate::stranger::publish;
use crate::support::process::{Ended, Running, serin};
use crate::support::wait_for;
use crate::table::{Row, record};
use crate::witness::{Look, OUTPUTS, Witness};

/// The groups of the production lane and of the shadow's.
pub(crate) const GROUPS: [&str; 2] = ["serin", "serin.shadow.mlp-2"];
const PRODUCTION: &str = GROUPS[0];

/// A run, while it goes on.
pub(crate) struct Run {
    pub(crate) server: Server,
    /// What its topics begin with.
    name: String,
    feed: Feed,
    witness: Witness,
    look: Look,
    config: PathBuf,
    /// How the models do, if not as usual.
    pub(crate) canary: Canary,
    pub(crate) has_shadow: bool,
    _scratch: TempDir,
}

impl Run {
    /// Makes the topics, and starts the producer and the witness.
    pub(crate) fn on(server: Server) -> Self {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let name = format!("run-{}", RUNS.fetch_add(1, Ordering::Relaxed));
        let scratch = tempfile::tempdir().unwrap();
        let config = write(scratch.path(), (&server.url(), &name), Experiments::On);
        let look = Look::at(&server.witness(&name));
        look.runtime.block_on(look.broker.create_topic("features", None)).unwrap();
        let (witness, feed) = (Witness::start(&look), Feed::start(&look));
        let (canary, has_shadow) = (Canary::Answers, true);
        Self { server, name, feed, witness, look, config, canary, has_shadow, _scratch: scratch }
    }

    /// Starts `serin stream` on the run's topics, with this added to its environment.
    pub(crate) fn scorer(&self, environment: &[(&str, &str)]) -> Running {
        let mut command = serin_with(&self.config);
        command.envs(environment.iter().copied());
        Running::start(command)
    }

    /// A scorer that has begun to serve.
    pub(crate) fn serving(&self, environment: &[(&str, &str)]) -> Running {
        let before = self.feed.with_sent(<[_]>::len);
        let mut scorer = self.scorer(environment);
        self.await_events(before + 1);
        self.await_progress(std::slice::from_mut(&mut scorer));
        scorer
    }

    /// Waits until all is committed that is on the topic now.
    pub(crate) fn await_progress(&self, scorers: &mut [Running]) {
        let goal = self.feed.with_sent(ends);
        self.await_positions(PRODUCTION, goal, scorers);
    }

    fn await_positions(&self, group: &str, goal: [u64; 4], scorers: &mut [Running]) {
        wait_for(&format!("group `{group}` is at {goal:?}"), || {
            for scorer in &mut *scorers {
                assert!(!scorer.has_ended(), "a scorer has ended by itself:\n{}", scorer.errors());
            }
            let committed = self.look.committed(group)?;
            committed.iter().zip(goal).all(|(committed, goal)| *committed >= goal).then_some(())
        });
    }

    /// Has a producer write an event past all limits of ours.
    pub(crate) fn write(&self, event: Event) {
        let Output { timestamp, value, .. } = &event.output;
        let placed = match &self.server {
            Server::Nats(nats, _) => {
                let subject = format!("{}.features.0", self.name);
                let value = value.as_deref().unwrap();
                Placed { partition: 0, offset: publish(&nats.address(), &subject, *timestamp, value) }
            }
            _ => Look::at(&self.server.stranger(&self.name)).append(event.output.clone()),
        };
        self.feed.add(Sent { event, placed });
    }

    /// Waits until so many events are on the topic.
    pub(crate) fn await_events(&self, count: usize) {
        wait_for("events", || (self.feed.with_sent(<[_]>::len) >= count).then_some(()));
    }

    /// Waits until the witness has seen something more.
    pub(crate) fn await_output(&self) {
        let before = self.witness.count();
        wait_for("an output", || (self.witness.count() > before).then_some(()));
    }

    /// Asserts, while no scorer runs, that what is visible is what is behind the positions: no more and no less.
    pub(crate) fn assert_at_rest(&self) {
        let committed = self.look.committed(PRODUCTION).unwrap();
        let found = ["predictions", "features.dlq"].map(|topic| self.look.read(topic).len());
        let behind = self.feed.with_sent(|sent| {
            let behind =
                sent.iter().filter(|sent| sent.placed.offset < committed[sent.placed.partition as usize]);
            let (scored, dead): (Vec<_>, Vec<_>) =
                behind.partition(|sent| matches!(sent.event.due, Due::Scored { .. }));
            [scored.len(), dead.len()]
        });
        assert_eq!(found, behind, "outputs and positions {committed:?} do not match");
    }

    /// Ends the run: stops the producer, lets the scorers (or a new one) come to the end, ends them in order, checks
    /// everything, and puts the run on the table.
    pub(crate) fn finish(self, fault: &'static str, injected: usize, mut scorers: Vec<Running>) {
        if scorers.is_empty() {
            scorers.push(self.scorer(&[]));
        }
        let kind = self.server.kind();
        let (sent, found) = self.come_to_the_end(scorers);
        let Finding { events, dead_letters, violations } = check(&sent, &found);
        record(Row { kind, fault, injected, events, dead_letters, violations: violations.len() });
        let first = violations[..violations.len().min(10)].join("\n");
        assert!(violations.is_empty(), "{fault}: {} violations:\n{first}", violations.len());
    }

    fn come_to_the_end(mut self, mut scorers: Vec<Running>) -> (Vec<Sent>, Found) {
        let sent = self.feed.stop(&self.look);
        let goal = ends(&sent);
        let groups = if self.has_shadow { &GROUPS[..] } else { &[PRODUCTION] };
        for group in groups {
            self.await_positions(group, goal, &mut scorers);
        }
        scorers.iter().for_each(Running::terminate);
        scorers.into_iter().for_each(|scorer| assert_drained(&scorer.end()));
        let at_end = OUTPUTS.map(|topic| self.look.read(topic));
        let count = at_end.iter().map(Vec::len).sum();
        wait_for("the witness has seen as much", || (self.witness.count() >= count).then_some(()));
        let Self { witness, look, canary, has_shadow, .. } = self;
        let committed = look.committed(PRODUCTION).unwrap();
        (sent, Found { at_end, meanwhile: witness.stop(), committed, canary, has_shadow })
    }
}

/// Asserts that a scorer has ended in order.
#[track_caller]
pub(crate) fn assert_drained(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.err.contains("drained"), "{}", ended.err);
}

/// `serin stream` with a configuration.
pub(crate) fn serin_with(config: &Path) -> Command {
    serin(["stream", "--config", config.to_str().unwrap()])
}

/// The offset after the last event of each partition.
fn ends(sent: &[Sent]) -> [u64; 4] {
    let mut ends = [0; 4];
    for Sent { placed, .. } in sent {
        let end = &mut ends[placed.partition as usize];
        *end = (*end).max(placed.offset + 1);
    }
    ends
}
