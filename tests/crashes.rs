//! Ends the process where it hurts, and looks for what was lost or done twice.
//!
//! Every test runs the demo on a directory, ends it some way or other, goes on with another process, and compares
//! what is there at last with a run that nobody disturbed ([`assert_undisturbed`]).

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::flights::MONTH;
use crate::support::log::Log;
use crate::support::month::{assert_undisturbed, demo};
use crate::support::process::{Running, run};
use crate::support::{Random, pause, wait_for};

/// What `kill -9` shows as.
const SIGKILL: Option<i32> = Some(9);

/// April 2013 in a minute: 30 days of 86,400 seconds are 43,200 minutes.
const A_MONTH_A_MINUTE: u64 = 43_200;

/// The demo at a pace at which what is left after `position` events takes a minute. So a life uses up a small part
/// of what is left, however slow the machine is, and the end is never reached by killing.
fn slow_demo(directory: &Path, position: u64) -> Command {
    let total = MONTH.flights.len() as u64;
    let speed = A_MONTH_A_MINUTE * (total - position) / total;
    let mut command = demo(directory);
    command.args(["--speed", &speed.max(1).to_string()]);
    command
}

/// Feature events that the production lane has behind it, by what is on the disk while no process runs.
fn committed(directory: &Path) -> u64 {
    Log::open(directory).committed("serin", "features").unwrap()
}

/// Waits until a running demo has committed events of its own, after the first `before` ones.
fn await_commit(demo: &mut Running, directory: &Path, before: u64) {
    let log = wait_for("the log's socket", || {
        assert!(!demo.has_ended(), "ended before its end");
        Log::of_owner(directory)
    });
    wait_for("a commit", || {
        assert!(!demo.has_ended(), "ended before its end");
        log.committed("serin", "features").filter(|position| *position > before)
    });
}

/// Kills one process after another at a fail point (`<point>:<n>`, when the point is passed for the n-th time), then
/// lets one come to the end.
///
/// A life makes at most one commit for each append of the replay, of which there are more than fifty, so that the
/// smaller numbers are reached in every life.
fn survives(failpoints: &[&str]) {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("log");
    for failpoint in failpoints {
        let mut command = demo(&directory);
        command.env("SERIN_FAILPOINT", failpoint);
        let ended = run(command);
        assert_eq!(ended.signal, SIGKILL, "{failpoint} was not reached: {ended:#?}");
    }
    let answer = run(demo(&directory)).with_code(0).json();
    assert_undisturbed(&Log::open(&directory), &answer);
}

#[test]
fn a_kill_before_the_commit_loses_nothing() {
    survives(&[
        "commit.before:1",
        "commit.before:2",
        "commit.before:3",
        "commit.before:8",
        "commit.before:21",
    ]);
}

#[test]
fn a_kill_inside_the_commit_leaves_no_half_of_it() {
    survives(&[
        "commit.inside:1",
        "commit.inside:2",
        "commit.inside:3",
        "commit.inside:8",
        "commit.inside:21",
    ]);
}

#[test]
fn a_kill_after_the_commit_does_nothing_twice() {
    survives(&["commit.after:1", "commit.after:2", "commit.after:3", "commit.after:8", "commit.after:21"]);
}

#[test]
fn a_kill_while_the_file_is_written_leaves_it_whole() {
    survives(&["storage.write:1", "storage.write:2", "storage.write:11", "storage.write:90"]);
}

#[test]
fn a_kill_before_a_sync_leaves_the_file_whole() {
    survives(&["storage.sync:1", "storage.sync:2", "storage.sync:5", "storage.sync:21"]);
}

#[test]
fn kills_at_random_moments_of_a_slow_run_lose_and_repeat_nothing() {
    const SEED: u64 = 20_130_401;
    const BETWEEN_COMMITS: u32 = 22;
    let total = MONTH.flights.len() as u64;
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("log");
    let mut random = Random(SEED);
    let (mut between_commits, mut position) = (0, 0);
    while between_commits < BETWEEN_COMMITS {
        let mut life = Running::start(slow_demo(&directory, position));
        // One in four dies young: while it loads, creates the log, opens or repairs it.
        let is_young = random.below(4) == 0;
        if !is_young {
            await_commit(&mut life, &directory, position);
        }
        pause(Duration::from_millis(random.below(800)));
        let ended = life.kill();
        assert_eq!(ended.signal, SIGKILL, "seed {SEED}, after {position} events: {ended:#?}");
        let before = std::mem::replace(&mut position, committed(&directory));
        assert!(position >= before, "seed {SEED}: {before} events were committed, and now {position} are");
        // It had committed, and had not come to the end: the kill is between the first commit and the last.
        between_commits += u32::from(!is_young && position > before && position < total);
        assert!(
            position < total,
            "seed {SEED}: came to the end after {between_commits} kills between commits"
        );
    }
    assert!(between_commits >= 20);
    let answer = run(demo(&directory)).with_code(0).json();
    assert_undisturbed(&Log::open(&directory), &answer);
}

#[test]
fn a_request_to_stop_drains_says_so_and_goes_on_afterwards() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("log");
    let mut position = 0;
    for _ in 0..2 {
        let mut life = Running::start(slow_demo(&directory, position));
        await_commit(&mut life, &directory, position);
        life.terminate();
        let ended = life.end().with_code(0);
        assert_eq!(ended.out, "", "no report before the end");
        assert!(ended.err.contains("stopped before the end; nothing was lost"), "{}", ended.err);
        let hint = format!("serin demo --directory {} goes on from here", directory.display());
        assert!(ended.err.contains(&hint), "{}", ended.err);
        let before = std::mem::replace(&mut position, committed(&directory));
        assert!(before < position && position < MONTH.flights.len() as u64, "{before}, then {position}");
    }
    let answer = run(demo(&directory)).with_code(0).json();
    assert_undisturbed(&Log::open(&directory), &answer);
}
