//! Servers that go away and come back.

use std::time::Duration;

use super::{on_both, runs};
use crate::run::Run;
use crate::server::{Kind, Server};
use crate::support::{Random, pause};

on_both!(killed_and_restarted, paused_for_5_seconds, paused_for_30_seconds);

/// No scorer has to be restarted for it.
fn killed_and_restarted(kind: Kind) {
    let run = Run::on(Server::mortal(kind));
    let mut scorers = vec![run.serving(&[])];
    let mut random = Random(3);
    let kills = runs().div_ceil(3);
    for _ in 0..kills {
        pause(Duration::from_millis(random.below(1_000)));
        run.server.kill_and_restart();
        run.await_progress(&mut scorers);
    }
    run.finish("server killed (SIGKILL) and restarted", kills, scorers);
}

/// While a server is away its partitions and the coordinators that were on it are led by others.
#[test]
fn one_of_three_killed_and_restarted() {
    let run = Run::on(Server::cluster());
    let mut scorers = vec![run.serving(&[])];
    let kills = runs().div_ceil(3);
    for turn in 0..kills {
        run.server.kill_and_restart_one(turn);
        run.await_progress(&mut scorers);
    }
    run.finish("one of three servers killed (SIGKILL) and restarted", kills, scorers);
}

fn paused_for_5_seconds(kind: Kind) {
    paused(kind, 5, "server paused for 5 s (SIGSTOP)", runs().div_ceil(5));
}

fn paused_for_30_seconds(kind: Kind) {
    paused(kind, 30, "server paused for 30 s (SIGSTOP)", runs().div_ceil(12));
}

/// Longer than transactions last (3 s), and then longer than sessions do (8 s).
fn paused(kind: Kind, seconds: u64, fault: &'static str, times: usize) {
    let run = Run::on(Server::own(kind));
    let mut scorers = vec![run.serving(&[])];
    for _ in 0..times {
        run.server.pause_during(|| pause(Duration::from_secs(seconds)));
        run.await_progress(&mut scorers);
    }
    run.finish(fault, times, scorers);
}
