use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use runtime::{Clock, Health};

use super::*;
use crate::config::Config;
use crate::stand_in::{Mood, StandIn};

const TEXT: &str = r#"{"type":"record","name":"A","fields":[]}"#;

struct Waiting {
    registry: Registry,
    schemas: Arc<Schemas>,
    shutdown: Shutdown,
    health: Health,
}

impl Waiting {
    fn on(url: &str) -> Self {
        let config: Config =
            toml::from_str(&format!("url = \"{url}\"\nretry = \"20ms\"\ntimeout = \"1s\"")).unwrap();
        let registry = Registry::new(&config, Path::new(""), &BTreeMap::new()).unwrap();
        let shutdown = Shutdown::new();
        let health = Health::new(Clock::System, shutdown.clone());
        registry.watch(&health);
        Self { registry, schemas: Arc::new(Schemas::default().ask()), shutdown, health }
    }

    fn learn(&self, id: u32) -> tokio::task::JoinHandle<Result<Learned, Error>> {
        let Self { registry, schemas, shutdown, .. } = self;
        let (registry, schemas, shutdown) = (registry.clone(), Arc::clone(schemas), shutdown.clone());
        tokio::spawn(async move { registry.learn(SchemaId::Number(id), &schemas, &shutdown, || {}).await })
    }

    async fn until_ready(&self, expected: bool) {
        while self.health.is_ready() != expected {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

#[tokio::test]
async fn a_registry_that_is_down_is_waited_for_and_readiness_says_so() {
    // A port where nobody listens yet.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let waiting = Waiting::on(&format!("http://{address}"));
    waiting.until_ready(true).await;
    let (first, second) = (waiting.learn(1), waiting.learn(1));
    waiting.until_ready(false).await;
    let server = StandIn::start_on(&address);
    server.add("a", TEXT);
    for each in [first, second] {
        assert_eq!(each.await.unwrap().unwrap(), Learned::Yes);
    }
    waiting.until_ready(true).await;
}

#[tokio::test]
async fn whatever_is_wrong_with_the_server_it_is_asked_again() {
    let server = StandIn::start();
    server.add("a", TEXT);
    for mood in [Mood::HangsUp, Mood::Silent, Mood::Says(500, "?".into()), Mood::Says(200, "?".into())] {
        server.becomes(mood);
        let waiting = Waiting::on(&server.url());
        let learning = waiting.learn(1);
        waiting.until_ready(false).await;
        server.becomes(Mood::Well);
        assert_eq!(learning.await.unwrap().unwrap(), Learned::Yes);
    }
}

#[tokio::test]
async fn who_waits_can_be_stopped() {
    let server = StandIn::start();
    for mood in [Mood::HangsUp, Mood::Silent] {
        server.becomes(mood);
        let waiting = Waiting::on(&server.url());
        let learning = waiting.learn(1);
        while server.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        waiting.shutdown.request();
        assert_eq!(learning.await.unwrap().unwrap(), Learned::Stopped);
    }
}

#[tokio::test]
async fn a_refusal_is_not_waited_for() {
    let server = StandIn::start();
    server.asks_for("Bearer t");
    let waiting = Waiting::on(&server.url());
    let error = waiting.learn(1).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Unauthorized { status: 401, .. }), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_to_their_limit_and_who_waits_says_that_it_lives() {
    let beats = Arc::new(AtomicU32::new(0));
    let shutdown = Shutdown::new();
    let counted = Arc::clone(&beats);
    let beat = move || {
        counted.fetch_add(1, Ordering::Relaxed);
    };
    let rest = tokio::time::sleep(Duration::from_millis(5_500));
    assert_eq!(unless_stopped(rest, &shutdown, &beat).await, Some(()));
    assert_eq!(beats.load(Ordering::Relaxed), 5);
}
