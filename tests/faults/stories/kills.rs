//! Scorers that are killed: in all places of a commit, and at random moments.

use std::time::Duration;

use super::{on_both, runs};
use crate::run::{Run, assert_drained};
use crate::server::{Kind, Server};
use crate::support::{Random, pause};

/// What `kill -9` shows as.
const SIGKILL: Option<i32> = Some(9);

/// A name, so that the next life ends at once what the last one left open. NATS needs none.
const INSTANCE: (&str, &str) = ("SERIN__BROKER__KAFKA__INSTANCE", "scorer-0");

on_both!(
    killed_before_a_commit,
    killed_with_outputs_sent,
    killed_inside_a_commit,
    killed_after_a_commit,
    killed_at_random_moments,
    killed_without_a_name,
    asked_to_stop_under_load,
);

fn killed_before_a_commit(kind: Kind) {
    killed_at(kind, "commit.before", "scorer killed before a commit");
}

fn killed_with_outputs_sent(kind: Kind) {
    killed_at(kind, "commit.sent", "scorer killed in a commit, its outputs sent");
}

fn killed_inside_a_commit(kind: Kind) {
    killed_at(kind, "commit.inside", "scorer killed in a commit, its positions sent");
}

fn killed_after_a_commit(kind: Kind) {
    killed_at(kind, "commit.after", "scorer killed after a commit");
}

/// Kills one life after another when it passes a fail point for the n-th time, and looks at what is there in between.
fn killed_at(kind: Kind, point: &str, fault: &'static str) {
    let run = Run::on(Server::shared(kind));
    let mut random = Random(1);
    for life in 0..runs() {
        let place = format!("{point}:{}", 1 + random.below(20));
        let ended = run.scorer(&[INSTANCE, ("SERIN_FAILPOINT", &place)]).end();
        assert_eq!(ended.signal, SIGKILL, "{place}: {ended:#?}");
        if life % 5 == 0 {
            run.assert_at_rest();
        }
    }
    let last = run.scorer(&[INSTANCE]);
    run.finish(fault, runs(), vec![last]);
}

fn killed_at_random_moments(kind: Kind) {
    let run = Run::on(Server::shared(kind));
    kill_at_random(&run, &[INSTANCE], runs());
    let last = run.scorer(&[INSTANCE]);
    run.finish("scorer killed at random moments", runs(), vec![last]);
}

/// Without a name, the next life has to wait until the group has given the last one up.
fn killed_without_a_name(kind: Kind) {
    let run = Run::on(Server::shared(kind));
    let lives = runs().div_ceil(3);
    for _ in 0..lives {
        let scorer = run.serving(&[]);
        assert_eq!(scorer.kill().signal, SIGKILL);
    }
    run.finish("scorer without an instance's name killed", lives, Vec::new());
}

fn kill_at_random(run: &Run, environment: &[(&str, &str)], lives: usize) {
    let mut random = Random(2);
    for life in 0..lives {
        let scorer = run.scorer(environment);
        // One in four dies young: while it loads, joins, or ends what its forerunner left open.
        if life % 4 != 0 {
            run.await_output();
        }
        pause(Duration::from_millis(random.below(1_000)));
        let ended = scorer.kill();
        assert_eq!(ended.signal, SIGKILL, "{ended:#?}");
        if life % 5 == 0 {
            run.assert_at_rest();
        }
    }
}

fn asked_to_stop_under_load(kind: Kind) {
    let run = Run::on(Server::shared(kind));
    let lives = runs().div_ceil(3);
    for _ in 0..lives {
        let scorer = run.serving(&[]);
        scorer.terminate();
        assert_drained(&scorer.end());
        run.assert_at_rest();
    }
    run.finish("scorer asked to stop under load (SIGTERM)", lives, Vec::new());
}
