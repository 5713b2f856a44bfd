//! A version that must not hold up production: it scores on a thread of its own, and has a deadline.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use events::{Fields, Outputs};

use crate::error::ScoreError;
use crate::metrics::{self as meters, Meters};
use crate::model::Model;
use crate::scorer::Scorer;

/// How long a canary, variant or shadow may take for its part of a batch, unless told otherwise.
pub const DEADLINE: Duration = Duration::from_secs(2);

/// How many deadlines in a row a version may miss before it is left alone for a while.
const MISSES_MAX: u32 = 3;

/// For how long.
const PAUSE: Duration = Duration::from_secs(30);

/// How many threads a version may leave hanging before it is disabled.
const STUCK_MAX: usize = 2;

/// Who has waited for so much longer than asked for has stood still itself, and the version with it.
const STOOD_STILL: Duration = Duration::from_millis(500);

/// A version with its thread. What it has not scored in time gets an error, and what it gives later is thrown away.
#[derive(Debug)]
pub(crate) struct Candidate {
    model: Arc<Model>,
    deadline: Duration,
    meters: Meters,
    /// The thread that is free, or at work on the part at hand.
    worker: Option<Worker>,
    /// Threads that have missed a deadline and have not come back since.
    late: Vec<Worker>,
    /// Deadlines missed in a row.
    misses: u32,
    /// Until when nothing is asked of it.
    paused_until: Option<Instant>,
    is_disabled: bool,
    part: Part,
}

/// The part of a batch that was handed out.
#[derive(Debug)]
enum Part {
    None,
    /// So many events went to the worker, at this time.
    AtWork(usize, Instant),
    /// So many events were not even handed out.
    Refused(usize),
}

/// Events on the way to the worker, and with their results back. The buffers go to and fro.
#[derive(Debug, Default)]
struct Job {
    events: Vec<Fields>,
    results: Vec<Result<Outputs, ScoreError>>,
}

#[derive(Debug)]
struct Worker {
    jobs: mpsc::Sender<Job>,
    done: mpsc::Receiver<Job>,
    /// The buffers, while they are here.
    job: Job,
}

impl Candidate {
    pub(crate) fn new(model: &Arc<Model>, deadline: Duration) -> Self {
        Self {
            model: Arc::clone(model),
            deadline,
            meters: Meters::new(model.name(), model.version()),
            worker: None,
            late: Vec::new(),
            misses: 0,
            paused_until: None,
            is_disabled: false,
            part: Part::None,
        }
    }

    pub(crate) fn model(&self) -> &Arc<Model> {
        &self.model
    }

    pub(crate) fn meters(&self) -> &Meters {
        &self.meters
    }

    /// Hands out a part of the batch, of `count` events. [`Candidate::finish`] has what becomes of it.
    pub(crate) fn start<'e>(&mut self, count: usize, events: impl Iterator<Item = &'e Fields>) {
        self.part = match self.free_worker() {
            None => Part::Refused(count),
            Some(worker) => {
                let mut job = std::mem::take(&mut worker.job);
                job.events.clear();
                job.events.extend(events.cloned());
                // A worker ends only when its sender is gone.
                drop(worker.jobs.send(job));
                Part::AtWork(count, Instant::now())
            }
        };
    }

    /// Waits for the part that was handed out, until its deadline, and puts a result for each of its events into
    /// `results`, in place of what was there.
    pub(crate) fn finish(&mut self, results: &mut Vec<Result<Outputs, ScoreError>>) {
        results.clear();
        match std::mem::replace(&mut self.part, Part::None) {
            Part::None => {}
            Part::Refused(count) => results.resize(count, Err(ScoreError::Unavailable)),
            Part::AtWork(count, started) => {
                let finished =
                    self.worker.as_mut().is_some_and(|worker| worker.wait(started + self.deadline));
                match self.worker.as_mut().filter(|_| finished) {
                    Some(worker) => {
                        results.append(&mut worker.job.results);
                        self.misses = 0;
                        self.meters.scored(started);
                    }
                    None => {
                        self.miss();
                        results.resize(count, Err(ScoreError::Late { deadline: self.deadline }));
                    }
                }
            }
        }
        for error in results.iter().filter_map(|result| result.as_ref().err()) {
            self.meters.error(error);
        }
    }

    /// The worker, unless nothing is to be asked of this version now.
    fn free_worker(&mut self) -> Option<&mut Worker> {
        self.late.retain_mut(|worker| !worker.is_back());
        if self.is_disabled || self.paused_until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        self.paused_until = None;
        if self.worker.is_none() && self.late.len() >= STUCK_MAX {
            self.is_disabled = true;
            let (model, version) = (self.model.name(), self.model.version());
            meters::disabled(model, version);
            tracing::error!(
                model = &**model,
                version = &**version,
                "the version is disabled until the next deployment: {STUCK_MAX} of its threads hang"
            );
            return None;
        }
        if self.worker.is_none() {
            self.worker = Worker::spawn(self.model.scorer().with_failures());
        }
        self.worker.as_mut()
    }

    /// Takes note of a missed deadline.
    fn miss(&mut self) {
        self.late.extend(self.worker.take());
        self.misses += 1;
        let (model, version) = (&**self.model.name(), &**self.model.version());
        if self.misses >= MISSES_MAX {
            self.paused_until = Some(Instant::now() + PAUSE);
            tracing::warn!(
                model,
                version,
                "a deadline of {:?} was missed, {} in a row: nothing is asked of the version for {PAUSE:?}",
                self.deadline,
                self.misses
            );
        } else {
            tracing::warn!(model, version, "a deadline of {:?} was missed", self.deadline);
        }
    }
}

impl Worker {
    /// A thread that scores until its sender is gone; none where the system has none to give.
    fn spawn(mut scorer: Scorer) -> Option<Self> {
        let (jobs, todo) = mpsc::channel::<Job>();
        let (finished, done) = mpsc::channel();
        let name = format!("score {}", scorer.model().version());
        let work = move || {
            for mut job in todo {
                scorer.score(&job.events, &mut job.results);
                if finished.send(job).is_err() {
                    return;
                }
            }
        };
        match std::thread::Builder::new().name(name).spawn(work) {
            Ok(_) => Some(Self { jobs, done, job: Job::default() }),
            Err(error) => {
                tracing::error!("cannot start a thread to score on: {error}");
                None
            }
        }
    }

    /// Whether the job that is under way is done by the deadline.
    fn wait(&mut self, deadline: Instant) -> bool {
        let asked = Instant::now();
        let patience = deadline.saturating_duration_since(asked);
        let done = self.done.recv_timeout(patience).or_else(|error| match error {
            RecvTimeoutError::Timeout if asked.elapsed() > patience + STOOD_STILL => {
                self.done.recv_timeout(patience.max(STOOD_STILL))
            }
            error => Err(error),
        });
        match done {
            Ok(job) => {
                self.job = job;
                true
            }
            Err(_) => false,
        }
    }

    /// Whether a late worker has come back, with what nobody waits for any more; or will never come back.
    fn is_back(&mut self) -> bool {
        !matches!(self.done.try_recv(), Err(mpsc::TryRecvError::Empty))
    }
}
