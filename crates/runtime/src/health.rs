//! Whether the process lives and whether it is ready, as its parts report it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::shutdown::Shutdown;

/// What the parts of a process say of themselves; clones share it.
///
/// *Live* means that every loop that promised to tick has ticked lately: where it has not, restarting the process
/// is the cure. *Ready* means that every gate is open and nobody has asked to stop: until then work should go
/// elsewhere, and restarting would cure nothing. What a process depends on (a broker, say) belongs to readiness at
/// most: a broker that is down must not make an orchestrator restart everything that waits for it.
#[derive(Clone, Debug)]
pub struct Health {
    clock: Clock,
    shutdown: Shutdown,
    parts: Arc<Mutex<Parts>>,
}

#[derive(Debug, Default)]
struct Parts {
    gates: BTreeMap<String, Arc<AtomicBool>>,
    heartbeats: BTreeMap<String, Arc<Pulse>>,
}

#[derive(Debug)]
struct Pulse {
    limit: Duration,
    /// [`Clock::elapsed`] at the last beat, in milliseconds.
    last_ms: AtomicU64,
}

impl Health {
    /// A process without parts: live, and ready until `shutdown` is requested.
    pub fn new(clock: Clock, shutdown: Shutdown) -> Self {
        Self { clock, shutdown, parts: Arc::default() }
    }

    /// Registers a gate, closed, that readiness waits for. Two gates of one name are one gate.
    ///
    /// Register all gates before the work starts: between two registrations the process could look ready.
    #[must_use = "a gate that is never opened keeps the process unready"]
    pub fn gate(&self, name: impl Into<String>) -> Gate {
        Gate { open: Arc::clone(self.parts().gates.entry(name.into()).or_default()) }
    }

    /// Registers a loop that promises to [`beat`](Heartbeat::beat) at least once per `limit`, from now on.
    /// A second registration of the name replaces the first.
    ///
    /// Choose the limit several times longer than the longest honest round of the loop (its time-outs included):
    /// an orchestrator kills the process when it passes.
    pub fn heartbeat(&self, name: impl Into<String>, limit: Duration) -> Heartbeat {
        let name = name.into();
        let pulse = Arc::new(Pulse { limit, last_ms: AtomicU64::new(self.elapsed_ms()) });
        self.parts().heartbeats.insert(name.clone(), Arc::clone(&pulse));
        Heartbeat { name, health: self.clone(), pulse }
    }

    /// The loops whose last beat is older than their limit, with the time since that beat, by name.
    /// Empty while the process lives.
    pub fn stalled(&self) -> Vec<(String, Duration)> {
        let now = self.elapsed_ms();
        let since =
            |pulse: &Pulse| Duration::from_millis(now.saturating_sub(pulse.last_ms.load(Ordering::Acquire)));
        let parts = self.parts();
        let beats = parts.heartbeats.iter().map(|(name, pulse)| (name, since(pulse), pulse.limit));
        beats.filter(|(_, age, limit)| age > limit).map(|(name, age, _)| (name.clone(), age)).collect()
    }

    /// The gates that are still closed, by name.
    pub fn closed(&self) -> Vec<String> {
        let parts = self.parts();
        let closed = parts.gates.iter().filter(|(_, open)| !open.load(Ordering::Acquire));
        closed.map(|(name, _)| name.clone()).collect()
    }

    /// Whether somebody asked the process to stop; it is not ready from then on.
    pub fn is_stopping(&self) -> bool {
        self.shutdown.is_requested()
    }

    /// Whether all gates are open and nobody asked to stop.
    pub fn is_ready(&self) -> bool {
        !self.is_stopping() && self.closed().is_empty()
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The maps are whole after every statement that changes them, so a panic elsewhere leaves nothing to mend.
    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A condition that readiness waits for, such as "models loaded". Starts closed; dropping it changes nothing.
#[derive(Clone, Debug)]
pub struct Gate {
    open: Arc<AtomicBool>,
}

impl Gate {
    /// Says that the condition holds.
    pub fn open(&self) {
        self.open.store(true, Ordering::Release);
    }

    /// Says that the condition does not hold, or no longer.
    pub fn close(&self) {
        self.open.store(false, Ordering::Release);
    }
}

/// A loop's promise to tick. Costs two atomic operations a beat; beat once per round, not per event.
///
/// Dropping it ends the promise, because a loop may end. A loop that ends by a panic keeps it, and so becomes
/// visible as stalled.
#[derive(Debug)]
pub struct Heartbeat {
    name: String,
    health: Health,
    pulse: Arc<Pulse>,
}

impl Heartbeat {
    /// Says that the loop ticks.
    pub fn beat(&self) {
        self.pulse.last_ms.store(self.health.elapsed_ms(), Ordering::Release);
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let mut parts = self.health.parts();
        // A later registration of the same name must survive the end of an earlier one.
        if parts.heartbeats.get(&self.name).is_some_and(|pulse| Arc::ptr_eq(pulse, &self.pulse)) {
            parts.heartbeats.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const LIMIT: Duration = Duration::from_secs(10);

    fn health() -> (Health, ManualClock, Shutdown) {
        let (clock, hands) = Clock::manual(0);
        let shutdown = Shutdown::new();
        (Health::new(clock, shutdown.clone()), hands, shutdown)
    }

    #[test]
    fn ready_means_all_gates_open_and_nobody_asked_to_stop() {
        let (health, _, shutdown) = health();
        assert!(health.is_ready());
        let (models, broker) = (health.gate("models"), health.gate("broker"));
        assert_eq!(health.closed(), ["broker", "models"]);
        models.open();
        assert_eq!(health.closed(), ["broker"]);
        broker.open();
        assert!(health.is_ready());
        models.close();
        assert!(!health.is_ready());
        models.open();
        shutdown.request();
        assert!(health.closed().is_empty() && !health.is_ready());
    }

    #[test]
    fn a_gate_registered_again_is_the_same_gate() {
        let (health, ..) = health();
        health.gate("models").open();
        let again = health.gate("models");
        assert!(health.is_ready());
        again.close();
        assert_eq!(health.closed(), ["models"]);
    }

    #[test]
    fn a_loop_stalls_when_its_limit_has_passed() {
        let (health, hands, _) = health();
        let lane = health.heartbeat("lane", LIMIT);
        hands.advance(LIMIT);
        assert!(health.stalled().is_empty(), "the limit itself is still in time");
        hands.advance(Duration::from_millis(1));
        assert_eq!(health.stalled(), [("lane".to_owned(), LIMIT + Duration::from_millis(1))]);
        lane.beat();
        assert!(health.stalled().is_empty());
        hands.advance(LIMIT * 2);
        drop(lane);
        assert!(health.stalled().is_empty(), "a loop that ended promises nothing");
    }

    #[test]
    fn a_loop_that_panicked_is_seen_as_stalled() {
        let (health, hands, _) = health();
        let lane = health.heartbeat("lane", LIMIT);
        std::thread::spawn(move || {
            let _lane = lane;
            panic!("a bug");
        })
        .join()
        .unwrap_err();
        hands.advance(LIMIT * 2);
        assert_eq!(health.stalled(), [("lane".to_owned(), LIMIT * 2)]);
    }

    #[test]
    fn the_end_of_an_old_loop_does_not_end_its_successor() {
        let (health, hands, _) = health();
        let old = health.heartbeat("lane", LIMIT);
        let _new = health.heartbeat("lane", LIMIT);
        drop(old);
        hands.advance(LIMIT * 2);
        assert_eq!(health.stalled().len(), 1);
    }
}
