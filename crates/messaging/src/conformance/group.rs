//! Groups: who takes what, from where, and what a rebalance does.

use std::collections::HashSet;

use super::*;
use crate::Position;

/// Each group takes every record.
pub async fn groups_are_independent(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.writer().append(numbered("in", 0..100)).await.unwrap();
    for group in ["production", "shadow-1", "shadow-2"] {
        let records = drain(&mut lane(&broker, group, "in").await, 100).await;
        assert_eq!(numbers(&records), (0..100).collect::<Vec<_>>(), "{group}");
    }
}

/// Lanes of one group have different partitions, and together all of them.
pub async fn lanes_of_a_group_share_partitions(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.create_topic("in", Some(4)).await.unwrap();
    let mut lanes = [lane(&broker, "g", "in").await, lane(&broker, "g", "in").await];
    broker.writer().append((0..4).map(|p| at(p, output("in", "k", p.to_string()))).collect()).await.unwrap();
    let mut seen = Vec::new();
    for lane in &mut lanes {
        let batch = lane.take(MANY).await.unwrap();
        assert_eq!(batch.records.len(), 2);
        seen.extend(batch.records.clone());
        assert_eq!(lane.commit(batch, Vec::new()).await.unwrap(), Commit::Committed);
    }
    assert_eq!(numbers(&seen), [0, 1, 2, 3]);
}

/// A lane without a partition waits until another one leaves.
pub async fn lane_beyond_the_partitions_waits(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.create_topic("in", Some(1)).await.unwrap();
    broker.writer().append(numbered("in", 0..10)).await.unwrap();
    let mut first = lane(&broker, "g", "in").await;
    let mut second = lane(&broker, "g", "in").await;
    let first_waits = waits(first.take(MANY)).await;
    let second_waits = waits(second.take(MANY)).await;
    assert!(first_waits != second_waits, "exactly one has the partition: {first_waits} {second_waits}");
    let (gone, mut left) = if first_waits { (second, first) } else { (first, second) };
    drop(gone);
    assert_eq!(drain(&mut left, 10).await.len(), 10);
}

/// A batch whose partitions have gone to another lane is not written, and the other lane takes it.
pub async fn commit_after_a_rebalance_is_revoked(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.create_topic("in", Some(2)).await.unwrap();
    broker.writer().append(numbered("in", 0..100)).await.unwrap();
    let mut first = lane(&broker, "g", "in").await;
    let batch = first.take(MANY).await.unwrap();
    assert_eq!(batch.records.len(), 100);
    let mut second = lane(&broker, "g", "in").await;
    let outputs = vec![output("out", "k", "1")];
    assert_eq!(first.commit(batch, outputs).await.unwrap(), Commit::Revoked);
    assert!(contents(&broker, "out").await.is_empty());
    let mut seen = HashSet::new();
    for lane in [&mut first, &mut second] {
        let batch = lane.take(MANY).await.unwrap();
        seen.extend(batch.records.iter().map(number));
        assert_eq!(lane.commit(batch, Vec::new()).await.unwrap(), Commit::Committed);
    }
    assert_eq!(seen.len(), 100);
}

/// A batch taken after a revoked one is revoked, even if its own partition has stayed.
pub async fn batches_after_a_revoked_one_are_revoked(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.create_topic("in", Some(2)).await.unwrap();
    let mut first = lane(&broker, "g", "in").await;
    broker.writer().append((0..2).map(|p| at(p, output("in", "k", p.to_string()))).collect()).await.unwrap();
    let both = first.take(MANY).await.unwrap();
    assert_eq!(both.records.len(), 2);
    let _second = lane(&broker, "g", "in").await;
    broker.writer().append((0..2).map(|p| at(p, output("in", "k", p.to_string()))).collect()).await.unwrap();
    let own = first.take(MANY).await.unwrap();
    assert_eq!(own.records.len(), 1);
    let (revoked, after) = (first.commit(both, Vec::new()), first.commit(own, Vec::new()));
    assert_eq!((revoked.await.unwrap(), after.await.unwrap()), (Commit::Revoked, Commit::Revoked));
    let again = first.take(MANY).await.unwrap();
    assert_eq!(again.records.len(), 2, "both records of the partition that stayed");
    assert_eq!(first.commit(again, Vec::new()).await.unwrap(), Commit::Committed);
}

/// Lanes that come and go copy each record exactly once, and in order per key.
pub async fn nothing_is_taken_twice_or_lost_through_rebalances(fixture: Fixture) {
    let broker = fixture.open().await;
    let writer = broker.writer();
    let writing = tokio::spawn(async move {
        for start in (0..3_000).step_by(10) {
            writer.append(numbered("in", start..start + 10)).await.unwrap();
        }
    });
    let mut workers = Vec::new();
    for worker in 0..4 {
        let broker = broker.clone();
        workers.push(tokio::spawn(async move {
            let mut lane = lane(&broker, "g", "in").await;
            for turn in 0.. {
                if turn % 5 == worker {
                    drop(lane);
                    lane = super::lane(&broker, "g", "in").await;
                }
                let Ok(batch) = tokio::time::timeout(Duration::from_millis(500), lane.take(MANY)).await
                else {
                    return;
                };
                let batch = batch.unwrap();
                let copy = |record: &Record| {
                    output(
                        "out",
                        std::str::from_utf8(record.key.as_deref().unwrap()).unwrap(),
                        record.value.clone().unwrap(),
                    )
                };
                let outputs = batch.records.iter().map(copy).collect();
                match lane.commit(batch, outputs).await.unwrap() {
                    Commit::Committed | Commit::Revoked => {}
                }
            }
        }));
    }
    writing.await.unwrap();
    for worker in workers {
        worker.await.unwrap();
    }
    let mut lane = lane(&broker, "g", "in").await;
    while broker.lag("g").await.unwrap().iter().any(|lag| lag.records > 0) {
        let batch = lane.take(MANY).await.unwrap();
        let outputs = batch
            .records
            .iter()
            .map(|record| Output {
                topic: "out".into(),
                partition: None,
                timestamp: 0,
                key: record.key.clone(),
                value: record.value.clone(),
                headers: record.headers.clone(),
            })
            .collect();
        assert_eq!(lane.commit(batch, outputs).await.unwrap(), Commit::Committed);
    }
    let copies = contents(&broker, "out").await;
    assert_eq!(numbers(&copies), (0..3_000).collect::<Vec<_>>());
    let mut last = std::collections::HashMap::new();
    for record in &copies {
        let before = last.insert(record.key.clone(), number(record));
        assert!(before.is_none_or(|before| before < number(record)), "{record:?} after {before:?}");
    }
}

/// A group starts at the oldest record, behind the newest, or at given positions.
pub async fn group_starts_where_it_is_told(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.create_topic("in", Some(1)).await.unwrap();
    broker.writer().append(numbered("in", 0..10)).await.unwrap();
    let position = |offset| vec![Position { topic: "in".into(), partition: 0, offset }];
    let rows = [
        ("earliest", Start::Earliest, 0),
        ("latest", Start::Latest, 10),
        ("at", Start::At(position(4)), 4),
        ("beyond", Start::At(position(400)), 10),
        ("unnamed", Start::At(Vec::new()), 0),
    ];
    for (group, start, expected) in rows.clone() {
        let _lane = lane_from(&broker, group, "in", start).await;
        let committed = broker.committed(group).await.unwrap();
        assert_eq!(
            committed.iter().map(|position| position.offset).collect::<Vec<_>>(),
            [expected],
            "{group}"
        );
    }
    broker.writer().append(numbered("in", 10..12)).await.unwrap();
    for (group, start, expected) in rows {
        let batch = lane_from(&broker, group, "in", start).await.take(MANY).await.unwrap();
        assert_eq!(number(&batch.records[0]) as u64, expected, "{group}");
    }
}

/// A new shadow starts beside production: at its committed position, not at what it has taken.
pub async fn group_starts_where_another_is(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.create_topic("in", Some(1)).await.unwrap();
    broker.writer().append(numbered("in", 0..10)).await.unwrap();
    let mut production = lane(&broker, "production", "in").await;
    let batch = production.take(Limits { records: 4, ..MANY }).await.unwrap();
    assert_eq!(production.commit(batch, Vec::new()).await.unwrap(), Commit::Committed);
    let _taken_only = production.take(Limits { records: 4, ..MANY }).await.unwrap();
    let start = || Start::CommittedBy("production".to_owned());
    let batch = lane_from(&broker, "shadow", "in", start()).await.take(MANY).await.unwrap();
    assert_eq!(numbers(&batch.records), (4..10).collect::<Vec<_>>());
    let start = Start::CommittedBy("nobody".to_owned());
    let batch = lane_from(&broker, "other", "in", start).await.take(MANY).await.unwrap();
    assert_eq!(batch.records.len(), 10);
}

/// The start is for partitions without a position only.
pub async fn committed_position_beats_the_start(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.writer().append(numbered("in", 0..10)).await.unwrap();
    drain(&mut lane(&broker, "g", "in").await, 10).await;
    broker.writer().append(numbered("in", 10..15)).await.unwrap();
    for start in [Start::Latest, Start::Earliest, Start::At(Vec::new())] {
        let mut lane = lane_from(&broker, "g", "in", start).await;
        let mut seen = Vec::new();
        while seen.len() < 5 {
            seen.extend(lane.take(MANY).await.unwrap().records);
        }
        assert_eq!(numbers(&seen), (10..15).collect::<Vec<_>>());
    }
}
