//! The one thread that writes.
//!
//! It takes all jobs that wait, writes them in one transaction of the store, and answers them when that is
//! durable: appends and lanes that come together share one sync, and each of them is still all or nothing.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use redb::WriteTransaction;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::embedded::frame::Rows;
use crate::embedded::group::MemberId;
use crate::embedded::ledger::Ledger;
use crate::embedded::log::{Log, now_ms};
use crate::embedded::membership::{Joined, LaneCommit, Memberships};
use crate::embedded::owner::DirectoryLock;
use crate::embedded::tables::Tables;
use crate::embedded::{lag, retention};
use crate::error::Error;
use crate::failpoint::{self, Point};
use crate::lane::{Commit, LaneConfig};
use crate::metrics::COMMIT_SECONDS;
use crate::record::Placed;

/// The most jobs, and about the most bytes, that share one transaction.
const MAX_JOBS: usize = 1_024;
const MAX_BYTES: usize = 32 << 20;

/// How often age limits and lags are looked at.
const TICK: Duration = Duration::from_secs(1);

/// Something to be written.
#[derive(Debug)]
pub(crate) enum Job {
    Create { topic: Arc<str>, partitions: Option<u32>, reply: Reply<()> },
    Append { rows: Rows, room: OwnedSemaphorePermit, reply: Reply<Vec<Placed>> },
    Commit { commit: LaneCommit, under_way: crate::lane::UnderWay, reply: Reply<Commit> },
    Join { lane: LaneConfig, reply: Joined },
    Leave { group: Arc<str>, member: MemberId },
    Stop,
}

/// Where the answer to a job goes; nobody need wait for it.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// An answer that waits for its transaction.
type Answer = Box<dyn FnOnce(Result<(), Error>)>;

impl Job {
    fn bytes(&self) -> usize {
        match self {
            Self::Append { rows, .. } => rows.bytes(),
            Self::Commit { commit, .. } => commit.rows.bytes(),
            _ => 0,
        }
    }
}

/// The thread's state.
pub(crate) struct Committer {
    log: Arc<Log>,
    jobs: Receiver<Job>,
    ledger: Ledger,
    memberships: Memberships,
    has_age: bool,
    next_tick: Instant,
    /// Whether lags may have changed since they were last measured.
    lags_changed: bool,
    /// Whether retention left something to do.
    more_to_expire: bool,
}

/// Closes the store and then releases the directory, however the thread ends.
struct End {
    log: Arc<Log>,
    lock: Option<DirectoryLock>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.log.state.send_modify(|state| {
            state.ended.get_or_insert(Error::Closed);
        });
        drop(self.log.store.write().unwrap_or_else(PoisonError::into_inner).take());
        drop(self.lock.take());
    }
}

impl Committer {
    pub(crate) fn new(log: Arc<Log>, jobs: Receiver<Job>, ledger: Ledger) -> Self {
        let has_age = retention::has_age(&log.config);
        let memberships = Memberships::default();
        let next_tick = Instant::now();
        Self { log, jobs, ledger, memberships, has_age, next_tick, lags_changed: true, more_to_expire: false }
    }

    /// Writes until the log is closed or fails. `lock` is released at the end.
    pub(crate) fn run(mut self, lock: Option<DirectoryLock>) {
        let _end = End { log: Arc::clone(&self.log), lock };
        while let Some(jobs) = self.next_jobs() {
            let stop = matches!(jobs.last(), Some(Job::Stop));
            let idle = jobs.is_empty() && !self.has_age && !self.more_to_expire;
            if idle {
                self.measure_lags();
                continue;
            }
            if let Err(error) = self.write(jobs) {
                tracing::error!(%error, "the log failed and takes no more writes");
                self.log.state.send_modify(|state| state.ended = Some(error));
                return;
            }
            self.measure_lags();
            if stop {
                return;
            }
        }
    }

    /// Waits for a job, or for the time to look at ages and lags; takes what else is there. `Stop` is the last.
    fn next_jobs(&mut self) -> Option<Vec<Job>> {
        let patience = match (self.more_to_expire, self.has_age || self.lags_changed) {
            (true, _) => Duration::ZERO,
            (false, true) => self.next_tick.saturating_duration_since(Instant::now()),
            (false, false) => Duration::MAX,
        };
        let first = match self.jobs.recv_timeout(patience) {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout) => return Some(Vec::new()),
            Err(RecvTimeoutError::Disconnected) => return None,
        };
        let mut bytes = first.bytes();
        let mut jobs = vec![first];
        while jobs.len() < MAX_JOBS
            && bytes < MAX_BYTES
            && !matches!(jobs.last(), Some(Job::Stop))
            && let Ok(job) = self.jobs.try_recv()
        {
            bytes += job.bytes();
            jobs.push(job);
        }
        Some(jobs)
    }

    /// Does all jobs in one transaction, and answers them.
    fn write(&mut self, jobs: Vec<Job>) -> Result<(), Error> {
        failpoint::pass(Point::CommitBefore);
        let started = Instant::now();
        let mut answers = Vec::with_capacity(jobs.len());
        let log = Arc::clone(&self.log);
        let written = log.with_store(|store| {
            let mut write = store.begin_write()?;
            write.set_quick_repair(self.ledger.wants_quick_repair(&log.config));
            let dirty = self.apply(&write, jobs, &mut answers)?;
            if dirty {
                failpoint::pass(Point::CommitInside);
                write.commit()?;
                failpoint::pass(Point::CommitAfter);
            } else {
                write.abort()?;
            }
            Ok(dirty)
        });
        if written.as_ref().is_ok_and(|dirty| *dirty) {
            metrics::histogram!(COMMIT_SECONDS).record(started.elapsed());
        }
        if written.is_ok() {
            self.ledger.publish(&self.log);
            self.memberships.publish(&self.ledger);
        }
        let written = written.map(drop);
        for answer in answers {
            answer(written.clone());
        }
        written
    }

    /// Does all jobs, commits none; says whether there is something to commit.
    fn apply(
        &mut self,
        write: &WriteTransaction,
        jobs: Vec<Job>,
        answers: &mut Vec<Answer>,
    ) -> Result<bool, Error> {
        let mut tables = Tables::open(write)?;
        let mut moved = false;
        for job in jobs {
            moved |= matches!(job, Job::Commit { .. } | Job::Join { .. });
            self.apply_job(&mut tables, job, answers)?;
        }
        let now = now_ms();
        let age = (self.has_age && Instant::now() >= self.next_tick).then_some(now);
        self.more_to_expire = retention::expire(&mut self.ledger, &mut tables, &self.log.config, age)?;
        let touched = self.ledger.store(&mut tables)?;
        self.lags_changed |= touched || moved;
        Ok(touched || moved)
    }

    fn apply_job(
        &mut self,
        tables: &mut Tables<'_>,
        job: Job,
        answers: &mut Vec<Answer>,
    ) -> Result<(), Error> {
        let Self { log, ledger, memberships, .. } = self;
        match job {
            Job::Create { topic, partitions, reply } => {
                let counts = (partitions, log.config.partitions_of(&topic));
                let created = ledger.ensure_topic(tables, &topic, counts)?.map(drop);
                answers.push(answer(reply, created));
            }
            Job::Append { rows, room, reply } => {
                let placed = match ledger.check(&rows, &log.config) {
                    Ok(()) => ledger.append(tables, &rows, &log.config)?,
                    Err(refused) => Err(refused),
                };
                answers.push(held(room, answer(reply, placed)));
            }
            Job::Commit { commit, under_way, reply } => {
                let committed = memberships.commit(ledger, tables, &commit, &log.config)?;
                answers.push(held(under_way, answer(reply, committed)));
            }
            Job::Join { lane, reply } => {
                answers.push(answer(reply, memberships.join(ledger, tables, log, &lane)?));
            }
            Job::Leave { group, member } => memberships.leave(&group, member),
            Job::Stop => {}
        }
        Ok(())
    }

    fn measure_lags(&mut self) {
        if Instant::now() >= self.next_tick {
            self.next_tick = Instant::now() + TICK;
            if std::mem::take(&mut self.lags_changed) {
                lag::measure(&self.ledger);
            }
        }
    }
}

/// Answers with a job's own result if its transaction succeeded. Whoever asked may have gone: a commit
/// whose future was dropped is committed all the same.
fn answer<T: 'static>(reply: Reply<T>, result: Result<T, Error>) -> Answer {
    Box::new(move |written| drop(reply.send(written.and(result))))
}

/// Keeps something until the answer is given.
fn held<T: 'static>(something: T, answer: Answer) -> Answer {
    Box::new(move |written| {
        drop(something);
        answer(written);
    })
}
