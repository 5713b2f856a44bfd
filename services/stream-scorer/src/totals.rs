//! What a lane has done since the process began; for progress lines and for tests.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// Totals of one lane, written by the lane once a batch and read by anybody.
///
/// They count work, not commits: a batch that is revoked and scored again counts twice.
#[derive(Debug, Default)]
pub struct LaneTotals {
    records: AtomicU64,
    predictions: AtomicU64,
    outcomes: AtomicU64,
    fallbacks: AtomicU64,
    dead_letters: AtomicU64,
    skipped: AtomicU64,
}

/// The numbers of one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Records taken from the input.
    pub records: u64,
    /// Predictions made.
    pub predictions: u64,
    /// Outcomes that came with the input.
    pub outcomes: u64,
    /// Predictions that production made for a failing version; part of `predictions`.
    pub fallbacks: u64,
    /// Records that became dead letters.
    pub dead_letters: u64,
    /// Events that a shadow passed over: not in its sample, or not to be scored.
    pub skipped: u64,
}

impl LaneTotals {
    pub(crate) fn add(&self, more: Totals) {
        let Totals { records, predictions, outcomes, fallbacks, dead_letters, skipped } = more;
        self.records.fetch_add(records, Ordering::Relaxed);
        self.predictions.fetch_add(predictions, Ordering::Relaxed);
        self.outcomes.fetch_add(outcomes, Ordering::Relaxed);
        self.fallbacks.fetch_add(fallbacks, Ordering::Relaxed);
        self.dead_letters.fetch_add(dead_letters, Ordering::Relaxed);
        self.skipped.fetch_add(skipped, Ordering::Relaxed);
    }

    /// The numbers now.
    pub fn get(&self) -> Totals {
        Totals {
            records: self.records.load(Ordering::Relaxed),
            predictions: self.predictions.load(Ordering::Relaxed),
            outcomes: self.outcomes.load(Ordering::Relaxed),
            fallbacks: self.fallbacks.load(Ordering::Relaxed),
            dead_letters: self.dead_letters.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
        }
    }
}

/// The lanes of a process by name, with what they have done so far: production first, then the shadows as they came.
#[derive(Clone, Debug, Default)]
pub struct LaneList(Arc<Mutex<Vec<NamedTotals>>>);

/// A lane's name and what it has done so far.
pub type NamedTotals = (String, Arc<LaneTotals>);

impl LaneList {
    /// The lanes there are now, and those that have been.
    pub fn get(&self) -> Vec<NamedTotals> {
        self.lock().clone()
    }

    /// The totals of a lane; of one that comes back, those that it had.
    pub(crate) fn totals(&self, name: &str) -> Arc<LaneTotals> {
        let mut lanes = self.lock();
        if let Some((_, totals)) = lanes.iter().find(|(known, _)| known == name) {
            return Arc::clone(totals);
        }
        let totals = Arc::<LaneTotals>::default();
        lanes.push((name.to_owned(), Arc::clone(&totals)));
        totals
    }

    fn lock(&self) -> MutexGuard<'_, Vec<NamedTotals>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
