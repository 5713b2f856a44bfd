//! Models that fail: nobody but their own events notices.

use super::on_both;
use crate::checker::Canary;
use crate::run::Run;
use crate::server::{Kind, Server};

on_both!(shadow_hangs, canary_hangs, canary_panics, canary_gives_nan, shadow_panics);

/// The shadow's lane scores nothing any more. Production goes on, and ends in order when it is asked to.
fn shadow_hangs(kind: Kind) {
    let mut run = Run::on(Server::shared(kind));
    run.has_shadow = false;
    let scorer = run.serving(&[("SERIN_FAULT_MODEL", "mlp-2:hang")]);
    run.finish("shadow hangs", 1, vec![scorer]);
}

/// Every event of the shadow fails; a shadow has no dead letters.
fn shadow_panics(kind: Kind) {
    let mut run = Run::on(Server::shared(kind));
    run.has_shadow = false;
    let scorer = run.serving(&[("SERIN_FAULT_MODEL", "mlp-2:panic")]);
    run.finish("shadow panics at every event", 1, vec![scorer]);
}

/// Production waits for it until its deadline, twice, and then no more.
fn canary_hangs(kind: Kind) {
    canary_fails(kind, "mlp-1:hang", ("canary hangs", "unavailable"));
}

fn canary_panics(kind: Kind) {
    canary_fails(kind, "mlp-1:panic", ("canary panics at every event", "panic"));
}

fn canary_gives_nan(kind: Kind) {
    canary_fails(kind, "mlp-1:nan", ("canary gives NaN for every event", "not_finite"));
}

/// Production answers in its place, with its own values, and says why.
fn canary_fails(kind: Kind, failure: &str, (fault, fallback): (&'static str, &'static str)) {
    let mut run = Run::on(Server::shared(kind));
    run.canary = Canary::Fails(fallback);
    let scorer = run.serving(&[("SERIN_FAULT_MODEL", failure)]);
    run.finish(fault, 1, vec![scorer]);
}
