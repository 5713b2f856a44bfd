//! Lanes and a schema registry that fails.

use std::time::Duration;

use events::SchemaId;
use registry::stand_in::{Mood, StandIn};

use super::tests::{Running, available, memory};
use super::*;
use crate::testing::{Store, input, predictions_of, read_until, reader};

const FIRST: &str = r#"{"type":"record","name":"Event","fields":[
    {"name":"id","type":"string"},{"name":"user","type":"string"},{"name":"x","type":"double"}]}"#;

/// Another order, and a field in between that nobody wants.
const SECOND: &str = r#"{"type":"record","name":"Event","fields":[
    {"name":"x","type":"double"},{"name":"note","type":"string"},{"name":"user","type":"string"},
    {"name":"id","type":"string"}]}"#;

fn text(text: &str) -> Vec<u8> {
    [&[u8::try_from(text.len() * 2).unwrap()], text.as_bytes()].concat()
}

/// An event as a producer with the first schema writes it.
fn first(schema: u32, id: &str) -> Vec<u8> {
    [SchemaId::Number(schema).frame(), text(id), text("ann"), 1.0_f64.to_le_bytes().to_vec()].concat()
}

/// An event as a producer with the second schema writes it.
fn second(schema: u32, id: &str) -> Vec<u8> {
    let x = 2.0_f64.to_le_bytes().to_vec();
    [SchemaId::Number(schema).frame(), x, text("new"), text("bob"), text(id)].concat()
}

/// A service that asks `server`, over a broker with these events.
async fn started(store: &Store, server: &StandIn, output: &str) -> (Broker, Running) {
    let mut config = store.config(output);
    config.input.event = Some(
        toml::from_str("id = \"/id\"\nunits = { user = \"/user\" }\nfeatures = { x = \"/x\" }").unwrap(),
    );
    let mut section = registry::Config::new(server.url());
    section.retry = Duration::from_millis(20).into();
    config.registry = Some(Registry::new(&section, store.path(), &BTreeMap::new()).unwrap());
    let broker = memory().await;
    broker.create_topic("features", Some(1)).await.unwrap();
    let running = Running::start(Service::prepare(config).unwrap(), &broker);
    (broker, running)
}

async fn append(broker: &Broker, values: impl IntoIterator<Item = Vec<u8>>) {
    let inputs = values.into_iter().map(|value| input("k", value)).collect();
    broker.writer().append(inputs).await.unwrap();
}

async fn ids(broker: &Broker, count: usize) -> Vec<String> {
    let records = read_until(&mut reader(broker, "predictions").await, count).await;
    let mut ids: Vec<_> = predictions_of(&records).map(|each| each.event_id.to_string()).collect();
    ids.sort();
    ids
}

async fn until_ready(running: &Running, expected: bool) {
    while running.health.is_ready() != expected {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_may_change_in_mid_stream() {
    let (store, server) = (Store::new(), StandIn::start());
    let one = server.add("features-value", FIRST);
    let (broker, running) = started(&store, &server, "").await;
    append(&broker, [first(one, "a"), first(one, "b")]).await;
    assert_eq!(ids(&broker, 2).await, ["a", "b"]);
    let two = server.add("features-value", SECOND);
    append(&broker, [first(one, "c"), second(two, "d"), first(one, "e")]).await;
    assert_eq!(ids(&broker, 5).await, ["a", "b", "c", "d", "e"]);
    running.stop().await.unwrap();
    assert_eq!(server.requests(), ["GET /schemas/ids/1", "GET /schemas/ids/2"], "each is asked for once");
    assert!(available(&broker, "features.dlq").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_registry_is_away_known_schemas_go_on_and_unknown_ones_wait() {
    let (store, server) = (Store::new(), StandIn::start());
    let (one, two) = (server.add("features-value", FIRST), server.add("features-value", SECOND));
    let (broker, running) = started(&store, &server, "").await;
    append(&broker, [first(one, "a")]).await;
    assert_eq!(ids(&broker, 1).await, ["a"]);
    server.becomes(Mood::HangsUp);
    append(&broker, [first(one, "b")]).await;
    assert_eq!(ids(&broker, 2).await, ["a", "b"]);
    until_ready(&running, true).await;
    append(&broker, [second(two, "c"), first(one, "d")]).await;
    until_ready(&running, false).await;
    for mood in [Mood::Says(503, "?".into()), Mood::Says(404, "?".into()), Mood::Says(200, "?".into())] {
        server.becomes(mood);
        let before = server.requests().len();
        while server.requests().len() < before + 2 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    server.becomes(Mood::Well);
    assert_eq!(ids(&broker, 4).await, ["a", "b", "c", "d"]);
    until_ready(&running, true).await;
    running.stop().await.unwrap();
    assert!(available(&broker, "features.dlq").await.is_empty(), "nothing is given up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_that_waits_can_be_stopped_and_takes_the_batch_again() {
    let (store, server) = (Store::new(), StandIn::start());
    let one = server.add("features-value", FIRST);
    server.becomes(Mood::Silent);
    let (broker, running) = started(&store, &server, "").await;
    append(&broker, [first(one, "a")]).await;
    while server.requests().is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    running.stop().await.unwrap();
    let lag = broker.lag("serin").await.unwrap();
    assert_eq!(lag.iter().map(|each| each.records).sum::<u64>(), 1, "it comes again");
    assert!(available(&broker, "predictions").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_registry_does_not_know_is_a_dead_letter() {
    let (store, server) = (Store::new(), StandIn::start());
    let one = server.add("features-value", FIRST);
    let (broker, running) = started(&store, &server, "").await;
    append(&broker, [first(99, "a"), first(one, "b"), first(99, "c")]).await;
    assert_eq!(ids(&broker, 1).await, ["b"]);
    let letters = read_until(&mut reader(&broker, "features.dlq").await, 2).await;
    for letter in &letters {
        let reason = letter.headers.get("__connect.errors.exception.class.name").unwrap();
        assert_eq!(&reason[..], b"unknown_schema");
    }
    running.stop().await.unwrap();
    let asked = server.requests().iter().filter(|request| request.ends_with("/99")).count();
    assert_eq!(asked, 1, "an id that is not there is not asked for again and again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_refuses_us_ends_the_service() {
    let (store, server) = (Store::new(), StandIn::start());
    let one = server.add("features-value", FIRST);
    server.asks_for("Bearer t");
    let (broker, running) = started(&store, &server, "").await;
    append(&broker, [first(one, "a")]).await;
    let error = running.ended().await.unwrap_err();
    assert!(format!("{error:#}").contains("refuses us with status 401"), "{error:#}");
    assert!(available(&broker, "features.dlq").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_own_events_name_their_schema_as_others_do() {
    for framing in ["confluent", "header"] {
        let (store, server) = (Store::new(), StandIn::start());
        let one = server.add("features-value", FIRST);
        let output = format!("[output]\nencoding = \"avro\"\nframing = \"{framing}\"");
        let (_, running) = started(&store, &server, &output).await;
        let error = format!("{:#}", running.ended().await.unwrap_err());
        assert!(error.contains("no schema of ours under subject \"predictions-value\""), "{error}");

        for topic in ["predictions", "shadow-predictions"] {
            server.add(&format!("{topic}-value"), <events::PredictionEvent as events::Event>::SCHEMA);
        }
        server.add("outcomes-value", <events::OutcomeEvent as events::Event>::SCHEMA);
        let (broker, running) = started(&store, &server, &output).await;
        append(&broker, [first(one, "a")]).await;
        let records = read_until(&mut reader(&broker, "predictions").await, 1).await;
        running.stop().await.unwrap();
        let schemas = events::Schemas::default();
        let text = events::SchemaText::avro(<events::PredictionEvent as events::Event>::SCHEMA);
        let guid = SchemaId::parse_guid(&StandIn::guid(2)).unwrap();
        for id in [SchemaId::Number(2), guid] {
            schemas.learn(id, Some(text.clone()));
        }
        let value = records[0].value.as_deref().unwrap();
        let header = records[0].headers.get(SchemaId::HEADER).map(|value| value.to_vec());
        if framing == "confluent" {
            assert_eq!((&value[..5], header), (&[0, 0, 0, 0, 2][..], None));
        } else {
            assert_eq!(header, Some(guid.frame()));
        }
        let mut decoder = events::NativeDecoder::new(Arc::new(schemas), events::Limits::default());
        let pairs = crate::headers::pairs(&records[0].headers);
        let prediction: events::PredictionEvent = decoder.decode(value, &pairs).unwrap();
        assert_eq!(prediction.event_id, "a");
    }
}
