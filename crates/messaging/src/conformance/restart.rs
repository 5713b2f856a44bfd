//! What outlives the process; for brokers that keep their records.

use super::*;

/// Topics, records, positions and placement are there again after a restart.
pub async fn records_and_positions_outlive_the_broker(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.create_topic("in", Some(3)).await.unwrap();
    broker.writer().append(numbered("in", 0..100)).await.unwrap();
    let mut lane = lane(&broker, "g", "in").await;
    let batch = lane.take(Limits { records: 40, ..MANY }).await.unwrap();
    let mut seen = batch.records.clone();
    assert_eq!(lane.commit(batch, Vec::new()).await.unwrap(), Commit::Committed);
    drop(lane);
    let (topics, committed) = (broker.topics().await.unwrap(), broker.committed("g").await.unwrap());
    broker.close().await;

    let broker = fixture.open().await;
    assert_eq!(broker.topics().await.unwrap(), topics);
    assert_eq!(broker.committed("g").await.unwrap(), committed);
    broker.writer().append(numbered("in", 100..150)).await.unwrap();
    let left = 150 - seen.len();
    seen.extend(drain(&mut super::lane(&broker, "g", "in").await, left).await);
    assert_eq!(numbers(&seen), (0..150).collect::<Vec<_>>());
}

/// A batch that was taken and not committed is taken again after a restart.
pub async fn uncommitted_batch_is_taken_again(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.writer().append(numbered("in", 0..20)).await.unwrap();
    let mut lane = lane(&broker, "g", "in").await;
    let taken = lane.take(MANY).await.unwrap();
    assert!(!taken.records.is_empty());
    drop((lane, taken));
    broker.close().await;
    let broker = fixture.open().await;
    let again = drain(&mut super::lane(&broker, "g", "in").await, 20).await;
    assert_eq!(numbers(&again), (0..20).collect::<Vec<_>>());
}

/// A lane that started at the end and never committed finds, after a restart, what came meanwhile.
pub async fn start_is_durable_before_the_first_commit(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.writer().append(numbered("in", 0..20)).await.unwrap();
    drop(lane_from(&broker, "g", "in", Start::Latest).await);
    broker.writer().append(numbered("in", 20..30)).await.unwrap();
    broker.close().await;
    let broker = fixture.open().await;
    let seen = drain(&mut lane_from(&broker, "g", "in", Start::Latest).await, 10).await;
    assert_eq!(numbers(&seen), (20..30).collect::<Vec<_>>());
}
