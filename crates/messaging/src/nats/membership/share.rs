//! Which partitions are whose. Pure: members and partition counts in, a share out.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Member;
use crate::nats::topics::Topic;

/// A partition, as a lane knows it: the place of the topic among its topics, and the number.
pub(crate) type Slot = (usize, u32);

/// Returns what a member has of its topics, given all members with the oldest first. Each topic's partitions are
/// dealt out in ranges: those who take from the same topics get the same partition numbers of each, as with Kafka's
/// range assignor.
pub(crate) fn share(members: &[Member], id: &str, topics: &[Arc<Topic>]) -> BTreeSet<Slot> {
    let mut slots = BTreeSet::new();
    for (place, topic) in topics.iter().enumerate() {
        let takers: Vec<&Member> =
            members.iter().filter(|member| member.topics.iter().any(|name| **name == *topic.name)).collect();
        let Some(mine) = takers.iter().position(|member| member.id == id) else { continue };
        let (count, partitions) = (takers.len() as u64, topic.count());
        let bound =
            |taker: usize| u32::try_from(taker as u64 * u64::from(partitions) / count).unwrap_or(partitions);
        slots.extend((bound(mine)..bound(mine + 1)).map(|partition| (place, partition)));
    }
    slots
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn topic(name: &str, partitions: u32) -> Arc<Topic> {
        Arc::new(Topic {
            name: name.into(),
            stream: "serin".into(),
            subjects: (0..partitions).map(|partition| format!("serin.{name}.{partition}").into()).collect(),
            is_source: false,
        })
    }

    fn member(joined: i64, topics: &[&str]) -> Member {
        Member {
            joined,
            id: format!("m{joined}"),
            topics: topics.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn partitions_are_dealt_in_ranges() {
        let topics = [topic("a", 4), topic("b", 2)];
        let members = [member(0, &["a", "b"]), member(1, &["a"])];
        let first: Vec<_> = share(&members, "m0", &topics).into_iter().collect();
        assert_eq!(first, [(0, 0), (0, 1), (1, 0), (1, 1)]);
        let second: Vec<_> = share(&members, "m1", &topics[..1]).into_iter().collect();
        assert_eq!(second, [(0, 2), (0, 3)]);
    }

    proptest! {
        #[test]
        fn every_partition_has_exactly_one_owner(partitions in 1_u32..40, count in 1_i64..9) {
            let topics = [topic("a", partitions)];
            let members: Vec<_> = (0..count).map(|joined| member(joined, &["a"])).collect();
            let mut slots: Vec<_> =
                members.iter().flat_map(|member| share(&members, &member.id, &topics)).collect();
            slots.sort_unstable();
            prop_assert_eq!(slots, (0..partitions).map(|partition| (0, partition)).collect::<Vec<_>>());
        }
    }
}
