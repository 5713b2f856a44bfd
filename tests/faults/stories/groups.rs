//! Scorers that come and go, and some that come back from the dead.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::{on_both, runs};
use crate::run::{Run, assert_drained};
use crate::server::{Kind, Server};
use crate::support::process::Running;
use crate::support::{Random, pause, wait_for};

on_both!(members_come_and_go, zombie_comes_back, zombie_comes_back_inside_a_commit);

/// Every 2 s one of several joins, leaves in order, or is killed.
fn members_come_and_go(kind: Kind) {
    let run = Run::on(Server::shared(kind));
    let mut scorers = vec![run.serving(&[])];
    let mut random = Random(5);
    for change in 0..2 * runs() {
        pause(Duration::from_secs(2));
        match (scorers.len(), random.below(2)) {
            (1, _) | (2, 0) => scorers.push(run.scorer(&[])),
            _ => leave(scorers.remove(0), change % 3 == 0),
        }
    }
    run.await_progress(&mut scorers);
    run.finish("scorers join, leave and are killed every 2 s", 2 * runs(), scorers);
}

fn leave(scorer: Running, is_killed: bool) {
    if is_killed {
        scorer.kill();
    } else {
        scorer.terminate();
        assert_drained(&scorer.end());
    }
}

/// A scorer stands still for so long that others have its partitions, and then goes on as if nothing had been.
fn zombie_comes_back(kind: Kind) {
    let run = Run::on(Server::shared(kind));
    let times = runs().div_ceil(8);
    let mut scorers = vec![run.serving(&[])];
    for _ in 0..times {
        send(&scorers[0], Signal::STOP);
        let mut other = vec![run.scorer(&[])];
        run.await_progress(&mut other);
        send(&scorers[0], Signal::CONT);
        scorers.append(&mut other);
        run.await_progress(&mut scorers);
        leave(scorers.remove(1), false);
    }
    run.finish("scorer stands still beyond all time-outs and comes back", times, scorers);
}

/// The same, and it stands still inside a commit: outputs and positions are sent, only the last word is missing.
fn zombie_comes_back_inside_a_commit(kind: Kind) {
    let run = Run::on(Server::shared(kind));
    let times = runs().div_ceil(8);
    for place in 1..=times {
        let zombie = run.scorer(&[("SERIN_FAILPOINT", &format!("commit.inside:{}:stop", 3 * place))]);
        wait_for("it stands still", || stands_still(&zombie).then_some(()));
        let mut other = vec![run.scorer(&[])];
        run.await_progress(&mut other);
        send(&zombie, Signal::CONT);
        other.push(zombie);
        run.await_progress(&mut other);
        other.into_iter().for_each(|scorer| leave(scorer, false));
    }
    run.finish("scorer stands still inside a commit and comes back", times, Vec::new());
}

fn send(scorer: &Running, signal: Signal) {
    let id = i32::try_from(scorer.id()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
}

/// Whether a process stands still, by whoever stopped it.
fn stands_still(scorer: &Running) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", scorer.id())).unwrap();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
}

/// Two with one name: the second stops the first, which says so and does not come back. NATS knows no names.
#[test]
fn second_of_a_name_stops_the_first() {
    let run = Run::on(Server::shared(Kind::Kafka));
    let instance = [("SERIN__BROKER__KAFKA__INSTANCE", "scorer-0")];
    let times = runs().div_ceil(5);
    let mut first = run.serving(&instance);
    for _ in 0..times {
        let mut second = vec![run.scorer(&instance)];
        let ended = first.end().with_code(1);
        assert!(ended.err.contains("another process runs as instance"), "{}", ended.err);
        run.await_progress(&mut second);
        first = second.remove(0);
    }
    run.finish("second scorer with the instance's name of the first", times, vec![first]);
}
