//! The servers are real: they keep what they were given, they stop where they are told to, and none stays behind.
#![expect(clippy::unwrap_used, reason = "a test's helper panics where it cannot go on")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use servers::{Kafka, Nats, Proxy, Registry};

/// Bounds a failure only.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long nothing must be heard before it counts as silence. A slower machine makes a test pass, not fail.
const SILENCE: Duration = Duration::from_millis(300);

/// How a TLS server begins its complaint.
const ALERT: u8 = 21;

#[test]
fn kafka_keeps_its_topics_over_a_kill() {
    let kafka = Kafka::start();
    assert!(!topics(&kafka.address()).contains("kept"));
    create_topic(&kafka.address(), "kept");
    kafka.kill();
    assert!(!kafka.is_ready());
    kafka.restart();
    assert!(topics(&kafka.address()).contains("kept"));
    kafka.stop();
    kafka.restart();
    assert!(topics(&kafka.address()).contains("kept"));
}

#[test]
fn kafka_sends_its_clients_through_the_proxy() {
    let kafka = Kafka::builder().behind_proxy().property("message.max.bytes", "2097152").start();
    let port = kafka.proxy().address().port();
    assert_eq!(kafka.url(), format!("kafka://127.0.0.1:{port}"));
    assert!(metadata(&kafka.address()).windows(4).any(|four| four == u32::from(port).to_be_bytes()));
    kafka.proxy().cut();
    let mut stream = TcpStream::connect(kafka.address()).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
    assert!(!metadata(&kafka.direct_address()).is_empty());
    kafka.proxy().heal();
    assert!(!metadata(&kafka.address()).is_empty());
}

#[test]
fn nats_keeps_its_streams_over_a_kill() {
    let nats = Nats::builder().configure("max_payload: 64KB").start();
    assert!(ask_nats(&nats.address(), "$JS.API.INFO", "").contains("\"streams\":0"));
    ask_nats(&nats.address(), "$JS.API.STREAM.CREATE.kept", r#"{"name":"kept","subjects":["kept"]}"#);
    ask_nats(&nats.address(), "kept", "one");
    nats.kill();
    assert!(!nats.is_ready());
    nats.restart();
    let info = ask_nats(&nats.address(), "$JS.API.STREAM.INFO.kept", "");
    assert!(info.contains("\"messages\":1"), "{info}");
}

#[test]
fn a_paused_server_is_silent_and_goes_on() {
    let nats = Nats::start();
    nats.pause();
    assert!(is_silent(&nats.address()));
    nats.resume();
    nats.await_ready();
    assert!(!is_silent(&nats.address()));
}

#[test]
fn a_stalled_proxy_holds_back_and_a_cut_one_hangs_up() {
    let nats = Nats::start();
    let proxy = Proxy::start(nats.address().parse().unwrap());
    let address = proxy.address().to_string();
    assert!(ask_nats(&address, "$JS.API.INFO", "").contains("\"streams\":0"));
    proxy.stall();
    let mut held = TcpStream::connect(&address).unwrap();
    assert!(is_silent(&address));
    proxy.heal();
    assert_eq!(held.read(&mut [0]).unwrap(), 1);
    proxy.cut();
    let mut rest = Vec::new();
    drop(held.read_to_end(&mut rest));
    assert_eq!(TcpStream::connect(&address).unwrap().read(&mut [0]).unwrap_or(0), 0);
    proxy.heal();
    assert!(!is_silent(&address));
    proxy.reset();
    assert!(!is_silent(&address));
}

#[test]
fn the_registry_keeps_its_schemas_over_a_kill() {
    let registry = Registry::start();
    let schema = r#"{"schema":"{\"type\":\"string\"}"}"#;
    let registered = http(&registry, "POST", "/subjects/kept-value/versions", schema);
    assert!(registered.ends_with(r#"{"id":1}"#), "{registered}");
    registry.kill();
    registry.restart();
    let kept = http(&registry, "GET", "/schemas/ids/1", "");
    assert!(kept.contains(r#""schema":"{\"type\":\"string\"}""#), "{kept}");
}

#[test]
fn secured_servers_do_not_answer_plain_text() {
    let kafka = Kafka::builder().secured().start();
    let mut stream = TcpStream::connect(kafka.address()).unwrap();
    stream.write_all(&[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff]).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(answer.first().copied().unwrap_or(ALERT), ALERT, "{answer:?}");
    assert!(!metadata(&kafka.direct_address()).is_empty());

    let nats = Nats::builder().secured().start();
    let mut stream = BufReader::new(TcpStream::connect(nats.address()).unwrap());
    stream.get_mut().write_all(b"CONNECT {}\r\nPING\r\n").unwrap();
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.contains("\"tls_required\":true") && !answer.contains("PONG"), "{answer}");
}

#[test]
fn no_server_outlives_a_killed_process() {
    let mut holder = Command::new(env!("CARGO_BIN_EXE_servers"));
    let mut holder = holder.args(["nats", "kafka"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let lines: Vec<_> = lines.take(2).map(Result::unwrap).collect();
    let held = lines.iter().map(|line| {
        let (_, process) = line.split_once("process ").unwrap();
        process.split_once(", log and data in ").unwrap()
    });
    let held: Vec<_> = held.collect();
    assert_eq!(held.len(), 2, "{lines:?}");
    assert!(held.iter().all(|(process, folder)| is_alive(process) && Path::new(folder).exists()));
    holder.kill().unwrap();
    holder.wait().unwrap();
    wait_until(|| !held.iter().any(|(process, folder)| is_alive(process) || Path::new(folder).exists()));
}

#[test]
fn a_dropped_server_is_gone() {
    let nats = Nats::start();
    let (process, folder) = (nats.process_id().to_string(), nats.folder().to_owned());
    assert!(is_alive(&process) && folder.exists());
    drop(nats);
    assert!(!is_alive(&process) && !folder.exists());
}

fn is_alive(process: &str) -> bool {
    Command::new("kill").args(["-0", process]).stderr(Stdio::null()).status().unwrap().success()
}

fn wait_until(mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
}

/// Whether a new connection hears nothing.
fn is_silent(address: &str) -> bool {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    stream.read(&mut [0]).is_err()
}

/// Asks NATS in its own words, and returns the answer's line and its payload's.
fn ask_nats(address: &str, subject: &str, payload: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let size = payload.len();
    write!(
        stream,
        "CONNECT {{\"verbose\":false}}\r\nSUB answer 1\r\nPUB {subject} answer {size}\r\n{payload}\r\n"
    )
    .unwrap();
    let lines = BufReader::new(stream).lines().map(Result::unwrap);
    lines.skip_while(|line| !line.starts_with("MSG")).take(2).collect::<Vec<_>>().join("\n")
}

fn http(registry: &Registry, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(registry.address()).unwrap();
    let base = registry.url();
    let (_, base) = base.split_once("/apis").unwrap();
    let head = format!("{method} /apis{base}{path} HTTP/1.0\r\ncontent-type: application/json\r\n");
    write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Asks Kafka: an api key, its version, and a body; a correlation id and no client id are before the body.
fn ask_kafka(address: &str, [key, version]: [u8; 2], body: &[u8]) -> Vec<u8> {
    let request = [&[0, key, 0, version, 0, 0, 0, 7, 0xff, 0xff], body].concat();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(&u32::try_from(request.len()).unwrap().to_be_bytes()).unwrap();
    stream.write_all(&request).unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
    stream.read_exact(&mut answer).unwrap();
    answer
}

/// What Kafka says of itself and of all topics.
fn metadata(address: &str) -> Vec<u8> {
    ask_kafka(address, [3, 1], &[0xff; 4])
}

fn topics(address: &str) -> String {
    String::from_utf8_lossy(&metadata(address)).into_owned()
}

/// CreateTopics, version 2: one topic of one partition and replica.
fn create_topic(address: &str, name: &str) {
    let length = u16::try_from(name.len()).unwrap().to_be_bytes();
    let partitions = [0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let timeout = [0, 0, 0x75, 0x30, 0];
    ask_kafka(
        address,
        [19, 2],
        &[&[0, 0, 0, 1], &length[..], name.as_bytes(), &partitions, &timeout].concat(),
    );
}
