//! Groups: who takes what, from where, and what a rebalance does.

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

/// Lanes of one group come to have different partitions, and together all of them.
pub async fn lanes_of_a_group_share_partitions(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.create_topic("in", Some(4)).await.unwrap();
    let mut lanes = [lane(&broker, "g", "in").await, lane(&broker, "g", "in").await];
    for round in 0.. {
        let record = |p: u32| at(p, output("in", "k", (round * 4 + p).to_string()));
        broker.writer().append((0..4).map(record).collect()).await.unwrap();
        let mut taken = [Vec::new(), Vec::new()];
        while taken.iter().map(Vec::len).sum::<usize>() < 4 {
            let (at, batch) = take_any(&mut lanes).await;
            let records = batch.records.clone();
            if lanes[at].commit(batch, Vec::new()).await.unwrap() == Commit::Committed {
                taken[at].extend(records);
            }
        }
        let all = numbers(&taken.concat());
        assert_eq!(all, (0..4).map(|p| round as usize * 4 + p).collect::<Vec<_>>(), "each once");
        if taken.iter().all(|taken| taken.len() == 2) {
            return;
        }
    }
}

/// Takes from whichever of two lanes has something first.
async fn take_any(lanes: &mut [Lane; 2]) -> (usize, crate::Batch) {
    let [first, second] = lanes;
    tokio::select! {
        batch = first.take(MANY) => (0, batch.unwrap()),
        batch = second.take(MANY) => (1, batch.unwrap()),
    }
}

/// A lane without a partition waits until another one leaves.
pub async fn lane_beyond_the_partitions_waits(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.create_topic("in", Some(1)).await.unwrap();
    broker.writer().append(numbered("in", 0..10)).await.unwrap();
    let mut lanes = [lane(&broker, "g", "in").await, lane(&broker, "g", "in").await];
    let (owner, _batch) = take_any(&mut lanes).await;
    let [first, second] = lanes;
    let (gone, mut left) = if owner == 0 { (first, second) } else { (second, first) };
    assert!(waits(left.take(MANY)).await);
    drop(gone);
    assert_eq!(drain(&mut left, 10).await.len(), 10);
}

/// A batch whose partitions have gone to another lane is not written, and neither is what was taken after it; the
/// records are taken again, by whoever has them now, and committed once.
pub async fn commit_after_a_rebalance_is_revoked(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.create_topic("in", Some(2)).await.unwrap();
    let (before, after) = (numbered("in", 0..100), numbered("in", 100..200));
    let both = |outputs: Vec<Output>| {
        outputs.into_iter().enumerate().map(|(place, output)| at(u32::from(place % 2 == 1), output)).collect()
    };
    broker.writer().append(both(before)).await.unwrap();
    let mut first = lane(&broker, "g", "in").await;
    let taken = take_of_both(&mut first).await;
    let mut second = lane(&broker, "g", "in").await;
    // Now the other lane has one of the partitions for sure.
    let moved = second.take(MANY).await.unwrap();
    broker.writer().append(both(after)).await.unwrap();
    let own = tokio::time::timeout(Duration::from_secs(2), first.take(MANY)).await;
    let copies = |records: &[Record]| records.iter().map(|record| copy_of(record, "out")).collect::<Vec<_>>();
    let mut last = Commit::Committed;
    for batch in taken {
        let outputs = copies(&batch.records);
        last = first.commit(batch, outputs).await.unwrap();
    }
    assert_eq!(last, Commit::Revoked);
    if let Ok(own) = own {
        let own = own.unwrap();
        let outputs = copies(&own.records);
        first.commit(own, outputs).await.unwrap().ignore();
    }
    let outputs = copies(&moved.records);
    second.commit(moved, outputs).await.unwrap().ignore();
    let mut lanes = [first, second];
    while contents(&broker, "out").await.len() < 200 {
        let taken = tokio::time::timeout(Duration::from_secs(1), take_any(&mut lanes)).await;
        let Ok((at, batch)) = taken else { continue };
        let outputs = copies(&batch.records);
        lanes[at].commit(batch, outputs).await.unwrap().ignore();
    }
    assert_eq!(numbers(&contents_of(&broker, "out", 200).await), (0..200).collect::<Vec<_>>());
}

/// Takes until there was something of both partitions.
async fn take_of_both(lane: &mut Lane) -> Vec<crate::Batch> {
    let mut taken: Vec<crate::Batch> = Vec::new();
    loop {
        taken.push(lane.take(MANY).await.unwrap());
        let records = || taken.iter().flat_map(|batch| &batch.records);
        if [0, 1].iter().all(|partition| records().any(|record| record.partition == *partition)) {
            return taken;
        }
    }
}

/// Lanes that come and go copy each record at least once, whatever a commit promises.
pub async fn nothing_is_lost_through_rebalances(fixture: Fixture) {
    let copies = copy_through_rebalances(fixture).await;
    let mut seen = numbers(&copies);
    seen.dedup();
    assert_eq!(seen, (0..3_000).collect::<Vec<_>>());
}

/// Lanes that come and go copy each record exactly once, and in order per key.
pub async fn nothing_is_taken_twice_or_lost_through_rebalances(fixture: Fixture) {
    let copies = copy_through_rebalances(fixture).await;
    assert_eq!(numbers(&copies), (0..3_000).collect::<Vec<_>>());
    let mut last = std::collections::HashMap::new();
    for record in &copies {
        let before = last.insert(record.key.clone(), number(record));
        assert!(before.is_none_or(|before| before < number(record)), "{record:?} after {before:?}");
    }
}

/// Copies 3,000 records by four lanes of one group that come and go, and returns the copies.
async fn copy_through_rebalances(fixture: Fixture) -> Vec<Record> {
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
                let outputs = batch.records.iter().map(|record| copy_of(record, "out")).collect();
                lane.commit(batch, outputs).await.unwrap().ignore();
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
        let outputs = batch.records.iter().map(|record| copy_of(record, "out")).collect();
        lane.commit(batch, outputs).await.unwrap().ignore();
    }
    loop {
        let copies = contents(&broker, "out").await;
        if copies.len() >= 3_000 {
            return copies;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A group starts at the oldest record, behind the newest, or at given positions.
pub async fn group_starts_where_it_is_told(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.create_topic("in", Some(1)).await.unwrap();
    broker.writer().append(numbered("in", 0..10)).await.unwrap();
    let written = contents_of(&broker, "in", 10).await;
    let position = |offset| vec![Position { topic: "in".into(), partition: 0, offset }];
    let rows = [
        ("earliest", Start::Earliest, 0),
        ("latest", Start::Latest, 10),
        ("at", Start::At(position(written[4].offset)), 4),
        ("beyond", Start::At(position(written[9].offset + 400)), 10),
        ("unnamed", Start::At(Vec::new()), 0),
    ];
    for (group, start, expected) in rows.clone() {
        let _lane = lane_from(&broker, group, "in", start).await;
        let committed = broker.committed(group).await.unwrap();
        assert_eq!((before(&written, &committed).len(), committed.len()), (expected, 1), "{group}");
    }
    broker.writer().append(numbered("in", 10..12)).await.unwrap();
    for (group, start, expected) in rows {
        let batch = lane_from(&broker, group, "in", start).await.take(MANY).await.unwrap();
        assert_eq!(number(&batch.records[0]), expected, "{group}");
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
