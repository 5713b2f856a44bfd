use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use events::PredictionEvent;
use tokio::task::JoinHandle;

use super::*;
use crate::testing::{LIMITS, Store, event, input, read, read_until, reader};

/// A service that runs beside the test, until it is asked to stop.
pub(crate) struct Running {
    shutdown: Shutdown,
    pub(crate) health: Health,
    ended: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    pub(crate) fn start(service: Service, broker: &Broker) -> Self {
        let shutdown = Shutdown::new();
        let health = Health::new(Clock::System, shutdown.clone());
        let run =
            service.run(super::Lanes::All, broker.clone(), (health.clone(), Clock::System), shutdown.clone());
        Self { shutdown, health, ended: tokio::spawn(run) }
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.request();
        self.ended().await
    }

    /// Waits until it ends by itself.
    pub(crate) async fn ended(self) -> anyhow::Result<()> {
        tokio::time::timeout(Duration::from_secs(60), self.ended).await.unwrap().unwrap()
    }
}

pub(crate) async fn memory() -> Broker {
    Broker::open(&messaging::Config::new("memory://")).await.unwrap()
}

async fn produce(broker: &Broker, count: usize) {
    broker.create_topic("features", None).await.unwrap();
    let outputs = (0..count).map(|n| {
        let user = format!("u{}", n % 31);
        input(&user, event(&format!("e{n:05}"), &user, 1.0))
    });
    broker.writer().append(outputs.collect()).await.unwrap();
}

/// Puts a change of what is in force on record.
pub(crate) async fn deploy(
    store: &Store,
    broker: &Broker,
    change: impl FnOnce(&mut Deployment),
) -> Deployment {
    try_to_deploy(store, broker, change).await.unwrap()
}

async fn try_to_deploy(
    store: &Store,
    broker: &Broker,
    change: impl FnOnce(&mut Deployment),
) -> anyhow::Result<Deployment> {
    let service = store.service("");
    let mut history = History::open(broker, &"deployments".into(), "m").await?;
    let mut wanted = history.last().unwrap_or(service.configured()).clone();
    change(&mut wanted);
    service.deploy(wanted, &mut history, (broker, &Clock::System)).await
}

pub(crate) async fn available(broker: &Broker, topic: &str) -> Vec<messaging::Record> {
    reader(broker, topic).await.read_available(LIMITS).await.unwrap()
}

const SHADOW: &str = "[model]\nstore = \"m\"\nproduction = \"1\"\nshadows = [{ version = \"2\" }]";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_has_one_served_and_one_shadow_prediction() {
    let (store, broker) = (Store::new(), memory().await);
    produce(&broker, 500).await;
    let running = Running::start(store.service(SHADOW), &broker);
    for topic in ["predictions", "shadow-predictions"] {
        let mut reader = reader(&broker, topic).await;
        let records = read_until(&mut reader, 500).await;
        let ids: BTreeSet<_> = records
            .iter()
            .map(|record| read::<PredictionEvent>(record.value.as_ref()).prediction_id)
            .collect();
        assert_eq!((records.len(), ids.len()), (500, 500), "{topic}");
    }
    assert!(running.health.is_ready(), "{:?}", running.health.closed());
    running.stop().await.unwrap();
    assert!(available(&broker, "features.dlq").await.is_empty());
    for group in ["serin", "serin.shadow.2"] {
        let lag = broker.lag(group).await.unwrap();
        assert_eq!(lag.iter().map(|each| each.records).sum::<u64>(), 0, "{group}");
    }
    assert_eq!(available(&broker, "deployments").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_stopped_in_its_work_goes_on_where_it_was() {
    let (store, directory) = (Store::new(), tempfile::tempdir().unwrap());
    let config = messaging::Config::new(format!("file://{}", directory.path().display()));
    const EVENTS: usize = 4_000;
    let broker = Broker::open(&config).await.unwrap();
    produce(&broker, EVENTS).await;
    broker.close().await;
    // Batches are small, so that a stop comes in the midst of the stream; each round stops after some batches more.
    let sections = "[batch]\nrecords = 5\n";
    let mut seen = Vec::new();
    for until in [1, 500, 1_700, EVENTS] {
        let broker = Broker::open(&config).await.unwrap();
        let running = Running::start(store.service(sections), &broker);
        let mut reader = reader(&broker, "predictions").await;
        read_until(&mut reader, until).await;
        running.stop().await.unwrap();
        drop(reader);
        seen.push(available(&broker, "predictions").await.len());
        broker.close().await;
    }
    assert!(seen[0] < EVENTS && seen.is_sorted(), "stopped in its work: {seen:?}");
    let broker = Broker::open(&config).await.unwrap();
    let records = available(&broker, "predictions").await;
    let ids: BTreeSet<_> =
        records.iter().map(|record| read::<PredictionEvent>(record.value.as_ref()).event_id).collect();
    assert_eq!((records.len(), ids.len()), (EVENTS, EVENTS));
    assert_eq!(available(&broker, "deployments").await.len(), 1, "a restart deploys nothing");
    broker.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_shadow_starts_where_production_is() {
    let (store, broker) = (Store::new(), memory().await);
    produce(&broker, 100).await;
    let running = Running::start(store.service(""), &broker);
    read_until(&mut reader(&broker, "predictions").await, 100).await;
    running.stop().await.unwrap();
    let running = Running::start(store.service(""), &broker);
    deploy(&store, &broker, |deployment| {
        deployment.shadows.push(deployment::shadow("2", BasisPoints::ALL));
    })
    .await;
    // Where the shadow takes its start, it must have joined before more comes.
    while broker.lag("serin.shadow.2").await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let more = (0..50).map(|n| input(&format!("v{n}"), event(&format!("later{n}"), "v", 1.0))).collect();
    broker.writer().append(more).await.unwrap();
    read_until(&mut reader(&broker, "predictions").await, 150).await;
    let shadow = read_until(&mut reader(&broker, "shadow-predictions").await, 50).await;
    running.stop().await.unwrap();
    assert_eq!(shadow.len(), 50);
    for record in &shadow {
        assert!(read::<PredictionEvent>(record.value.as_ref()).event_id.starts_with("later"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_records_do_not_stop_the_stream() {
    let (store, broker) = (Store::new(), memory().await);
    broker.create_topic("features", None).await.unwrap();
    let large = Bytes::from(vec![b'x'; 10 << 20]);
    let inputs = vec![
        input("a", event("a", "a", 1.0)),
        input("b", large.clone()),
        input("c", "{"),
        input("d", event("d", "d", 1.0)),
    ];
    broker.writer().append(inputs).await.unwrap();
    let running = Running::start(store.service(""), &broker);
    let predictions = read_until(&mut reader(&broker, "predictions").await, 2).await;
    let letters = read_until(&mut reader(&broker, "features.dlq").await, 2).await;
    running.stop().await.unwrap();
    assert_eq!((predictions.len(), letters.len()), (2, 2));
    assert!(letters.iter().any(|letter| letter.value.as_ref() == Some(&large)), "10 MiB, byte for byte");
}

/// What the largest record has beside its value: its key.
const KEY_BYTES: usize = 1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_of_the_largest_size_is_a_dead_letter() {
    let (store, broker) = (Store::new(), memory().await);
    broker.create_topic("features", None).await.unwrap();
    let largest = usize::try_from(messaging::Config::new("memory://").max_record_bytes).unwrap();
    let value = Bytes::from(vec![b'x'; largest - KEY_BYTES]);
    broker.writer().append(vec![input("b", value.clone())]).await.unwrap();
    let mut many = input("c", "{");
    many.headers.extend((0..messaging::Headers::MAX).map(|n| messaging::Header::new(format!("h{n}"), "")));
    broker.writer().append(vec![many, input("a", event("a", "a", 1.0))]).await.unwrap();
    let running = Running::start(store.service(""), &broker);
    let letters = read_until(&mut reader(&broker, "features.dlq").await, 2).await;
    read_until(&mut reader(&broker, "predictions").await, 1).await;
    running.stop().await.unwrap();
    assert!(letters.iter().any(|letter| letter.value.as_ref() == Some(&value)));
    assert!(
        letters.iter().any(|letter| letter.headers.len()
            == messaging::Headers::MAX + crate::dead_letter::ERROR_HEADERS.len())
    );
}

/// Versions by the event that they served.
async fn served_by(broker: &Broker, count: usize) -> Vec<(String, String, u64)> {
    let records = read_until(&mut reader(broker, "predictions").await, count).await;
    let predictions = records.iter().map(|record| read::<PredictionEvent>(record.value.as_ref()));
    predictions.map(|each| (each.event_id.to_string(), each.version.to_string(), each.revision)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_takes_over_between_two_batches() {
    let (store, broker) = (Store::new(), memory().await);
    produce(&broker, 100).await;
    let running = Running::start(store.service("[batch]\nrecords = 7"), &broker);
    served_by(&broker, 100).await;
    const ROUNDS: usize = 20;
    for round in 0..ROUNDS {
        let production = ["2", "1"][round % 2];
        let in_force = deploy(&store, &broker, |deployment| deployment.production = production.into()).await;
        assert_eq!(in_force.revision, round as u64 + 2);
        produce(&broker, 50).await;
    }
    let served = served_by(&broker, 100 + ROUNDS * 50).await;
    // What comes once the last one serves is scored by it alone.
    while served_by(&broker, 1).await.is_empty() {}
    running.stop().await.unwrap();
    assert_eq!(served.len(), 100 + ROUNDS * 50, "none lost, none twice");
    for (event, version, revision) in &served {
        let due = if revision % 2 == 1 { "1" } else { "2" };
        assert_eq!(version, due, "{event} of revision {revision}");
    }
    assert!(available(&broker, "features.dlq").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_that_cannot_be_served_changes_nothing() {
    let (store, broker) = (Store::new(), memory().await);
    produce(&broker, 10).await;
    let running = Running::start(store.service(""), &broker);
    served_by(&broker, 10).await;
    let refused = try_to_deploy(&store, &broker, |deployment| deployment.production = "9".into()).await;
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("version \"9\" is not in") && message.contains("versions: 1, 2"), "{message}");
    // What somebody else has put there without asking.
    let stray = Deployment { revision: 2, production: "9".into(), ..store.service("").configured().clone() };
    let value = serde_json::to_string(&stray).unwrap();
    let record = messaging::Output { topic: "deployments".into(), ..input("m", value) };
    broker.writer().append(vec![record]).await.unwrap();
    let in_force = deploy(&store, &broker, |deployment| deployment.production = "2".into()).await;
    assert_eq!(in_force.revision, 3);
    loop {
        produce(&broker, 10).await;
        let served = served_by(&broker, 20).await;
        assert!(served.iter().all(|(_, version, _)| version != "9"));
        if served.iter().any(|(_, version, revision)| (&**version, *revision) == ("2", 3)) {
            break;
        }
    }
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_last_deployment_cannot_be_served_the_one_before_it_is() {
    let (store, broker) = (Store::new(), memory().await);
    store.version("3", ("m", "3"), (1.0, "x"));
    Running::start(store.service(""), &broker).stop().await.unwrap();
    deploy(&store, &broker, |deployment| deployment.production = "2".into()).await;
    deploy(&store, &broker, |deployment| deployment.production = "3".into()).await;
    std::fs::remove_dir_all(store.path().join("m/3")).unwrap();
    produce(&broker, 10).await;
    let running = Running::start(store.service(""), &broker);
    let served = served_by(&broker, 10).await;
    running.stop().await.unwrap();
    assert!(served.iter().all(|(_, version, revision)| (&**version, *revision) == ("2", 2)), "{served:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shadows_come_and_go_with_deployments() {
    let (store, broker) = (Store::new(), memory().await);
    produce(&broker, 10).await;
    let service = store.service("");
    let lanes = service.lanes().clone();
    let running = Running::start(service, &broker);
    served_by(&broker, 10).await;
    for round in 1..=3_usize {
        deploy(&store, &broker, |deployment| {
            deployment.shadows = vec![deployment::shadow("2", BasisPoints::ALL)];
        })
        .await;
        read_until(&mut reader(&broker, "shadow-predictions").await, (round - 1) * 10).await;
        while broker.lag("serin.shadow.2").await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        produce(&broker, 10).await;
        read_until(&mut reader(&broker, "shadow-predictions").await, round * 10).await;
        deploy(&store, &broker, |deployment| deployment.shadows.clear()).await;
    }
    served_by(&broker, 40).await;
    running.stop().await.unwrap();
    let names: Vec<_> = lanes.get().into_iter().map(|(name, totals)| (name, totals.get().records)).collect();
    assert_eq!(names[0], ("production".to_owned(), 40));
    assert_eq!(names[1].0, "shadow 2");
}
