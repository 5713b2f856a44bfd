use events::Event;
use messaging::{Headers, Output};

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

/// Seeds at a second, and says which revision of which time is in force.
async fn seeded(broker: &Broker, wanted: Deployment, second: i64) -> (u64, i64) {
    let (clock, _hands) = Clock::manual(second * 1_000_000);
    let deployment = seed(broker, &"deployments".into(), wanted, (&style(), &clock)).await.unwrap();
    (deployment.revision, deployment.created_at.as_micros() / 1_000_000)
}

async fn records(broker: &Broker) -> Vec<messaging::Record> {
    let mut reader = broker.reader(&["deployments".into()], Start::Earliest).await.unwrap();
    reader.read_available(LIMITS).await.unwrap()
}

#[tokio::test]
async fn a_deployment_goes_on_record_once_and_again_when_it_changes() {
    let broker = broker().await;
    assert_eq!(seeded(&broker, wanted("1"), 10).await, (1, 10));
    assert_eq!(seeded(&broker, wanted("1"), 20).await, (1, 10), "a restart changes nothing");
    assert_eq!(seeded(&broker, wanted("2"), 30).await, (2, 30));
    assert_eq!(seeded(&broker, wanted("2"), 40).await, (2, 30));
    assert_eq!(seeded(&broker, wanted("1"), 50).await, (3, 50), "going back is a change too");
    let records = records(&broker).await;
    assert_eq!(records.len(), 3);
    for (record, revision) in records.iter().zip(1..) {
        let deployment: Deployment = crate::testing::read(record.value.as_ref());
        assert_eq!(deployment.revision, revision);
        assert_eq!(record.key.as_deref(), Some(&b"m"[..]));
        assert_eq!(record.headers.get("ce_type").unwrap(), Deployment::TYPE.as_bytes());
    }
}

#[tokio::test]
async fn a_shadow_or_its_share_is_a_change() {
    let broker = broker().await;
    seeded(&broker, wanted("1"), 10).await;
    let mut other = wanted("1");
    other.shadows[0].share = 500;
    assert_eq!(seeded(&broker, other.clone(), 20).await, (2, 20));
    other.shadows.clear();
    assert_eq!(seeded(&broker, other, 30).await, (3, 30));
}

#[tokio::test]
async fn models_count_their_revisions_apart_and_records_out_of_turn_are_ignored() {
    let broker = broker().await;
    seeded(&broker, wanted("1"), 10).await;
    let other = Deployment { model: "n".into(), ..wanted("1") };
    assert_eq!(seeded(&broker, other, 20).await, (1, 20));
    for revision in [1, 3, 9] {
        let stray = Deployment { revision, ..wanted("stray") };
        let record = Output {
            topic: "deployments".into(),
            partition: None,
            timestamp: 0,
            key: None,
            value: Some(serde_json::to_vec(&stray).unwrap().into()),
            headers: Headers::new(),
        };
        broker.writer().append(vec![record]).await.unwrap();
    }
    assert_eq!(seeded(&broker, wanted("1"), 30).await, (1, 10));
    assert_eq!(seeded(&broker, wanted("2"), 40).await, (2, 40));
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_an_error_and_not_a_fresh_start() {
    let broker = broker().await;
    let record = Output { topic: "deployments".into(), ..crate::testing::input("m", "{}") };
    broker.writer().append(vec![record]).await.unwrap();
    let (clock, _hands) = Clock::manual(0);
    assert!(seed(&broker, &"deployments".into(), wanted("1"), (&style(), &clock)).await.is_err());
    assert_eq!(reader(&broker, "deployments").await.read_available(LIMITS).await.unwrap().len(), 1);
}
