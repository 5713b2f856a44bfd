//! Where a lane starts on partitions that have come to it.

use std::time::Instant;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList, TopicPartitionListElem};

use super::{REQUEST_TIMEOUT, Shared};
use crate::error::Error;
use crate::lane::Start;
use crate::record::{PartitionInfo, Position};

/// The list of partitions with an offset each: where the group is committed, and otherwise where `start` says. What
/// `start` says is committed before this returns, so that a crash before the first commit changes nothing.
///
/// Waits behind the open transaction of a member that is gone, whose outcome decides where we start.
pub(super) fn positions<C: ConsumerContext>(
    shared: &Shared,
    consumer: &BaseConsumer<C>,
    assigned: &TopicPartitionList,
    start: &Start,
) -> Result<TopicPartitionList, Error> {
    let mut found = committed(shared, consumer, assigned)?;
    let mut fresh = TopicPartitionList::new();
    for element in found.elements() {
        if !matches!(element.offset(), Offset::Offset(_)) {
            fresh.add_partition(element.topic(), element.partition());
        }
    }
    if fresh.count() == 0 {
        return Ok(found);
    }
    let started = begin(shared, consumer, &fresh, start)?;
    tracing::info!(partitions = fresh.count(), "partitions without a position begin at {start:?}");
    if let Err(error) = consumer.commit(&started, CommitMode::Sync) {
        // Another rebalance has begun already. The start is on record with the first commit at the latest.
        tracing::warn!("the start positions are not on record yet: {error}");
    }
    for element in started.elements() {
        set(shared, &mut found, element.topic(), element.partition(), element.offset())?;
    }
    Ok(found)
}

fn committed<C: ConsumerContext>(
    shared: &Shared,
    consumer: &BaseConsumer<C>,
    assigned: &TopicPartitionList,
) -> Result<TopicPartitionList, Error> {
    let began = Instant::now();
    loop {
        let found = consumer.committed_offsets(assigned.clone(), REQUEST_TIMEOUT);
        // A partition that cannot be told about is not one without a position.
        let found = found.and_then(|found| {
            found.elements().iter().try_for_each(TopicPartitionListElem::error)?;
            Ok(found)
        });
        match found {
            Ok(found) => return Ok(found),
            Err(error) if began.elapsed() > shared.config.kafka.patience || *shared.closed.borrow() => {
                return Err(shared.server_error(format!("cannot read the group's positions: {error}")));
            }
            Err(error) => tracing::warn!("cannot read the group's positions yet: {error}"),
        }
    }
}

fn begin<C: ConsumerContext>(
    shared: &Shared,
    consumer: &BaseConsumer<C>,
    fresh: &TopicPartitionList,
    start: &Start,
) -> Result<TopicPartitionList, Error> {
    let given = match start {
        Start::Earliest | Start::Latest => Vec::new(),
        Start::CommittedBy(group) => shared.committed_of(group, fresh.clone())?,
        Start::At(positions) => positions.clone(),
    };
    let mut started = TopicPartitionList::new();
    for element in fresh.elements() {
        let partition = u32::try_from(element.partition()).unwrap_or(0);
        let span = shared.span(consumer, element.topic(), partition)?;
        let topic = shared.own_name(element.topic()).unwrap_or_default();
        let offset =
            place(span, start, given.iter().find(|at| *at.topic == *topic && at.partition == partition));
        let offset = Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
        started.add_partition(element.topic(), element.partition());
        set(shared, &mut started, element.topic(), element.partition(), offset)?;
    }
    Ok(started)
}

/// Where to start on a partition: at the given position, moved to the nearest that is there, or at one of its ends.
pub(super) fn place(span: PartitionInfo, start: &Start, given: Option<&Position>) -> u64 {
    match (given, start) {
        (Some(at), _) => at.offset.clamp(span.first, span.end),
        (None, Start::Latest) => span.end,
        (None, _) => span.first,
    }
}

pub(super) fn set(
    shared: &Shared,
    list: &mut TopicPartitionList,
    topic: &str,
    partition: i32,
    offset: Offset,
) -> Result<(), Error> {
    list.set_partition_offset(topic, partition, offset).map_err(|error| {
        shared.server_error(format!("position of topic `{topic}`, partition {partition}: {error}"))
    })
}
