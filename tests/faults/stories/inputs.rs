//! Inputs that nobody should send.

use super::on_both;
use crate::events::oversized;
use crate::run::Run;
use crate::server::{Kind, Server};

/// So many events hold all kinds of poison.
const ALL_KINDS: usize = 2_000;

/// As much as Kafka's brokers take by default (1,048,588 bytes with the frame), and as NATS does (1 MiB).
const LARGEST: usize = 1_048_400;

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
        run.write(oversized(LARGEST));
        run.await_progress(&mut scorers);
    }
    run.finish("dead letter larger than the server takes", times, scorers);
}
