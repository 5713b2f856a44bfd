//! Inputs that nobody should send.

use super::on_both;
use crate::events::oversized;
use crate::run::Run;
use crate::server::{Kind, Server};

/// So many events hold all kinds of poison.
const ALL_KINDS: usize = 2_000;

/// A little less than the topics take: 1 MiB with room for a dead letter on Kafka, and 1 MiB on NATS.
fn largest(kind: Kind) -> usize {
    match kind {
        Kind::Kafka => (1 << 20) + (72 << 10) - 150,
        Kind::Nats => (1 << 20) - 150,
    }
}

on_both!(poison, dead_letter_larger_than_the_server_takes);

/// Ten kinds of poison, one event in a hundred, as in all other runs, and nothing else.
fn poison(kind: Kind) {
    let run = Run::on(Server::shared(kind));
    let mut scorers = vec![run.serving(&[])];
    run.await_events(ALL_KINDS);
    run.await_progress(&mut scorers);
    run.finish("nothing but the poison", ALL_KINDS / 100, scorers);
}

/// What is as large as can be becomes larger by the headers that say why it was not scored.
fn dead_letter_larger_than_the_server_takes(kind: Kind) {
    let run = Run::on(Server::own(kind));
    let mut scorers = vec![run.serving(&[])];
    let times = 3;
    for _ in 0..times {
        run.write(oversized(largest(kind)));
        run.await_progress(&mut scorers);
    }
    run.finish("dead letter larger than the server takes", times, scorers);
}
