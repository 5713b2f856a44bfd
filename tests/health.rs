//! What an orchestrator asks a container, and what Prometheus sees of it.

use std::path::Path;
use std::process::Command;

use crate::support::process::{Running, ask, run, serin_on};
use crate::support::wait_for;

const EVENTS: &str = "examples/flights/data/features-2013-04.ndjson.gz";

/// `serin health` for a service whose admin port is at `admin`.
fn health(admin: &str, arguments: &[&str]) -> Command {
    let mut command = serin_on(Path::new("nowhere"), ["health"].into_iter().chain(arguments.iter().copied()));
    command.env("SERIN__ADMIN__ADDRESS", admin);
    command
}

#[test]
fn a_service_is_healthy_from_its_start_to_its_end() {
    let scratch = tempfile::tempdir().unwrap();
    let mut service = Running::start(serin_on(&scratch.path().join("log"), ["stream"]));
    let admin = service.admin();
    wait_for("the service is ready", || (run(health(&admin, &[])).code == Some(0)).then_some(()));
    let ended = run(health(&admin, &["--alive"])).with_code(0);
    assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", ""));
    // A port on every address of the machine is asked from inside.
    let (_, port) = admin.split_once(':').unwrap();
    run(health(&format!("0.0.0.0:{port}"), &[])).with_code(0);

    service.terminate();
    service.end().with_code(0);
    let gone = run(health(&admin, &[])).with_code(1);
    assert!(gone.err.contains(&format!("nobody answers at {admin}")), "{}", gone.err);
    let off = run(health("off", &[])).with_code(1);
    assert!(off.err.contains("`admin.address` is \"off\""), "{}", off.err);
}

#[test]
fn health_names_what_a_service_says() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = port.local_addr().unwrap().to_string();
    let answer = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = port.accept().unwrap();
        let mut asked = [0; 4096];
        let read = stream.read(&mut asked).unwrap();
        let body = "waiting: broker\nwaiting: models\n";
        write!(stream, "HTTP/1.1 503 Service Unavailable\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            .unwrap();
        String::from_utf8_lossy(&asked[..read]).into_owned()
    });
    let ended = run(health(&admin, &[])).with_code(1);
    assert!(answer.join().unwrap().starts_with("GET /readyz HTTP/1.1\r\n"));
    assert!(ended.err.contains("says no: waiting: broker, waiting: models"), "{}", ended.err);
}

#[test]
fn an_analysis_that_follows_shows_its_experiment() {
    let scratch = tempfile::tempdir().unwrap();
    let log_directory = scratch.path().join("log");
    let mut service = Running::start(serin_on(&log_directory, ["stream"]));
    service.await_log("started");
    run(serin_on(&log_directory, ["produce", EVENTS, "-t", "features", "--key", "unit_id"])).with_code(0);
    let mut follower = serin_on(&log_directory, ["analyze", "--follow"]);
    follower.env("SERIN__ANALYSIS__INTERVAL", "100ms");
    let mut follower = Running::start(follower);
    let admin = follower.admin();
    for line in [
        "serin_experiment_units{experiment=\"late-mlp\",arm=\"control\",version=\"linear-1\"}",
        "serin_experiment_verdict{experiment=\"late-mlp\",arm=\"canary\",verdict=\"inconclusive\"} 1",
        "serin_experiment_verdict{experiment=\"late-mlp\",arm=\"canary\",verdict=\"better\"} 0",
        "serin_experiment_sample_ratio_mismatch{experiment=\"late-mlp\"} 0",
    ] {
        wait_for(line, || ask(&admin, "/metrics").contains(line).then_some(()));
    }
    follower.terminate();
    follower.end().with_code(0);
    service.terminate();
    service.end().with_code(0);
}
