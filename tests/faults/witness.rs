//! Who looks at the topics: all the time from the first record on, and once more at the end.

use std::sync::{Arc, Mutex};

use messaging::{Broker, Config, Limits, Output, Placed, Record, Start};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// What one read takes at once.
const LIMITS: Limits = Limits { records: 10_000, bytes: 32 << 20 };

/// The topics that a run's outputs go to.
pub(crate) const OUTPUTS: [&str; 3] = ["predictions", "shadow-predictions", "features.dlq"];

/// A reader of committed records that runs beside the scorers.
pub(crate) struct Witness {
    seen: Arc<Mutex<Vec<Record>>>,
    task: JoinHandle<()>,
}

impl Witness {
    /// Reads from now on; the topics are made where they are missing.
    pub(crate) fn start(Look { runtime, broker }: &Look) -> Self {
        let topics = OUTPUTS.map(str::to_owned);
        let mut reader = runtime.block_on(broker.reader(&topics, Start::Earliest)).unwrap();
        let seen = Arc::<Mutex<Vec<Record>>>::default();
        let all = Arc::clone(&seen);
        let task = runtime.spawn(async move {
            loop {
                let records = reader.read(LIMITS).await.unwrap();
                all.lock().unwrap().extend(records);
            }
        });
        Self { seen, task }
    }

    /// How many records it has seen so far.
    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// All that it has seen.
    pub(crate) fn stop(self) -> Vec<Record> {
        assert!(!self.task.is_finished(), "the reader that ran beside the scorers has failed");
        self.task.abort();
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

/// Reaches a broker from outside.
pub(crate) struct Look {
    pub(crate) runtime: Runtime,
    pub(crate) broker: Broker,
}

impl Look {
    pub(crate) fn at(config: &Config) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap();
        let broker = runtime.block_on(Broker::connect(config)).unwrap();
        Self { runtime, broker }
    }

    /// All that is on a topic now, by partition and offset.
    pub(crate) fn read(&self, topic: &str) -> Vec<Record> {
        let mut records = self.runtime.block_on(async {
            let mut reader = self.broker.reader(&[topic.to_owned()], Start::Earliest).await.unwrap();
            reader.stop_at_end().await.unwrap();
            let mut all = Vec::new();
            loop {
                let some = reader.read(LIMITS).await.unwrap();
                if some.is_empty() {
                    return all;
                }
                all.extend(some);
            }
        });
        records.sort_by_key(|record| (record.partition, record.offset));
        records
    }

    /// Appends a record, and returns where it is.
    pub(crate) fn append(&self, output: Output) -> Placed {
        self.runtime.block_on(self.broker.writer().append(vec![output])).unwrap()[0]
    }

    /// The committed positions of a group on the input; none while the server does not answer.
    pub(crate) fn committed(&self, group: &str) -> Option<[u64; 4]> {
        let positions = self.runtime.block_on(self.broker.committed(group)).ok()?;
        let mut committed = [0; 4];
        for position in positions.iter().filter(|position| *position.topic == *"features") {
            committed[position.partition as usize] = position.offset;
        }
        Some(committed)
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        self.runtime.block_on(self.broker.clone().close());
    }
}
