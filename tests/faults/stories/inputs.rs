//! Inputs that nobody should send.

use std::time::Duration;

use super::{on_both, runs};
use crate::run::Run;
use crate::server::{Kind, Server};
use crate::support::pause;

on_both!(poison);

/// Ten kinds of poison, one event in a hundred, as in all other runs, and nothing else.
fn poison(kind: Kind) {
    let run = Run::on(Server::shared(kind));
    let mut scorers = vec![run.serving(&[])];
    for _ in 0..runs() {
        pause(Duration::from_millis(500));
    }
    run.await_progress(&mut scorers);
    run.finish("nothing but the poison", 0, scorers);
}
