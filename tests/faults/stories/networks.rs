//! Networks between scorers and the server that fail; the producer and the witness go past them.

use std::time::Duration;

use super::{on_both, runs};
use crate::run::Run;
use crate::server::{Kind, Server};
use crate::support::{Random, pause};

on_both!(connections_reset, connection_cut);

#[test]
fn connection_stalled_on_kafka() {
    connection_stalled(Kind::Kafka);
}

#[test]
#[ignore = "open: the group comes to the end late or not at all, see docs/faults.md"]
fn connection_stalled_on_nats() {
    connection_stalled(Kind::Nats);
}

/// All connections end at once, again and again; new ones are let through.
fn connections_reset(kind: Kind) {
    let run = Run::on(Server::own(kind));
    let mut scorers = vec![run.serving(&[])];
    let mut random = Random(4);
    for _ in 0..runs() {
        pause(Duration::from_millis(random.below(1_000)));
        run.server.network().reset();
    }
    run.await_progress(&mut scorers);
    run.finish("connections reset", runs(), scorers);
}

fn connection_cut(kind: Kind) {
    let run = Run::on(Server::own(kind));
    let mut scorers = vec![run.serving(&[])];
    let times = runs().div_ceil(5);
    for _ in 0..times {
        run.server.network().cut();
        pause(Duration::from_secs(4));
        run.server.network().heal();
        run.await_progress(&mut scorers);
    }
    run.finish("connection cut for 4 s", times, scorers);
}

/// Nothing is passed on, then all at once: requests arrive long after who sent them has given them up.
fn connection_stalled(kind: Kind) {
    let run = Run::on(Server::own(kind));
    let mut scorers = vec![run.serving(&[])];
    let times = runs().div_ceil(5);
    for time in 0..times {
        run.server.network().stall();
        pause(Duration::from_secs(if time % 2 == 0 { 12 } else { 5 }));
        run.server.network().heal();
        run.await_progress(&mut scorers);
    }
    run.finish("connection stalled for 5 to 12 s", times, scorers);
}
