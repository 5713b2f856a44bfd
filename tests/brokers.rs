//! The demo on real servers: the same month gives the same predictions, bit for bit, whatever carries it.

use messaging::Config;
use servers::{Kafka, Nats};

use crate::support::log::Log;
use crate::support::month::assert_undisturbed;
use crate::support::process::{run, serin};

/// Runs the demo on a server and compares what it leaves there with a run on the embedded log.
fn demo_is_undisturbed(url: &str, prefix: &str) {
    let answer =
        run(serin(["demo", "--format", "json", "--broker", url, "--prefix", prefix])).with_code(0).json();
    let mut config = Config::new(url);
    config.kafka.prefix = format!("{prefix}.");
    prefix.clone_into(&mut config.nats.stream);
    prefix.clone_into(&mut config.nats.prefix);
    assert_undisturbed(&Log::at(&config), &answer);
}

#[test]
fn demo_on_kafka_is_the_demo() {
    demo_is_undisturbed(&Kafka::shared().url(), "house-demo");
}

#[test]
fn demo_on_nats_is_the_demo() {
    demo_is_undisturbed(&Nats::shared().url(), "house-demo");
}

#[test]
fn demo_on_a_server_that_is_not_there_says_so() {
    let ended = run(serin(["demo", "--broker", "nats://127.0.0.1:1"])).with_code(1);
    assert!(
        ended.err.contains("cannot open the broker") && ended.err.contains("127.0.0.1:1"),
        "{}",
        ended.err
    );
}
