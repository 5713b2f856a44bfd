//! The log against a model of it, through random operations.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]

use std::collections::BTreeMap;

use bytes::Bytes;
use messaging::{Broker, Commit, Config, Headers, Lane, LaneConfig, Limits, Output, Start};
use proptest::prelude::*;

const PARTITIONS: u32 = 2;
const TOPICS: [&str; 2] = ["a", "b"];
const GROUPS: [&str; 2] = ["g", "h"];

#[derive(Debug, Clone)]
enum Step {
    Append {
        topic: usize,
        partition: u32,
        count: u64,
    },
    /// Takes for a group; writes as many outputs to topic `b`; commits, or goes away without.
    Take {
        group: usize,
        records: usize,
        outputs: u64,
        commit: bool,
    },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..2_usize, 0..PARTITIONS, 1..20_u64)
            .prop_map(|(topic, partition, count)| Step::Append { topic, partition, count }),
        6 => (0..2_usize, 1..15_usize, 0..4_u64, prop::bool::weighted(0.8))
            .prop_map(|(group, records, outputs, commit)| Step::Take { group, records, outputs, commit }),
        1 => Just(Step::Reopen),
    ]
}

/// A log, and what must be in it: for each topic and partition the numbers written, for each group and
/// partition of topic `a` how many of them are committed.
struct Subject {
    directory: tempfile::TempDir,
    broker: Broker,
    lanes: BTreeMap<usize, Lane>,
    written: [[Vec<u64>; PARTITIONS as usize]; 2],
    committed: [[usize; PARTITIONS as usize]; 2],
    next: u64,
}

impl Subject {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let broker = open(&directory).await;
        for topic in TOPICS {
            broker.create_topic(topic, Some(PARTITIONS)).await.unwrap();
        }
        let lanes = BTreeMap::new();
        Self { directory, broker, lanes, written: Default::default(), committed: Default::default(), next: 0 }
    }

    fn outputs(&mut self, topic: usize, partition: u32, count: u64) -> Vec<Output> {
        let numbers = self.next..self.next + count;
        self.next += count;
        let output = |number: u64| Output {
            topic: TOPICS[topic].into(),
            partition: Some(partition),
            timestamp: 0,
            key: None,
            value: Some(Bytes::copy_from_slice(&number.to_le_bytes())),
            headers: Headers::new(),
        };
        numbers.map(output).collect()
    }

    fn note(&mut self, topic: usize, partition: u32, outputs: &[Output]) {
        let numbers = outputs.iter().map(|output| number(output.value.as_deref().unwrap()));
        self.written[topic][partition as usize].extend(numbers);
    }

    async fn run(&mut self, step: Step) {
        match step {
            Step::Append { topic, partition, count } => {
                let outputs = self.outputs(topic, partition, count);
                self.note(topic, partition, &outputs);
                self.broker.writer().append(outputs).await.unwrap();
            }
            Step::Take { group, records, outputs, commit } => {
                self.take(group, records, outputs, commit).await;
            }
            Step::Reopen => {
                self.lanes.clear();
                self.broker.clone().close().await;
                self.broker = open(&self.directory).await;
            }
        }
        self.check().await;
    }

    async fn take(&mut self, group: usize, records: usize, outputs: u64, commit: bool) {
        let left = |partition: usize| self.written[0][partition].len() - self.committed[group][partition];
        if (0..PARTITIONS as usize).all(|partition| left(partition) == 0) {
            return;
        }
        let mut lane = match self.lanes.remove(&group) {
            Some(lane) => lane,
            None => self.lane(group).await,
        };
        let batch = lane.take(Limits { records, bytes: 1 << 20 }).await.unwrap();
        assert!((1..=records).contains(&batch.records.len()));
        let mut position = self.committed[group];
        for record in &batch.records {
            let next = &mut position[record.partition as usize];
            assert_eq!(record.offset, *next as u64);
            assert_eq!(
                number(record.value.as_deref().unwrap()),
                self.written[0][record.partition as usize][*next]
            );
            *next += 1;
        }
        if commit {
            let outputs = self.outputs(1, 0, outputs);
            self.note(1, 0, &outputs);
            assert_eq!(lane.commit(batch, outputs).await.unwrap(), Commit::Committed);
            self.committed[group] = position;
            self.lanes.insert(group, lane);
        }
    }

    async fn lane(&self, group: usize) -> Lane {
        let config = LaneConfig {
            group: GROUPS[group].to_owned(),
            topics: vec![TOPICS[0].to_owned()],
            start: Start::Earliest,
        };
        self.broker.lane(config).await.unwrap()
    }

    async fn check(&self) {
        for (topic, written) in TOPICS.iter().zip(&self.written) {
            let mut reader = self.broker.reader(&[(*topic).to_owned()], Start::Earliest).await.unwrap();
            let records =
                reader.read_available(Limits { records: usize::MAX, bytes: usize::MAX }).await.unwrap();
            for (partition, expected) in (0..).zip(written) {
                let of = records.iter().filter(|record| record.partition == partition);
                let found: Vec<_> = of.map(|record| number(record.value.as_deref().unwrap())).collect();
                assert_eq!(&found, expected, "topic {topic}, partition {partition}");
            }
        }
        for (group, committed) in GROUPS.iter().zip(self.committed) {
            for position in self.broker.committed(group).await.unwrap() {
                assert_eq!(position.offset, committed[position.partition as usize] as u64, "{position:?}");
            }
        }
    }
}

async fn open(directory: &tempfile::TempDir) -> Broker {
    let mut config = Config::new(format!("file://{}", directory.path().display()));
    config.partitions = PARTITIONS;
    Broker::open(&config).await.unwrap()
}

fn number(value: &[u8]) -> u64 {
    u64::from_le_bytes(value.try_into().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn log_is_what_was_done_to_it(steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut subject = Subject::new().await;
            for step in steps {
                subject.run(step).await;
            }
        });
    }
}
