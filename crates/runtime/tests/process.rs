//! A process from its start to its exit code, by way of `examples/process.rs`.
#![expect(clippy::unwrap_used, reason = "a test's helper panics where it cannot go on")]

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A running process, its configuration, and what it has not been asked to say yet.
struct Process {
    child: Child,
    log: BufReader<ChildStderr>,
    _folder: tempfile::TempDir,
}

/// What an ended process left behind.
struct Ended {
    code: Option<i32>,
    log: String,
}

fn command(config: &str) -> (Command, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("serin.toml");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new(example());
    command.arg(file).env_clear().env("SERIN__ADMIN__ADDRESS", "127.0.0.1:0");
    // Somebody else's variable, in somebody else's encoding.
    command.env("NAME", OsStr::from_bytes(b"caf\xe9"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    (command, folder)
}

/// Cargo builds examples with the tests and puts them beside, but does not say where.
fn example() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent().unwrap().parent().unwrap().join("examples/process");
    assert!(path.exists(), "{} is missing: run `cargo build -p runtime --example process`", path.display());
    path
}

impl Process {
    fn start(config: &str) -> Self {
        let (mut command, folder) = command(config);
        let mut child = command.spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        Self { child, log, _folder: folder }
    }

    /// Reads the log up to the line that contains `words`, and returns that line.
    fn await_line(&mut self, words: &str) -> String {
        let mut read = String::new();
        loop {
            let start = read.len();
            assert_ne!(self.log.read_line(&mut read).unwrap(), 0, "no {words:?} in\n{read}");
            if read[start..].contains(words) {
                return read[start..].to_owned();
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn end(mut self) -> Ended {
        let mut log = String::new();
        self.log.read_to_string(&mut log).unwrap();
        Ended { code: self.child.wait().unwrap().code(), log }
    }
}

/// No test leaves a process behind, whatever became of the test.
impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn run(config: &str) -> Output {
    let (mut command, _folder) = command(config);
    command.output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn either_signal_drains_and_ends_well() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut process = Process::start("");
        process.await_line("ticking");
        process.signal(signal);
        let ended = process.end();
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        assert!(ended.log.contains("drained"), "{}", ended.log);
    }
}

#[test]
fn a_second_signal_ends_at_once_and_says_so() {
    for (signal, name, code) in [(Signal::INT, "SIGINT", 130), (Signal::TERM, "SIGTERM", 143)] {
        let mut process = Process::start("ending = \"ignore\"");
        process.await_line("ticking");
        process.signal(Signal::TERM);
        process.await_line("a second signal ends the process at once");
        process.signal(signal);
        let ended = process.end();
        assert_eq!(ended.code, Some(code), "{}", ended.log);
        assert!(
            ended.log.contains("second signal: ending at once") && ended.log.contains(name),
            "{}",
            ended.log
        );
        assert!(!ended.log.contains("drained"), "{}", ended.log);
    }
}

#[test]
fn an_error_is_told_once_with_its_causes() {
    let output = run("ending = \"fail\"\n[log]\nlevel = \"off\"");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), "error: cannot reach the broker\ncaused by: connection refused\n");
}

#[test]
fn a_wrong_configuration_is_told_whole() {
    let output = run("perod = \"1s\"\nending = \"burn\"\n");
    assert_eq!(output.status.code(), Some(78));
    let told = stderr(&output);
    let (head, lines) = told.split_once('\n').unwrap();
    assert!(head.starts_with("error: /") && head.ends_with("serin.toml: 2 problems"), "{told}");
    assert_eq!(
        lines,
        "  line 1: `perod`: unknown field; did you mean `period`?\n  line 2: `ending`: expected one of \"drain\", \
         \"ignore\", \"fail\", \"panic\", \"task\", \"contained\", \"write\", found \"burn\"\n"
    );
}

#[test]
fn rules_and_log_levels_are_configuration_too() {
    for (config, told) in [
        ("period = \"0s\"", "line 1: `period`: expected more than no time, found \"0s\"\n"),
        ("[log]\nlevel = \"inof\"", "line 2: `log.level`: log level `inof` is none of"),
    ] {
        let output = run(config);
        assert_eq!(output.status.code(), Some(78));
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
    }
}

#[test]
fn a_command_line_that_cannot_be_meant_is_a_fault_of_usage() {
    let output = Command::new(example()).env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert_eq!(stderr(&output), "error: which configuration? usage: process FILE\n");
}

#[test]
fn a_panic_ends_the_process_with_its_place() {
    let ended = Process::start("ending = \"panic\"").end();
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert!(ended.log.contains("panic: a broken invariant"), "{}", ended.log);
    assert!(ended.log.contains("examples/process.rs:"), "{}", ended.log);
    assert!(ended.log.contains("error: the process met a bug and stopped\ncaused by: "), "{}", ended.log);
}

#[test]
fn a_panic_that_nobody_waits_for_drains_and_fails() {
    let ended = Process::start("ending = \"task\"").end();
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert!(ended.log.contains("panic: a broken invariant in a task"), "{}", ended.log);
    assert!(ended.log.contains("drained"), "{}", ended.log);
}

#[test]
fn a_panic_on_a_thread_that_is_joined_belongs_to_whoever_joins_it() {
    let mut process = Process::start("ending = \"contained\"");
    process.await_line("panic: a model's own bug");
    process.await_line("contained");
    process.signal(Signal::TERM);
    let ended = process.end();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
}

#[test]
fn a_reader_that_has_enough_ends_the_process_quietly() {
    let (mut command, _folder) = command("ending = \"write\"\n[log]\nlevel = \"off\"");
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    lines.read_line(&mut first).unwrap();
    drop(lines);
    let output = child.wait_with_output().unwrap();
    assert_eq!((first.as_str(), output.status.code()), ("line 0\n", Some(0)));
    assert_eq!(stderr(&output), "");
}

#[test]
fn standard_output_is_free_and_secrets_are_not_logged() {
    let mut process = Process::start("password = \"hunter2\"");
    let line = process.await_line("the effective configuration");
    assert!(line.contains("password: Some(***)") && !line.contains("hunter2"), "{line}");
    process.await_line("ticking");
    process.signal(Signal::TERM);
    let mut written = String::new();
    process.child.stdout.take().unwrap().read_to_string(&mut written).unwrap();
    assert_eq!(written, "");
    let ended = process.end();
    assert!(!ended.log.contains('\u{1b}'), "no colours where there is no terminal: {}", ended.log);
}

#[test]
fn the_log_can_be_json() {
    let mut process = Process::start("[log]\nformat = \"json\"");
    let line = process.await_line("ticking");
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&event["level"], &event["message"]), (&"INFO".into(), &"ticking".into()), "{line}");
    process.signal(Signal::TERM);
    assert_eq!(process.end().code, Some(0));
}

#[test]
fn the_admin_port_answers_while_the_process_drains() {
    let mut process = Process::start("ending = \"ignore\"\n[log]\nformat = \"json\"");
    let line = process.await_line("admin port open");
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = event["address"].as_str().unwrap().to_owned();
    process.await_line("ticking");
    assert!(ask(&address, "/readyz").starts_with("HTTP/1.1 200 OK"));
    process.signal(Signal::TERM);
    process.await_line("a second signal ends the process at once");
    let answer = ask(&address, "/readyz");
    assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with("stopping\n"), "{answer}");
    assert!(ask(&address, "/livez").starts_with("HTTP/1.1 200 OK"));
    assert!(ask(&address, "/metrics").contains("serin_build_info{version="));
}

fn ask(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
