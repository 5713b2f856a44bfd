//! Several brokers that hold copies of each other's data.

use super::{Kafka, KafkaBuilder, Node};

/// How many brokers, each of them a controller as well: the fewest that survive the loss of one.
const BROKERS: usize = 3;

/// A copy of everything on each broker, two of which must have a record before it counts; and a broker that has gone is
/// missed within seconds.
const PROPERTIES: [(&str, &str); 7] = [
    ("default.replication.factor", "3"),
    ("min.insync.replicas", "2"),
    ("offsets.topic.replication.factor", "3"),
    ("transaction.state.log.replication.factor", "3"),
    ("transaction.state.log.min.isr", "2"),
    ("broker.heartbeat.interval.ms", "500"),
    ("broker.session.timeout.ms", "3000"),
];

/// Three Kafka brokers, any one of which may be lost.
#[derive(Debug)]
pub struct KafkaCluster {
    brokers: Vec<Kafka>,
}

impl KafkaCluster {
    /// The brokers, in the order of their ids.
    pub fn brokers(&self) -> &[Kafka] {
        &self.brokers
    }

    /// Where clients connect to, as `127.0.0.1:port` of each broker with commas between.
    pub fn address(&self) -> String {
        self.brokers.iter().map(Kafka::address).collect::<Vec<_>>().join(",")
    }

    /// As [`address`](Self::address), of listeners that no proxy stands before.
    pub fn direct_address(&self) -> String {
        self.brokers.iter().map(Kafka::direct_address).collect::<Vec<_>>().join(",")
    }
}

impl KafkaBuilder {
    /// Starts three brokers of this kind as one cluster, and waits until a client can use it.
    ///
    /// # Panics
    ///
    /// As [`KafkaBuilder::start`].
    pub fn start_cluster(mut self) -> KafkaCluster {
        for (name, value) in PROPERTIES {
            self.properties.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
        let nodes: Vec<_> = (1..=BROKERS).map(Node::new).collect();
        let voters = nodes.iter().map(Node::voter).collect::<Vec<_>>().join(",");
        let brokers: Vec<_> = nodes.iter().map(|node| self.prepare(node, &voters)).collect();
        // None of them is ready before most of them run.
        brokers.iter().for_each(|broker| broker.start_only());
        brokers.iter().for_each(|broker| broker.await_ready());
        KafkaCluster { brokers }
    }
}
