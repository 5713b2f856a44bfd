//! Looks into a log: as a guest of the process that owns it, or as its owner where nobody does; or on a server.

use std::os::unix::net::UnixStream;
use std::path::Path;

use messaging::{Broker, Config, Limits, Output, Record, Start};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::process::url;

/// What one read takes at once.
const LIMITS: Limits = Limits { records: 10_000, bytes: 32 << 20 };

/// An embedded log in a directory, or what is on a server.
pub(crate) struct Log {
    runtime: Runtime,
    broker: Broker,
}

impl Log {
    /// Opens the log, or reaches the process that has it open.
    pub(crate) fn open(directory: &Path) -> Self {
        Self::at(&Config::new(url(directory)))
    }

    /// Reaches a broker.
    pub(crate) fn at(config: &Config) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let broker = runtime.block_on(Broker::connect(config)).unwrap();
        Self { runtime, broker }
    }

    /// Reaches the process that has the log open; none while no process serves it.
    pub(crate) fn of_owner(directory: &Path) -> Option<Self> {
        UnixStream::connect(directory.join("serin.sock")).ok()?;
        Some(Self::open(directory))
    }

    /// All records of a topic, by partition and offset.
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

    /// The values of a topic's records, which are JSON.
    pub(crate) fn read_json(&self, topic: &str) -> Vec<Value> {
        self.read(topic).iter().map(json).collect()
    }

    /// How many records of `topic` a group has behind it; none where the owner has ended meanwhile.
    pub(crate) fn committed(&self, group: &str, topic: &str) -> Option<u64> {
        let positions = self.runtime.block_on(self.broker.committed(group)).ok()?;
        Some(positions.iter().filter(|each| *each.topic == *topic).map(|each| each.offset).sum())
    }

    /// Appends a record as any producer might.
    pub(crate) fn append(&self, output: Output) {
        self.runtime.block_on(self.broker.writer().append(vec![output])).unwrap();
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.runtime.block_on(self.broker.clone().close());
    }
}

/// The value of a record, which is JSON.
pub(crate) fn json(record: &Record) -> Value {
    serde_json::from_slice(record.value.as_deref().unwrap_or_default()).unwrap()
}

/// A header's value as text.
pub(crate) fn header(record: &Record, name: &str) -> String {
    let value = record.headers.get(name).unwrap_or_else(|| panic!("no header {name} in {record:?}"));
    String::from_utf8(value.to_vec()).unwrap()
}
