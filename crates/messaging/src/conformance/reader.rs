//! Reading without a group.

use super::*;
use crate::{Error, Position};

/// A reader gets all that is there, waits, and gets what comes; it commits nothing.
pub async fn reader_reads_everything_and_waits(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.writer().append(numbered("a", 0..50)).await.unwrap();
    broker.writer().append(numbered("b", 50..100)).await.unwrap();
    let mut reader = broker.reader(&["a".to_owned(), "b".to_owned()], Start::Earliest).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 100 {
        seen.extend(reader.read(Limits { records: 9, ..MANY }).await.unwrap());
    }
    assert!(reader.read_available(MANY).await.unwrap().is_empty());
    assert!(waits(reader.read(MANY)).await);
    let writer = broker.writer();
    let (more, placed) = tokio::join!(reader.read(MANY), writer.append(numbered("b", 100..101)));
    seen.extend(more.unwrap());
    assert_eq!((numbers(&seen), placed.unwrap().len()), ((0..101).collect::<Vec<_>>(), 1));
    let mut latest = broker.reader(&["a".to_owned()], Start::Latest).await.unwrap();
    assert!(latest.read_available(MANY).await.unwrap().is_empty());
}

/// A reader that stops at the end as of now does not read what is written later, and does not wait for it.
pub async fn reader_stops_at_the_end_as_of_now(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.writer().append(numbered("in", 0..30)).await.unwrap();
    let mut reader = broker.reader(&["in".to_owned()], Start::Earliest).await.unwrap();
    reader.stop_at_end().await.unwrap();
    broker.writer().append(numbered("in", 30..60)).await.unwrap();
    let mut seen = Vec::new();
    loop {
        let records = reader.read(Limits { records: 4, ..MANY }).await.unwrap();
        if records.is_empty() {
            break;
        }
        seen.extend(records);
    }
    assert_eq!(numbers(&seen), (0..30).collect::<Vec<_>>());
    reader.stop_at_end().await.unwrap();
    assert!(!reader.read(MANY).await.unwrap().is_empty());
    let mut empty = broker.reader(&["empty".to_owned()], Start::Earliest).await.unwrap();
    empty.stop_at_end().await.unwrap();
    assert!(empty.read(MANY).await.unwrap().is_empty());
}

/// A reader that starts at another's positions reads exactly the rest.
pub async fn reader_goes_on_from_positions(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.writer().append(numbered("in", 0..50)).await.unwrap();
    let topics = ["in".to_owned()];
    let mut first = broker.reader(&topics, Start::Earliest).await.unwrap();
    let mut seen = first.read(Limits { records: 20, ..MANY }).await.unwrap();
    let positions: Vec<Position> = first.positions().cloned().collect();
    let written = contents_of(&broker, "in", 50).await;
    let read: Vec<Record> = before(&written, &positions).into_iter().cloned().collect();
    assert_eq!(numbers(&read), numbers(&seen));
    let mut second = broker.reader(&topics, Start::At(positions)).await.unwrap();
    while seen.len() < 50 {
        seen.extend(second.read(MANY).await.unwrap());
    }
    assert_eq!(numbers(&seen), (0..50).collect::<Vec<_>>());
}

/// The lag is what the group has not committed.
pub async fn lag_counts_what_is_left(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.create_topic("in", Some(1)).await.unwrap();
    broker.writer().append(numbered("in", 0..10)).await.unwrap();
    assert!(broker.lag("g").await.unwrap().is_empty());
    let written = contents_of(&broker, "in", 10).await;
    let mut lane = lane(&broker, "g", "in").await;
    let mut left = 10;
    while left > 0 {
        let lag = broker.lag("g").await.unwrap();
        let ahead = |record: &&Record| (lag[0].committed..lag[0].end).contains(&record.offset);
        assert_eq!((written.iter().filter(ahead).count(), lag[0].records), (left, left as u64));
        assert!(lag[0].end > written[9].offset, "{lag:?}");
        let batch = lane.take(Limits { records: 3, ..MANY }).await.unwrap();
        left -= batch.records.len();
        assert_eq!(lane.commit(batch, Vec::new()).await.unwrap(), Commit::Committed);
    }
}

/// Whoever uses a broker that was closed is told so, even while waiting.
pub async fn closed_broker_says_so(fixture: Fixture) {
    let broker = fixture.open().await;
    let mut lane = lane(&broker, "g", "in").await;
    let mut reader = broker.reader(&["in".to_owned()], Start::Earliest).await.unwrap();
    let writer = broker.writer();
    let waiting = tokio::spawn(async move { (lane.take(MANY).await.err(), lane) });
    assert!(waits(reader.read(MANY)).await);
    broker.clone().close().await;
    let (error, _lane) = waiting.await.unwrap();
    assert!(matches!(error, Some(Error::Closed)), "{error:?}");
    assert!(matches!(reader.read(MANY).await, Err(Error::Closed)));
    assert!(matches!(writer.append(numbered("in", 0..1)).await, Err(Error::Closed)));
    assert!(matches!(broker.committed("g").await, Err(Error::Closed)));
}
