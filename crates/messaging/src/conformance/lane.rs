//! Taking and committing.

use super::*;
use crate::Fate;

/// Records of one key come in the order in which they were written.
pub async fn order_per_key_holds(fixture: Fixture) {
    let broker = fixture.open().await;
    for start in (0..500).step_by(100) {
        broker.writer().append(numbered("in", start..start + 100)).await.unwrap();
    }
    let mut last = std::collections::HashMap::new();
    for record in drain(&mut lane(&broker, "g", "in").await, 500).await {
        let before = last.insert(record.key.clone(), number(&record));
        assert!(before.is_none_or(|before| before < number(&record)), "{record:?} after {before:?}");
    }
    assert_eq!(last.len(), 10);
}

/// What a batch wrote is there exactly when its position is.
pub async fn outputs_and_positions_are_written_together(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.writer().append(numbered("in", 0..100)).await.unwrap();
    let mut lane = lane(&broker, "g", "in").await;
    let batch = lane.take(MANY).await.unwrap();
    assert!(contents(&broker, "out").await.is_empty());
    let written = contents_of(&broker, "in", 100).await;
    assert!(before(&written, &broker.committed("g").await.unwrap()).is_empty());
    let mut outputs: Vec<_> = batch.records.iter().map(|record| copy_of(record, "out")).collect();
    outputs.push(output("out.dlq", "k", "0"));
    let taken = batch.records.len();
    assert_eq!(lane.commit(batch, outputs).await.unwrap(), Commit::Committed);
    contents_of(&broker, "out", taken).await;
    contents_of(&broker, "out.dlq", 1).await;
    assert_eq!(before(&written, &broker.committed("g").await.unwrap()).len(), taken);
}

/// A batch that is committed again, or after one that was left out, is refused and changes nothing.
pub async fn batch_is_committed_once_and_in_order(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.create_topic("in", Some(1)).await.unwrap();
    broker.writer().append(numbered("in", 0..30)).await.unwrap();
    let mut lane = lane(&broker, "g", "in").await;
    let ten = Limits { records: 10, ..MANY };
    let first = lane.take(ten).await.unwrap();
    let second = lane.take(ten).await.unwrap();
    let again = first.receipt.clone();
    let outputs = || vec![output("out", "k", "1")];
    let error = lane.commit(second.receipt.clone(), outputs()).await.unwrap_err();
    assert_eq!(error.fate(), Fate::Refused, "{error}");
    assert_eq!(lane.commit(first, Vec::new()).await.unwrap(), Commit::Committed);
    let error = lane.commit(again, outputs()).await.unwrap_err();
    assert!(error.to_string().contains("not the next one"), "{error}");
    assert!(contents(&broker, "out").await.is_empty());
    assert_eq!(lane.commit(second, outputs()).await.unwrap(), Commit::Committed);
    let mut other = super::lane(&broker, "h", "in").await;
    let foreign = other.take(ten).await.unwrap();
    assert_eq!(lane.commit(foreign, Vec::new()).await.unwrap_err().fate(), Fate::Refused);
}

/// A batch can be taken while the one before it is being committed; commits are applied in call order.
pub async fn commits_overlap_with_takes(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.writer().append(numbered("in", 0..1_000)).await.unwrap();
    let mut lane = lane(&broker, "g", "in").await;
    let mut under_way: Option<crate::Committing> = None;
    let mut taken = 0;
    while taken < 1_000 {
        let batch = lane.take(Limits { records: 7, ..MANY }).await.unwrap();
        taken += batch.records.len();
        let outputs = batch.records.iter().map(|record| copy_of(record, "out")).collect();
        let committing = lane.commit(batch, outputs);
        if let Some(before) = under_way.replace(committing) {
            assert_eq!(before.await.unwrap(), Commit::Committed);
        }
    }
    assert_eq!(under_way.unwrap().await.unwrap(), Commit::Committed);
    assert_eq!(numbers(&contents_of(&broker, "out", 1_000).await), (0..1_000).collect::<Vec<_>>());
}

/// A commit goes on when its future is dropped.
pub async fn dropped_commit_is_carried_out(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.writer().append(numbered("in", 0..50)).await.unwrap();
    let mut lane = lane(&broker, "g", "in").await;
    let mut taken = 0;
    while taken < 50 {
        let batch = lane.take(Limits { records: 5, ..MANY }).await.unwrap();
        taken += batch.records.len();
        let outputs = batch.records.iter().map(|record| copy_of(record, "out")).collect();
        drop(lane.commit(batch, outputs));
    }
    let mut reader = broker.reader(&["out".to_owned()], Start::Earliest).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 50 {
        seen.extend(reader.read(MANY).await.unwrap());
    }
    assert_eq!(numbers(&seen), (0..50).collect::<Vec<_>>());
}

/// Dropping the future of a take, at whatever point of its way, skips no record.
pub async fn dropped_take_loses_nothing(fixture: Fixture) {
    let broker = fixture.open().await;
    let mut lane = lane(&broker, "g", "in").await;
    assert!(polled(lane.take(MANY), 1).await.is_none(), "nothing is there yet");
    let writer = broker.writer();
    let writing = tokio::spawn(async move {
        for number in 0..200 {
            writer.append(numbered("in", number..number + 1)).await.unwrap();
        }
    });
    let mut seen = Vec::new();
    for turn in 0.. {
        if seen.len() == 200 {
            break;
        }
        // More polls as time goes on: on a machine that is busy enough a few never suffice.
        let Some(batch) = polled(lane.take(MANY), turn % 7 + turn / 7 + 1).await else { continue };
        let batch = batch.unwrap();
        seen.extend(batch.records.iter().cloned());
        assert_eq!(lane.commit(batch, Vec::new()).await.unwrap(), Commit::Committed);
    }
    writing.await.unwrap();
    assert_eq!(numbers(&seen), (0..200).collect::<Vec<_>>());
}

/// Polls a future that many times, giving others a turn in between, and then drops it.
async fn polled<T>(future: impl Future<Output = T>, times: usize) -> Option<T> {
    let mut future = std::pin::pin!(future);
    for _ in 0..times {
        let poll =
            std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context))).await;
        if let std::task::Poll::Ready(ready) = poll {
            return Some(ready);
        }
        tokio::task::yield_now().await;
    }
    None
}

/// A take waits while there is nothing, and wakes when something comes.
pub async fn take_waits_for_records(fixture: Fixture) {
    let broker = fixture.open().await;
    let mut lane = lane(&broker, "g", "in").await;
    assert!(waits(lane.take(MANY)).await);
    broker.writer().append(numbered("other", 0..1)).await.unwrap();
    assert!(waits(lane.take(MANY)).await);
    let writer = broker.writer();
    let (batch, placed) = tokio::join!(lane.take(MANY), writer.append(numbered("in", 7..8)));
    assert_eq!((numbers(&batch.unwrap().records), placed.unwrap().len()), (vec![7], 1));
}

/// A batch has at most as many records and about as many bytes as asked for, and at least one record.
pub async fn limits_bound_a_batch(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.create_topic("in", Some(1)).await.unwrap();
    let big = |_| output("in", "k", vec![b'1'; 10_000]);
    broker.writer().append((0..20).map(big).collect()).await.unwrap();
    let mut lane = lane(&broker, "g", "in").await;
    let rows = [((5, 64 << 20), 5..=5), ((100, 35_000), 2..=3), ((100, 1), 1..=1), ((0, 0), 1..=1)];
    for ((records, bytes), expected) in rows {
        let taken = lane.take(Limits { records, bytes }).await.unwrap().records.len();
        assert!(expected.contains(&taken), "{taken} for {records} records and {bytes} bytes");
    }
}

/// A partition that is far behind does not shut the others out.
pub async fn partitions_share_a_batch(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.create_topic("in", Some(2)).await.unwrap();
    let backlog = (0..1_000).map(|_| at(0, output("in", "k", "0"))).collect();
    broker.writer().append(backlog).await.unwrap();
    broker.writer().append(vec![at(1, output("in", "k", "1"))]).await.unwrap();
    let mut lane = lane(&broker, "g", "in").await;
    let mut taken = 0;
    loop {
        let batch = lane.take(Limits { records: 10, ..MANY }).await.unwrap();
        taken += batch.records.len();
        if batch.records.iter().any(|record| record.partition == 1) {
            break;
        }
        // A server hands out what it has of each partition, but not all in one answer.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(taken < 1_001, "only after the backlog");
}

/// A commit that is refused for its outputs writes nothing, and can be tried again with others.
pub async fn refused_commit_can_be_tried_again(fixture: Fixture) {
    let mut fixture = fixture;
    fixture.config.max_record_bytes = 1_000;
    let broker = fixture.open().await;
    broker.writer().append(numbered("in", 0..10)).await.unwrap();
    let mut lane = lane(&broker, "g", "in").await;
    let batch = lane.take(MANY).await.unwrap();
    let receipt = batch.receipt.clone();
    let outputs = vec![output("out", "k", "1"), output("out", "k", vec![b'x'; 1_000 + (64 << 10)])];
    let error = lane.commit(batch, outputs).await.unwrap_err();
    assert_eq!(error.fate(), Fate::Refused, "{error}");
    let outputs = vec![output("out", "k", "1"), at(99, output("out", "k", "2"))];
    let error = lane.commit(receipt.clone(), outputs).await.unwrap_err();
    assert_eq!(error.fate(), Fate::Refused, "{error}");
    assert!(contents(&broker, "out").await.is_empty());
    let outputs = vec![output("out", "k", "1")];
    assert_eq!(lane.commit(receipt, outputs).await.unwrap(), Commit::Committed);
    contents_of(&broker, "out", 1).await;
}

/// Any record that a writer may append can be committed again with 64 KiB and 16 headers beside it: what cannot
/// be scored must not stop the lane.
pub async fn largest_record_becomes_a_dead_letter(fixture: Fixture) {
    let mut fixture = fixture;
    fixture.config.max_record_bytes = 100_000;
    let broker = fixture.open().await;
    let empty = |count: usize| (0..count).map(|_| crate::Header::new("", Bytes::new()));
    let large = output("in", "k", vec![b'x'; 99_999]);
    let many = Output { headers: empty(crate::Headers::MAX).collect(), ..output("in", "k", "1") };
    broker.writer().append(vec![large, many]).await.unwrap();
    let mut lane = lane(&broker, "g", "in").await;
    let batch = lane.take(MANY).await.unwrap();
    let mut letters: Vec<_> = batch.records.iter().map(|record| copy_of(record, "in.dlq")).collect();
    letters[0].headers.push("error", vec![b'e'; (64 << 10) - "error".len()]);
    letters[1].headers.extend(empty(16));
    assert_eq!(lane.commit(batch, letters.clone()).await.unwrap(), Commit::Committed);
    let read = contents_of(&broker, "in.dlq", 2).await;
    for (read, letter) in read.iter().zip(&letters) {
        let read = copy_of(read, "in.dlq");
        assert_eq!((&read.key, read.timestamp), (&letter.key, letter.timestamp));
        assert!(read.value == letter.value, "values differ");
        assert_eq!(read.headers.len(), letter.headers.len());
        assert!(read.headers == letter.headers, "headers differ");
    }
}

/// A commit that is larger than the whole queue to the disk gets through, alone, and those after it do as well.
pub async fn commit_larger_than_the_queue_gets_through(fixture: Fixture) {
    let mut fixture = fixture;
    fixture.config.max_record_bytes = 10_000;
    fixture.config.queue_bytes = 20_000;
    let broker = fixture.open().await;
    broker.create_topic("in", Some(1)).await.unwrap();
    broker.writer().append(numbered("in", 0..30)).await.unwrap();
    let mut lane = lane(&broker, "g", "in").await;
    let ten = Limits { records: 10, ..MANY };
    for written in [10, 20] {
        let batch = lane.take(ten).await.unwrap();
        // A take waits for what was committed before it.
        contents_of(&broker, "out", written - 10).await;
        let large = |_| output("out", "k", vec![b'x'; 9_000]);
        drop(lane.commit(batch, (0..10).map(large).collect()));
    }
    let batch = lane.take(ten).await.unwrap();
    contents_of(&broker, "out", 20).await;
    assert_eq!(lane.commit(batch, vec![output("out", "k", "1")]).await.unwrap(), Commit::Committed);
    while broker.lag("g").await.unwrap().iter().any(|lag| lag.records > 0) {
        let batch = lane.take(ten).await.unwrap();
        assert_eq!(lane.commit(batch, Vec::new()).await.unwrap(), Commit::Committed);
    }
    broker.writer().append(vec![output("in", "k", vec![0; 9_000])]).await.unwrap();
}
