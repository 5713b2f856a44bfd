use events::Event;
use messaging::{Output, Start};

use super::*;
use crate::testing::{LIMITS, reader};

fn wanted(production: &str) -> Deployment {
    Deployment {
        model: "m".into(),
        revision: 0,
        created_at: Timestamp::default(),
        production: production.into(),
        shadows: vec![shadow("2", BasisPoints::ALL)],
        experiments: Vec::new(),
    }
}

fn style() -> Style {
    Style {
        encoding: Encoding::Avro,
        framing: FramingKind::default(),
        ids: OwnIds::default(),
        cloudevents: events::CloudEvents::Binary,
        binding: events::Binding::Kafka,
        source: "/serin/m".into(),
    }
}

async fn broker() -> Broker {
    let broker = Broker::open(&messaging::Config::new("memory://")).await.unwrap();
    broker.create_topic("deployments", Some(1)).await.unwrap();
    broker
}

/// What is in force after a configuration with this deployment has started at a second: production, revision, second.
async fn seeded(broker: &Broker, wanted: Deployment, second: i64) -> (String, u64, i64) {
    let (clock, _hands) = Clock::manual(second * 1_000_000);
    let mut history = History::open(broker, &"deployments".into(), &wanted.model).await.unwrap();
    told(&seed(&mut history, wanted, (broker, &style(), &clock)).await.unwrap())
}

/// The same after it was deployed.
async fn deployed(broker: &Broker, wanted: Deployment, second: i64) -> (String, u64, i64) {
    let (clock, _hands) = Clock::manual(second * 1_000_000);
    let mut history = History::open(broker, &"deployments".into(), &wanted.model).await.unwrap();
    told(&append(&mut history, wanted, (broker, &style(), &clock)).await.unwrap())
}

fn told(deployment: &Deployment) -> (String, u64, i64) {
    let second = deployment.created_at.as_micros() / 1_000_000;
    (deployment.production.to_string(), deployment.revision, second)
}

fn is(production: &str, revision: u64, second: i64) -> (String, u64, i64) {
    (production.to_owned(), revision, second)
}

async fn records(broker: &Broker) -> Vec<messaging::Record> {
    let mut reader = broker.reader(&["deployments".into()], Start::Earliest).await.unwrap();
    reader.read_available(LIMITS).await.unwrap()
}

#[tokio::test]
async fn a_configuration_deploys_where_nothing_is_deployed_and_never_again() {
    let broker = broker().await;
    assert_eq!(seeded(&broker, wanted("1"), 10).await, is("1", 1, 10));
    assert_eq!(seeded(&broker, wanted("1"), 20).await, is("1", 1, 10), "a restart changes nothing");
    assert_eq!(seeded(&broker, wanted("2"), 30).await, is("1", 1, 10), "nor does another configuration");
    let records = records(&broker).await;
    assert_eq!(records.len(), 1);
    let deployment: Deployment = crate::testing::read(records[0].value.as_ref());
    assert_eq!(deployment, Deployment { revision: 1, created_at: deployment.created_at, ..wanted("1") });
    assert_eq!(records[0].key.as_deref(), Some(&b"m"[..]));
    assert_eq!(records[0].headers.get("ce_type").unwrap(), Deployment::TYPE.as_bytes());
}

#[tokio::test]
async fn deployments_count_up() {
    let broker = broker().await;
    assert_eq!(seeded(&broker, wanted("1"), 10).await, is("1", 1, 10));
    assert_eq!(deployed(&broker, wanted("2"), 20).await, is("2", 2, 20));
    assert_eq!(deployed(&broker, wanted("1"), 30).await, is("1", 3, 30));
    let history = History::open(&broker, &"deployments".into(), "m").await.unwrap();
    let all: Vec<_> = history.all().iter().map(told).collect();
    assert_eq!(all, [is("1", 1, 10), is("2", 2, 20), is("1", 3, 30)]);
}

#[tokio::test]
async fn of_two_that_deploy_at_once_the_second_is_told_of_the_first() {
    let broker = broker().await;
    seeded(&broker, wanted("1"), 10).await;
    let mut late = History::open(&broker, &"deployments".into(), "m").await.unwrap();
    assert_eq!(deployed(&broker, wanted("2"), 20).await, is("2", 2, 20));
    let (clock, _hands) = Clock::manual(30_000_000);
    let in_force = append(&mut late, wanted("3"), (&broker, &style(), &clock)).await.unwrap();
    assert_eq!(told(&in_force), is("2", 2, 20));
}

#[tokio::test]
async fn models_count_their_revisions_apart_and_records_out_of_turn_are_ignored() {
    let broker = broker().await;
    seeded(&broker, wanted("1"), 10).await;
    let other = Deployment { model: "n".into(), ..wanted("1") };
    assert_eq!(seeded(&broker, other, 20).await, is("1", 1, 20));
    for revision in [1, 3, 9] {
        let stray = Deployment { revision, ..wanted("stray") };
        let value = serde_json::to_string(&stray).unwrap();
        let record = Output { topic: "deployments".into(), ..crate::testing::input("m", value) };
        broker.writer().append(vec![record]).await.unwrap();
    }
    assert_eq!(seeded(&broker, wanted("1"), 30).await, is("1", 1, 10));
    assert_eq!(deployed(&broker, wanted("2"), 40).await, is("2", 2, 40));
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_an_error_and_not_a_fresh_start() {
    let broker = broker().await;
    let record = Output { topic: "deployments".into(), ..crate::testing::input("m", "{}") };
    broker.writer().append(vec![record]).await.unwrap();
    let opened = History::open(&broker, &"deployments".into(), "m").await;
    assert!(opened.unwrap_err().to_string().contains("offset 0 of `deployments` is no deployment"));
    assert_eq!(reader(&broker, "deployments").await.read_available(LIMITS).await.unwrap().len(), 1);
}
