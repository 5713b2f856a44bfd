use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::clock::{Clock, ManualClock};
use crate::telemetry::install_metrics;

struct Harness {
    admin: Admin,
    health: Health,
    hands: ManualClock,
    shutdown: Shutdown,
}

async fn start() -> Harness {
    let (clock, hands) = Clock::manual(0);
    let shutdown = Shutdown::new();
    let health = Health::new(clock, shutdown.clone());
    let metrics = install_metrics("1.2.3", &Clock::System).unwrap();
    let config = AdminConfig { address: "127.0.0.1:0".parse().unwrap() };
    let admin = Admin::start(&config, health.clone(), metrics).await.unwrap();
    Harness { admin, health, hands, shutdown }
}

impl Harness {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.admin.address().unwrap()).await.unwrap()
    }

    /// The status line, the head and the body of the answer to `method path`.
    async fn ask(&self, method: &str, path: &str) -> (String, String, String) {
        let request = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        answer(self.connect().await, &request).await
    }

    async fn status_and_body(&self, path: &str) -> (String, String) {
        let (status, _, body) = self.ask("GET", path).await;
        (status, body)
    }
}

async fn answer(mut stream: TcpStream, request: &str) -> (String, String, String) {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.lines().next().unwrap_or_default();
    (status.to_owned(), head.to_lowercase(), body.to_owned())
}

const OK: &str = "HTTP/1.1 200 OK";
const UNAVAILABLE: &str = "HTTP/1.1 503 Service Unavailable";

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let harness = start().await;
    metrics::counter!("serin_admin_test_total").increment(2);
    let (status, head, body) = harness.ask("GET", "/metrics").await;
    assert_eq!(status, OK);
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    assert!(body.contains("serin_build_info{version=\"1.2.3\"} 1\n"), "{body}");
    assert!(body.contains("serin_admin_test_total 2\n"), "{body}");
}

#[tokio::test]
async fn liveness_follows_the_heartbeats() {
    let harness = start().await;
    let lane = harness.health.heartbeat("lane production", Duration::from_secs(10));
    assert_eq!(harness.status_and_body("/livez").await, (OK.to_owned(), "alive\n".to_owned()));
    harness.hands.advance(Duration::from_millis(12_340));
    let stalled = "stalled: lane production, last tick 12.3 s ago\n".to_owned();
    assert_eq!(harness.status_and_body("/livez").await, (UNAVAILABLE.to_owned(), stalled));
    lane.beat();
    assert_eq!(harness.status_and_body("/livez").await.0, OK);
}

#[tokio::test]
async fn readiness_follows_the_gates_and_ends_with_the_request_to_stop() {
    let harness = start().await;
    let (models, broker) = (harness.health.gate("models"), harness.health.gate("broker"));
    let closed = "waiting: broker\nwaiting: models\n".to_owned();
    assert_eq!(harness.status_and_body("/readyz").await, (UNAVAILABLE.to_owned(), closed));
    models.open();
    broker.open();
    assert_eq!(harness.status_and_body("/readyz").await, (OK.to_owned(), "ready\n".to_owned()));
    harness.shutdown.request();
    assert_eq!(harness.status_and_body("/readyz").await, (UNAVAILABLE.to_owned(), "stopping\n".to_owned()));
    assert_eq!(harness.status_and_body("/livez").await.0, OK, "a process that drains is alive");
}

#[tokio::test]
async fn what_is_not_offered_is_refused() {
    let harness = start().await;
    for (method, path, status) in [
        ("GET", "/", "HTTP/1.1 404 Not Found"),
        ("GET", "/metrics/", "HTTP/1.1 404 Not Found"),
        ("POST", "/metrics", "HTTP/1.1 405 Method Not Allowed"),
        ("HEAD", "/livez", OK),
    ] {
        assert_eq!(harness.ask(method, path).await.0, status, "{method} {path}");
    }
}

#[tokio::test]
async fn heads_have_a_limit() {
    let harness = start().await;
    let long = format!("GET /livez HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "x".repeat(17 * 1024));
    let many = format!("GET /livez HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "x: y\r\n".repeat(65));
    for request in [long, many] {
        let (status, ..) = answer(harness.connect().await, &request).await;
        assert_eq!(status, "HTTP/1.1 431 Request Header Fields Too Large");
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_is_cut() {
    let harness = start().await;
    for beginning in ["", "GET /livez HTTP/1.1\r\nhost: "] {
        let began = tokio::time::Instant::now();
        let mut stream = harness.connect().await;
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        assert!(!bytes.starts_with(OK.as_bytes()), "{beginning:?}");
        // The paused clock jumps from timer to timer, so this is which limit it was and not how fast we are.
        assert!(began.elapsed() < Duration::from_secs(60), "{beginning:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_connection_lives_for_ever() {
    let harness = start().await;
    let mut stream = harness.connect().await;
    let began = tokio::time::Instant::now();
    while keep_alive(&mut stream).await {
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    // As above: the paused clock tells which limit it was.
    let lived = began.elapsed().as_secs();
    assert!((300..=310).contains(&lived), "{lived} s");
}

/// Asks once and says whether there was an answer, on a connection that is kept.
async fn keep_alive(stream: &mut TcpStream) -> bool {
    let asked = stream.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let mut answer = [0; 4096];
    asked.is_ok() && stream.read(&mut answer).await.is_ok_and(|length| length > 0)
}

#[tokio::test]
async fn more_connections_than_places_wait_for_one() {
    let harness = start().await;
    let mut held = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        let mut stream = harness.connect().await;
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut first = [0; OK.len()];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(first, OK.as_bytes());
        held.push(stream);
    }
    let waiting = harness.ask("GET", "/livez");
    tokio::pin!(waiting);
    let early = tokio::time::timeout(Duration::from_millis(100), &mut waiting).await;
    assert!(early.is_err(), "all places are taken");
    held.pop();
    assert_eq!(waiting.await.0, OK);
}

#[tokio::test]
async fn a_taken_port_says_what_to_do() {
    let harness = start().await;
    let taken = harness.admin.address().unwrap();
    let config = AdminConfig { address: Address::At(taken) };
    let metrics = install_metrics("1.2.3", &Clock::System).unwrap();
    let error = Admin::start(&config, harness.health.clone(), metrics).await.unwrap_err();
    let expected = format!(
        "cannot open the admin port `{taken}`: another process has it; \
         set `address` in `[admin]` to another port, or to \"off\""
    );
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn the_port_closes_with_its_handle() {
    let harness = start().await;
    let address = harness.admin.address().unwrap();
    let mut idle = harness.connect().await;
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut first = [0; OK.len()];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(first, OK.as_bytes());
    drop(harness.admin);
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    assert!(rest.ends_with(b"\r\n\r\nalive\n"), "an answer that has begun is finished");
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_port_can_be_off() {
    let harness = start().await;
    let metrics = install_metrics("1.2.3", &Clock::System).unwrap();
    let config = AdminConfig { address: Address::Off };
    assert_eq!(Admin::start(&config, harness.health.clone(), metrics).await.unwrap().address(), None);
}

#[test]
fn addresses_are_read_and_written_alike() {
    for text in ["127.0.0.1:9464", "[::1]:0", "0.0.0.0:80", "off"] {
        assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
    }
    for text in ["", "localhost:9464", "127.0.0.1", "127.0.0.1:65536", "Off"] {
        assert!(text.parse::<Address>().is_err(), "{text}");
    }
    assert_eq!(AdminConfig::default().address.to_string(), "127.0.0.1:9464");
}
