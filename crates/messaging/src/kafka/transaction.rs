//! The thread of a lane that commits: each batch is one transaction of outputs and positions.

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::producer::Producer as _;
use tokio::sync::oneshot;

use super::fault::{Remedy, checked, remedy};
use super::intake::{Member, Topics};
use super::partitions::{Partitions, Receipt};
use super::producer::{Outbox, SendFault};
use super::{Guarantee, REQUEST_TIMEOUT, Shared};
use crate::error::Error;
use crate::lane::{Commit, UnderWay};
use crate::record::Output;

/// The pause before something is tried again: it doubles from the first to the second.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long the end of the broker may go unnoticed.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often one step of a transaction is made again before it counts as failed.
const ATTEMPTS: u32 = 5;

/// How much longer than a transaction may last its last step may take: librdkafka asks for at least that.
const MARGIN: Duration = Duration::from_secs(5);

/// A batch to be committed.
pub(super) struct Job {
    pub(super) receipt: Receipt,
    pub(super) outputs: Vec<Output>,
    pub(super) reply: oneshot::Sender<Result<Commit, Error>>,
    /// Counts the commit for as long as it is under way.
    pub(super) under_way: UnderWay,
}

/// What commits for a lane.
pub(super) struct Committer {
    pub(super) shared: Arc<Shared>,
    pub(super) partitions: Arc<Partitions>,
    pub(super) topics: Arc<Topics>,
    pub(super) consumer: Arc<BaseConsumer<Member>>,
    pub(super) group: String,
    pub(super) transactional_id: String,
    /// The producer; none before the first commit, and after one whose end is not known.
    pub(super) outbox: Option<Outbox>,
    /// The topics that are known to be there.
    pub(super) seen: Vec<Arc<str>>,
    /// Since when nothing has succeeded.
    pub(super) failing_since: Option<Instant>,
}

/// Why a transaction did not commit.
enum Failure {
    /// It was given up, and nothing of it counts.
    Aborted(String),
    /// An output is larger than the cluster takes; given up.
    TooLarge(usize),
    /// It may have been committed.
    Unknown(String),
    /// The cluster says no for good.
    Refused(String),
}

impl Committer {
    /// Commits what comes, until the lane is gone.
    pub(super) fn run(mut self, jobs: mpsc::Receiver<Job>) {
        while let Some(job) = self.next(&jobs) {
            let Job { receipt, outputs, reply, under_way } = job;
            let began = Instant::now();
            let ended = self.commit(&receipt, outputs);
            metrics::histogram!(crate::metrics::COMMIT_SECONDS).record(began.elapsed().as_secs_f64());
            drop(under_way);
            // Nobody hears it where the future was dropped; the commit is carried out all the same.
            drop(reply.send(ended));
        }
    }

    /// The next batch; none when the lane is gone, or has ended and nothing is left to do.
    fn next(&self, jobs: &mpsc::Receiver<Job>) -> Option<Job> {
        loop {
            match jobs.recv_timeout(LOOK_EVERY) {
                Ok(job) => return Some(job),
                Err(mpsc::RecvTimeoutError::Timeout) if self.partitions.has_joined().is_ok() => {}
                Err(_) => return None,
            }
        }
    }

    fn commit(&mut self, receipt: &Receipt, outputs: Vec<Output>) -> Result<Commit, Error> {
        if !self.partitions.begin(receipt) {
            metrics::counter!(crate::metrics::REVOKED_COMMITS, "group" => self.group.clone()).increment(1);
            return Ok(Commit::Revoked);
        }
        let ended = self.try_to_commit(receipt, outputs);
        self.partitions.finish(receipt, matches!(ended, Ok(true)));
        match ended {
            Ok(true) => Ok(Commit::Committed),
            Ok(false) => Ok(Commit::Revoked),
            Err(error) => {
                self.partitions.end(error.clone());
                Err(error)
            }
        }
    }

    /// Whether the batch is committed. What has failed for now comes again: the lane takes it anew.
    fn try_to_commit(&mut self, receipt: &Receipt, mut outputs: Vec<Output>) -> Result<bool, Error> {
        self.see_to_topics(&outputs)?;
        loop {
            let began = Instant::now();
            let failure = match self.shared.config.kafka.guarantee {
                Guarantee::ExactlyOnce => self.transact(receipt, &outputs),
                Guarantee::AtLeastOnce => self.send_then_commit(receipt, &outputs),
            };
            match failure {
                Ok(()) => {
                    self.failing_since = None;
                    return Ok(true);
                }
                Err(Failure::TooLarge(place)) => strip(&mut outputs[place]),
                Err(Failure::Aborted(reason)) => return self.failed(began, &reason).map(|()| false),
                Err(Failure::Refused(reason)) => return Err(self.fault(&reason)),
                Err(Failure::Unknown(reason)) => {
                    self.failed(began, &reason)?;
                    let is_committed = self.look_it_up(receipt)?;
                    tracing::info!(group = self.group, is_committed, "the end of a commit was looked up");
                    return Ok(is_committed);
                }
            }
        }
    }

    /// Creates topics that are not there yet, where that is allowed; later there is nothing to do.
    fn see_to_topics(&mut self, outputs: &[Output]) -> Result<(), Error> {
        for output in outputs {
            if self.seen.last() != Some(&output.topic) && !self.seen.contains(&output.topic) {
                self.shared.runtime.block_on(self.shared.ensure_topic(&output.topic))?;
                self.seen.push(Arc::clone(&output.topic));
            }
        }
        Ok(())
    }

    /// Takes note of a failure. An error where nothing has succeeded for longer than our patience.
    fn failed(&mut self, began: Instant, reason: &str) -> Result<(), Error> {
        metrics::counter!(crate::metrics::ABORTED_COMMITS, "group" => self.group.clone()).increment(1);
        let since = *self.failing_since.get_or_insert(began);
        if since.elapsed() > self.shared.config.kafka.patience {
            return Err(self.fault(reason));
        }
        tracing::warn!(group = self.group, "a commit failed, and its records are taken again: {reason}");
        std::thread::park_timeout(PAUSE);
        Ok(())
    }

    fn fault(&self, reason: &str) -> Error {
        self.shared.server_error(format!("group `{}` cannot commit: {reason}", self.group))
    }

    // Exactly once.

    fn transact(&mut self, receipt: &Receipt, outputs: &[Output]) -> Result<(), Failure> {
        let shared = Arc::clone(&self.shared);
        let timeout = shared.config.kafka.transaction_timeout;
        let deadline = Instant::now() + timeout;
        let offsets = self.offsets(receipt)?;
        let consumer = Arc::clone(&self.consumer);
        let outbox = self.outbox()?;
        attempt(|| outbox.producer.begin_transaction()).map_err(|error| self.given_up(&error))?;
        if let Err(fault) = self.outbox()?.send(&shared, outputs, deadline) {
            return Err(self.abort_after(fault));
        }
        // While the outputs are on their way.
        let outbox = self.outbox()?;
        let sent = attempt(|| {
            // Never kept: it has the generation, which changes (confluent-kafka-go#653).
            let group = consumer.group_metadata().ok_or(KafkaError::Canceled)?;
            outbox.producer.send_offsets_to_transaction(&offsets, &group, timeout)
        });
        sent.map_err(|error| self.abort(&error))?;
        if let Err(fault) = self.outbox()?.drain(deadline) {
            return Err(self.abort_after(fault));
        }
        let outbox = self.outbox()?;
        let committed = attempt(|| outbox.producer.commit_transaction(timeout + MARGIN));
        committed.map_err(|error| match remedy(&error) {
            Remedy::Abort => self.abort(&error),
            Remedy::GiveUp => Failure::Refused(error.to_string()),
            Remedy::Retry | Remedy::Rebuild => {
                self.outbox = None;
                Failure::Unknown(format!("the commit was not answered: {error}"))
            }
        })
    }

    fn offsets(&self, receipt: &Receipt) -> Result<rdkafka::TopicPartitionList, Failure> {
        let positions = receipt.moves.iter().map(|each| (each.slot, each.to));
        self.topics.list(positions).map_err(|error| Failure::Refused(error.to_string()))
    }

    /// Gives a transaction up because of what was sent in it.
    fn abort_after(&mut self, fault: SendFault) -> Failure {
        match fault {
            SendFault::Late => {
                self.outbox = None;
                Failure::Aborted("not all outputs arrived in time".to_owned())
            }
            SendFault::TooLarge(place) => match self.abort(&KafkaError::Canceled) {
                Failure::Refused(reason) => Failure::Refused(reason),
                _ => Failure::TooLarge(place),
            },
            SendFault::Failed(error) => self.abort(&error),
        }
    }

    /// Gives a transaction up that has met an error before its end.
    fn abort(&mut self, error: &KafkaError) -> Failure {
        if remedy(error) == Remedy::GiveUp {
            return Failure::Refused(error.to_string());
        }
        // An abort while the first records are on the way ends badly (librdkafka#4849).
        let timeout = self.shared.config.kafka.transaction_timeout;
        let aborted = self.outbox.as_ref().is_some_and(|outbox| {
            !matches!(outbox.drain(Instant::now() + MARGIN), Err(SendFault::Late))
                && attempt(|| outbox.producer.abort_transaction(timeout)).is_ok()
        });
        if !aborted {
            // Nothing said that it should be committed, so that the next producer's beginning aborts it.
            self.outbox = None;
        }
        Failure::Aborted(error.to_string())
    }

    fn given_up(&mut self, error: &KafkaError) -> Failure {
        self.outbox = None;
        if remedy(error) == Remedy::GiveUp {
            return Failure::Refused(error.to_string());
        }
        Failure::Aborted(error.to_string())
    }

    /// The producer; a new one where there is none, which ends whatever its forerunner left open.
    fn outbox(&mut self) -> Result<&mut Outbox, Failure> {
        let outbox = match self.outbox.take() {
            Some(outbox) => outbox,
            None => self.new_outbox()?,
        };
        Ok(self.outbox.insert(outbox))
    }

    fn new_outbox(&self) -> Result<Outbox, Failure> {
        let refused = |error: KafkaError| match checked::<()>(Err(error), &self.shared.servers) {
            Ok(()) => Failure::Refused(String::new()),
            Err(error) => Failure::Refused(error.to_string()),
        };
        let is_transactional = self.shared.config.kafka.guarantee == Guarantee::ExactlyOnce;
        let id = is_transactional.then_some(self.transactional_id.as_str());
        let outbox = Outbox::new(&self.shared, id).map_err(refused)?;
        if is_transactional {
            attempt(|| outbox.producer.init_transactions(REQUEST_TIMEOUT)).map_err(|error| {
                match remedy(&error) {
                    Remedy::GiveUp => Failure::Refused(error.to_string()),
                    _ => Failure::Aborted(format!("cannot begin transactions: {error}")),
                }
            })?;
        }
        Ok(outbox)
    }

    /// Whether a commit whose end is not known has happened: a new producer sees to it that it has ended, and then
    /// the positions tell.
    fn look_it_up(&mut self, receipt: &Receipt) -> Result<bool, Error> {
        let mut pause = PAUSE;
        loop {
            let began = Instant::now();
            let reason = match self.outbox().map(drop) {
                Err(Failure::Refused(reason)) => return Err(self.fault(&reason)),
                Err(Failure::Aborted(reason) | Failure::Unknown(reason)) => reason,
                Err(Failure::TooLarge(_)) => "an output is too large".to_owned(),
                Ok(()) => match self.is_committed(receipt) {
                    Ok(is_committed) => {
                        self.failing_since = None;
                        return Ok(is_committed);
                    }
                    Err(error) => error.to_string(),
                },
            };
            self.failed(began, &reason)?;
            std::thread::park_timeout(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn is_committed(&self, receipt: &Receipt) -> Result<bool, Error> {
        let wanted = self.offsets(receipt).map_err(|_| self.fault("its own positions are out of range"))?;
        let found = self.shared.committed_of(&self.group, wanted)?;
        Ok(receipt.moves.iter().all(|each| {
            let topic = &self.topics.own[each.slot.0];
            found.iter().any(|at| at.topic == *topic && at.partition == each.slot.1 && at.offset >= each.to)
        }))
    }

    // At least once.

    fn send_then_commit(&mut self, receipt: &Receipt, outputs: &[Output]) -> Result<(), Failure> {
        let shared = Arc::clone(&self.shared);
        let deadline = Instant::now() + shared.config.kafka.transaction_timeout + MARGIN;
        let offsets = self.offsets(receipt)?;
        let outbox = self.outbox()?;
        match outbox.send(&shared, outputs, deadline).and_then(|()| outbox.drain(deadline)) {
            Ok(()) => {}
            Err(SendFault::TooLarge(place)) => return Err(Failure::TooLarge(place)),
            Err(SendFault::Failed(error)) => return Err(self.given_up(&error)),
            Err(SendFault::Late) => {
                self.outbox = None;
                return Err(Failure::Aborted("not all outputs arrived in time".to_owned()));
            }
        }
        let committed = self.consumer.commit(&offsets, CommitMode::Sync);
        committed.map_err(|error| match error.rdkafka_error_code().is_some_and(super::client::is_refusal) {
            true => Failure::Refused(error.to_string()),
            false => Failure::Aborted(error.to_string()),
        })
    }
}

/// Makes a call again for as long as its error says that this may help.
fn attempt(mut call: impl FnMut() -> KafkaResult<()>) -> KafkaResult<()> {
    let mut left = ATTEMPTS;
    loop {
        match call() {
            Err(error) if left > 0 && remedy(&error) == Remedy::Retry => std::thread::park_timeout(PAUSE),
            ended => return ended,
        }
        left -= 1;
    }
}

/// Leaves the value out of an output that is larger than the cluster takes, and says so in its headers: what cannot
/// be written must not hold up everything behind it, and a dead letter says where its original is.
fn strip(output: &mut Output) {
    let size = output.size();
    tracing::warn!(
        topic = &*output.topic,
        size,
        "the cluster takes no record of this size; it goes without its value"
    );
    output.value = None;
    output.headers.push("serin-omitted-bytes", Bytes::from(size.to_string()));
}
