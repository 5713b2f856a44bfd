//! The conformance suite over Apache Kafka.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use messaging::{Config, Guarantee, conformance};
use servers::Kafka;

/// A corner of the shared server that nobody else uses. Members tell each other sooner than by default that
/// partitions are to move, so that the tests need not wait.
fn corner() -> Config {
    static CORNERS: AtomicU32 = AtomicU32::new(0);
    let mut config = Config::new(Kafka::shared().url());
    config.kafka.prefix = format!("corner-{}.", CORNERS.fetch_add(1, Ordering::Relaxed));
    config.kafka.create_topics = true;
    config.kafka.options.insert("heartbeat.interval.ms".to_owned(), "200".to_owned());
    config.kafka.transaction_timeout = Duration::from_secs(5);
    config
}

conformance!(exactly_once, corner(), kept);

mod at_least_once {
    use super::*;

    fn config() -> Config {
        let mut config = corner();
        config.kafka.guarantee = Guarantee::AtLeastOnce;
        config
    }

    conformance!(at_least_once, config(), kept, at_least_once);
}

mod static_members {
    use super::*;

    fn config() -> Config {
        let mut config = corner();
        config.kafka.instance = Some("scorer-0".to_owned());
        config
    }

    conformance!(@cases static_members, config(),
        order_per_key_holds, outputs_and_positions_are_written_together, commits_overlap_with_takes,
        records_and_positions_outlive_the_broker, uncommitted_batch_is_taken_again);
}
