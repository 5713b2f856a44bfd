//! The time of day and the time that has passed, from the machine or from a test's hand.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

/// A source of time, passed to whoever needs it, so that a test can say what time it is.
///
/// Cheap to clone. Time of day ([`now_micros`](Self::now_micros)) may jump when somebody sets the machine's clock;
/// whoever measures how long something took uses [`elapsed`](Self::elapsed), which only ever grows.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clocks.
    #[default]
    System,
    /// A clock that stands still until a test moves it.
    Manual(ManualClock),
}

impl Clock {
    /// A clock for tests, which stands at `micros` microseconds after 1970 until it is moved.
    pub fn manual(micros: i64) -> (Self, ManualClock) {
        let clock = ManualClock::new(micros);
        (Self::Manual(clock.clone()), clock)
    }

    /// Microseconds since 1970-01-01T00:00:00Z; negative before it.
    pub fn now_micros(&self) -> i64 {
        match self {
            Self::System => since_1970(SystemTime::now()),
            Self::Manual(clock) => clock.hands.micros.load(Ordering::Acquire),
        }
    }

    /// Time since a fixed but arbitrary moment of this process. Never goes back, whoever sets the time of day.
    pub fn elapsed(&self) -> Duration {
        match self {
            Self::System => origin().elapsed(),
            Self::Manual(clock) => Duration::from_nanos(clock.hands.elapsed_nanos.load(Ordering::Acquire)),
        }
    }
}

/// The hands of a clock that only a test moves; clones share them.
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    hands: Arc<Hands>,
}

#[derive(Debug, Default)]
struct Hands {
    micros: AtomicI64,
    elapsed_nanos: AtomicU64,
}

impl ManualClock {
    /// A clock that stands at `micros` microseconds after 1970, with no time elapsed.
    pub fn new(micros: i64) -> Self {
        let clock = Self::default();
        clock.set_micros(micros);
        clock
    }

    /// Lets `step` pass: the time of day and the elapsed time move on together, and stop at the ends of their
    /// ranges (292,000 years and 584 years).
    pub fn advance(&self, step: Duration) {
        let micros = i64::try_from(step.as_micros()).unwrap_or(i64::MAX);
        let nanos = u64::try_from(step.as_nanos()).unwrap_or(u64::MAX);
        self.hands.micros.update(Ordering::AcqRel, Ordering::Acquire, |now| now.saturating_add(micros));
        self.hands.elapsed_nanos.update(Ordering::AcqRel, Ordering::Acquire, |now| now.saturating_add(nanos));
    }

    /// Sets the time of day, as an operator or a time server would. The elapsed time does not move.
    pub fn set_micros(&self, micros: i64) {
        self.hands.micros.store(micros, Ordering::Release);
    }
}

fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}

fn since_1970(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let (clock, hands) = Clock::manual(1_000);
        assert_eq!((clock.now_micros(), clock.elapsed()), (1_000, Duration::ZERO));
        hands.advance(Duration::from_millis(2));
        assert_eq!((clock.now_micros(), clock.elapsed()), (3_000, Duration::from_millis(2)));
        hands.set_micros(-5);
        assert_eq!((clock.now_micros(), clock.elapsed()), (-5, Duration::from_millis(2)));
    }

    #[test]
    fn a_manual_clock_stops_at_the_end_of_its_range() {
        let (clock, hands) = Clock::manual(i64::MAX - 1);
        hands.advance(Duration::MAX);
        assert_eq!(clock.now_micros(), i64::MAX);
        assert_eq!(clock.elapsed(), Duration::from_nanos(u64::MAX));
    }

    #[test]
    fn the_system_clock_counts_from_1970_and_never_runs_back() {
        let clock = Clock::System;
        let first_of_2024 = 1_704_067_200_000_000;
        assert!(clock.now_micros() > first_of_2024);
        let earlier = clock.elapsed();
        assert!(clock.elapsed() >= earlier);
    }

    #[test]
    fn moments_before_1970_are_negative() {
        let rows = [(SystemTime::UNIX_EPOCH, 0), (SystemTime::UNIX_EPOCH - Duration::from_micros(7), -7)];
        for (time, micros) in rows {
            assert_eq!(since_1970(time), micros);
        }
    }
}
