//! How far event time has come.

use std::collections::HashMap;

use events::Timestamp;

/// The watermark: the moment up to which all partitions have been seen.
///
/// Each partition's time is the latest event that it has shown; the watermark is the least of them. A partition
/// that has shown nothing yet does not count, since a topic may have more partitions than keys.
#[derive(Debug, Default)]
pub(crate) struct Watermarks {
    partitions: HashMap<(Source, u32), Timestamp>,
    is_complete: bool,
}

/// Which of the topics a partition belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    Predictions,
    ShadowPredictions,
    Outcomes,
}

impl Watermarks {
    /// An event of this time was seen; says how far its partition has come with it.
    pub(crate) fn observe(&mut self, source: Source, partition: u32, time: Timestamp) -> Timestamp {
        let latest = self.partitions.entry((source, partition)).or_insert(time);
        *latest = (*latest).max(time);
        *latest
    }

    /// Nothing will follow: a replay has ended.
    pub(crate) fn complete(&mut self) {
        self.is_complete = true;
    }

    /// Whether nothing will follow.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// The watermark; `None` as long as nothing was seen.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        let least = self.partitions.values().min().copied();
        if self.is_complete { least.map(|_| Timestamp::MAX) } else { least }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    #[test]
    fn the_slowest_partition_decides() {
        let mut watermarks = Watermarks::default();
        assert_eq!(watermarks.now(), None);
        watermarks.observe(Source::Predictions, 0, at(10));
        watermarks.observe(Source::Predictions, 1, at(7));
        watermarks.observe(Source::Outcomes, 0, at(8));
        assert_eq!(watermarks.now(), Some(at(7)));
        watermarks.observe(Source::Predictions, 1, at(9));
        watermarks.observe(Source::Predictions, 1, at(3));
        assert_eq!(watermarks.now(), Some(at(8)));
        watermarks.complete();
        assert_eq!(watermarks.now(), Some(Timestamp::MAX));
    }
}
