//! A lane on Kafka.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, mpsc};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio::sync::{oneshot, watch};

use super::intake::{Intake, Member, Topics};
use super::partitions::{Partitions, Receipt, Taken};
use super::transaction::{Committer, Job};
use super::{Shared, client, fault};
use crate::config::COMMIT_HEADROOM_HEADERS;
use crate::error::Error;
use crate::lane::{Commit, LaneConfig, Limits, MAX_COMMITS, UnderWay};
use crate::record::{Headers, Output, Record};

/// How much longer than a transaction a member may be silent before its partitions go to others.
const SESSION_MARGIN: Duration = Duration::from_secs(5);

/// How often the statistics of a consumer are looked at, which show its lag.
const STATISTICS_EVERY: Duration = Duration::from_secs(5);

/// How long joining a group may take beside the session of a member that was killed.
const JOIN_TIMEOUT: Duration = Duration::from_mins(2);

/// A member of a consumer group together with what commits for it.
pub struct KafkaLane {
    id: u64,
    shared: Arc<Shared>,
    partitions: Arc<Partitions>,
    /// None once the lane is dropped: the thread that commits ends when it has done what is queued.
    jobs: Option<mpsc::Sender<Job>>,
    commits: watch::Sender<usize>,
    /// The number of the next batch to be taken.
    next: u64,
    /// The epoch that the batches are of, and the number of the next one to be committed in it.
    due: (u64, u64),
}

impl std::fmt::Debug for KafkaLane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaLane").field("id", &self.id).finish_non_exhaustive()
    }
}

impl KafkaLane {
    /// Joins a group. Start positions are durable when this returns.
    pub(super) async fn join(shared: &Arc<Shared>, config: LaneConfig) -> Result<Self, Error> {
        static LANES: AtomicU64 = AtomicU64::new(0);
        let partitions = Arc::new(Partitions::default());
        let (jobs, queue) = mpsc::channel();
        let lane = Self {
            id: LANES.fetch_add(1, Ordering::Relaxed),
            shared: Arc::clone(shared),
            partitions: Arc::clone(&partitions),
            jobs: Some(jobs),
            commits: watch::Sender::new(0),
            next: 0,
            due: (0, 0),
        };
        spawn(shared, &partitions, config, queue)?;
        let joined = async {
            while !lane.partitions.has_joined()? {
                lane.partitions.changed.notified().await;
            }
            Ok(())
        };
        match tokio::time::timeout(JOIN_TIMEOUT, joined).await {
            Ok(joined) => joined.map(|()| lane),
            Err(_) => {
                Err(shared.server_error(format!("the group has not let us in within {JOIN_TIMEOUT:?}")))
            }
        }
    }

    /// Waits for records and takes up to `limits` of them. What is taken is taken at once, after the last await, so
    /// that dropping the future loses nothing.
    pub(crate) async fn take(&mut self, limits: Limits) -> Result<(Vec<Record>, Receipt), Error> {
        loop {
            // Cannot fail: we hold the sender.
            drop(self.commits.subscribe().wait_for(|count| *count < MAX_COMMITS).await);
            if let Some(Taken { records, moves, epoch, .. }) = self.partitions.take(limits)? {
                let receipt = Receipt { lane: self.id, epoch, number: self.next, moves };
                if self.due.0 != epoch {
                    self.due = (epoch, self.next);
                }
                self.next += 1;
                return Ok((records, receipt));
            }
            self.partitions.changed.notified().await;
        }
    }

    /// Queues a commit and returns its end.
    pub(crate) fn commit(
        &mut self,
        receipt: Receipt,
        outputs: Vec<Output>,
    ) -> Result<impl Future<Output = Result<Commit, Error>> + Send + use<>, Error> {
        if receipt.lane != self.id {
            return Err(Error::OutOfOrder { detail: "it was taken by another lane".to_owned() });
        }
        // A batch of an epoch that is over is answered by the thread that commits, after those before it.
        if receipt.epoch == self.due.0 && receipt.epoch == self.partitions.epoch() {
            if receipt.number != self.due.1 {
                let detail = format!("batch {} was due, not {}", self.due.1, receipt.number);
                return Err(Error::OutOfOrder { detail });
            }
            self.check(&outputs)?;
            self.due.1 += 1;
        }
        let bytes: usize = outputs.iter().map(Output::size).sum();
        let is_oversized = bytes as u64 > self.shared.config.queue_bytes;
        let under_way = UnderWay::begin(&self.commits, if is_oversized { MAX_COMMITS } else { 1 });
        let (reply, answer) = oneshot::channel();
        let job = Job { receipt, outputs, reply, under_way };
        let is_sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        if !is_sent {
            return Err(self.partitions.has_joined().err().unwrap_or(Error::Closed));
        }
        Ok(async move { answer.await.unwrap_or(Err(Error::Closed)) })
    }

    /// Finds what can be told before anything is sent.
    fn check(&self, outputs: &[Output]) -> Result<(), Error> {
        let limit = self.shared.config.max_record_bytes + crate::config::COMMIT_HEADROOM_BYTES;
        for output in outputs {
            if output.partition.is_some() {
                self.know(&output.topic)?;
            }
            super::writer::check(&self.shared, output, limit, Headers::MAX + COMMIT_HEADROOM_HEADERS)?;
        }
        Ok(())
    }
}

impl KafkaLane {
    /// Sees to it that a topic is there, so that it is known which partitions it has. What scores names none.
    fn know(&self, topic: &str) -> Result<(), Error> {
        let shared = &self.shared;
        let known = std::thread::scope(|scope| {
            scope.spawn(|| shared.runtime.block_on(shared.ensure_topic(topic))).join()
        });
        match known {
            Ok(known) => known.map(drop),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl Drop for KafkaLane {
    fn drop(&mut self) {
        self.jobs = None;
        self.partitions.close();
    }
}

/// Starts the threads of a lane.
fn spawn(
    shared: &Arc<Shared>,
    partitions: &Arc<Partitions>,
    config: LaneConfig,
    queue: mpsc::Receiver<Job>,
) -> Result<(), Error> {
    let topics = Arc::new(Topics::new(shared, &config.topics));
    let group = config.group.clone();
    let member = Member {
        shared: Arc::clone(shared),
        partitions: Arc::clone(partitions),
        topics: Arc::clone(&topics),
        group: group.clone(),
        start: config.start,
    };
    let consumer = Arc::new(consumer(shared, &group, member)?);
    let names: Vec<_> = topics.wire.iter().map(String::as_str).collect();
    fault::checked(consumer.subscribe(&names), &shared.servers)?;
    let committer = Committer {
        shared: Arc::clone(shared),
        partitions: Arc::clone(partitions),
        topics,
        consumer: Arc::clone(&consumer),
        transactional_id: transactional_id(shared, &group),
        group,
        outbox: None,
        seen: Vec::new(),
        failing_since: None,
    };
    let committer = thread("serin-kafka-commit", move || committer.run(queue))?;
    let intake = Intake { consumer, committer };
    let intake = thread("serin-kafka-poll", move || intake.run())?;
    let mut threads = shared.threads.lock().unwrap_or_else(PoisonError::into_inner);
    threads.retain(|thread| !thread.is_finished());
    threads.push(intake);
    Ok(())
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> Result<std::thread::JoinHandle<()>, Error> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map_err(Error::io("cannot start a thread of a lane"))
}

fn consumer(shared: &Shared, group: &str, member: Member) -> Result<BaseConsumer<Member>, Error> {
    let settings = &shared.config.kafka;
    let session = settings.transaction_timeout + SESSION_MARGIN;
    let mut config = client::reading(&shared.client, &shared.config, &shared.wire_name(group));
    config
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", client::millis(session))
        .set("statistics.interval.ms", client::millis(STATISTICS_EVERY));
    if let Some(instance) = &settings.instance {
        config.set("group.instance.id", instance);
    }
    let config = client::with_options(config, settings);
    fault::checked(config.create_with_context(member), &shared.servers)
}

/// What the cluster knows the transactions of this lane by. With an instance the same after a restart, so that the
/// new process ends at once what the old one left open; without one it has to wait for the time-out.
fn transactional_id(shared: &Shared, group: &str) -> String {
    let instance = shared.config.kafka.instance.clone().unwrap_or_else(|| format!("{:016x}", rand()));
    shared.wire_name(&format!("{group}.{instance}"))
}

/// A number that nobody else has: the standard library seeds its hashers from the operating system.
fn rand() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}
