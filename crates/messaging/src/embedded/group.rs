//! Who of a consumer group owns which partition. Pure: members and partition counts in, assignments out.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A partition, as the log knows it: topic id and number.
pub(crate) type Slot = (u32, u32);

/// The number of a lane among all that this process ever opened.
pub(crate) type MemberId = u64;

/// The lanes of one consumer group.
///
/// Each rebalance starts a new generation. A partition remembers since which generation its owner has
/// it without a break: a batch taken in an older one may hold what someone else has committed meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Group {
    generation: u64,
    members: BTreeMap<MemberId, Member>,
}

#[derive(Debug)]
struct Member {
    topics: Vec<Subscription>,
    epoch: u64,
    owned: BTreeMap<Slot, u64>,
}

/// A topic that a member takes from.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) topic: u32,
    pub(crate) partitions: u32,
}

/// What a member owns, and under which conditions it may commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ownership {
    pub(crate) generation: u64,
    pub(crate) epoch: u64,
    /// Partition -> the generation since which it is owned without a break.
    pub(crate) slots: BTreeMap<Slot, u64>,
}

/// When a batch was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) member: MemberId,
    pub(crate) generation: u64,
    pub(crate) epoch: u64,
}

impl Group {
    /// Adds a member and deals the partitions out anew.
    pub(crate) fn join(&mut self, member: MemberId, topics: Vec<Subscription>) {
        self.members.insert(member, Member { topics, epoch: 0, owned: BTreeMap::new() });
        self.rebalance();
    }

    /// Removes a member and deals the partitions out anew.
    pub(crate) fn leave(&mut self, member: MemberId) {
        if self.members.remove(&member).is_some() {
            self.rebalance();
        }
    }

    /// Says whether a batch may still be committed: its taker owns all of its partitions without a break, and
    /// no earlier batch of that taker was revoked since.
    pub(crate) fn may_commit(&self, taken: Taken, slots: impl IntoIterator<Item = Slot>) -> bool {
        let Some(member) = self.members.get(&taken.member) else { return false };
        let owned = |slot| member.owned.get(&slot).is_some_and(|since| *since <= taken.generation);
        member.epoch == taken.epoch && slots.into_iter().all(owned)
    }

    /// Revokes everything that a member has taken and not committed.
    pub(crate) fn revoke(&mut self, member: MemberId) {
        if let Some(member) = self.members.get_mut(&member) {
            member.epoch += 1;
        }
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = MemberId> {
        self.members.keys().copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(crate) fn ownership(&self, member: MemberId) -> Option<Ownership> {
        let member = self.members.get(&member)?;
        Some(Ownership { generation: self.generation, epoch: member.epoch, slots: member.owned.clone() })
    }

    /// Deals each topic's partitions out in ranges, in the order in which members joined: those who take from
    /// the same topics get the same partition numbers of each, as with Kafka's range assignor.
    fn rebalance(&mut self) {
        self.generation += 1;
        let mut dealt: BTreeMap<MemberId, Vec<Slot>> = BTreeMap::new();
        for (topic, (partitions, takers)) in self.takers() {
            let count = takers.len() as u64;
            for (place, taker) in (0_u64..).zip(takers) {
                let bound =
                    |place: u64| u32::try_from(place * u64::from(partitions) / count).unwrap_or(partitions);
                let range = bound(place)..bound(place + 1);
                dealt.entry(taker).or_default().extend(range.map(|partition| (topic, partition)));
            }
        }
        for (id, member) in &mut self.members {
            let slots = dealt.remove(id).unwrap_or_default();
            let since = |slot| member.owned.get(&slot).copied().unwrap_or(self.generation);
            member.owned = slots.into_iter().map(|slot| (slot, since(slot))).collect();
        }
    }

    /// Topic -> its partitions, and who takes from it.
    fn takers(&self) -> BTreeMap<u32, (u32, Vec<MemberId>)> {
        let mut takers: BTreeMap<u32, (u32, Vec<MemberId>)> = BTreeMap::new();
        for (id, member) in &self.members {
            for subscription in &member.topics {
                let entry = takers.entry(subscription.topic).or_insert((subscription.partitions, Vec::new()));
                entry.1.push(*id);
            }
        }
        takers
    }
}

/// The groups with at least one member, by name.
pub(crate) type Groups = std::collections::HashMap<Arc<str>, Group>;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn topics(counts: &[(u32, u32)]) -> Vec<Subscription> {
        counts
            .iter()
            .map(|(topic, partitions)| Subscription { topic: *topic, partitions: *partitions })
            .collect()
    }

    fn owned(group: &Group, member: MemberId) -> Vec<Slot> {
        group.ownership(member).unwrap().slots.into_keys().collect()
    }

    #[test]
    fn partitions_are_dealt_in_ranges() {
        let mut group = Group::default();
        group.join(1, topics(&[(0, 4), (1, 2)]));
        assert_eq!(owned(&group, 1), [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1)]);
        group.join(2, topics(&[(0, 4)]));
        assert_eq!(owned(&group, 1), [(0, 0), (0, 1), (1, 0), (1, 1)]);
        assert_eq!(owned(&group, 2), [(0, 2), (0, 3)]);
        group.leave(1);
        assert_eq!(owned(&group, 2), [(0, 0), (0, 1), (0, 2), (0, 3)]);
    }

    #[test]
    fn members_beyond_the_partitions_wait() {
        let mut group = Group::default();
        for member in 0..5 {
            group.join(member, topics(&[(0, 2)]));
        }
        let counts: Vec<_> = (0..5).map(|member| owned(&group, member).len()).collect();
        assert_eq!(counts.iter().sum::<usize>(), 2, "{counts:?}");
    }

    #[test]
    fn partition_that_went_and_came_back_revokes_what_was_taken_before() {
        let mut group = Group::default();
        group.join(1, topics(&[(0, 2)]));
        let taken = Taken { member: 1, generation: 1, epoch: 0 };
        group.join(2, topics(&[(0, 2)]));
        assert!(group.may_commit(taken, [(0, 0)]), "kept all the while");
        assert!(!group.may_commit(taken, [(0, 0), (0, 1)]), "partition 1 is another's");
        group.leave(2);
        assert!(!group.may_commit(taken, [(0, 1)]), "partition 1 was another's in between");
        assert!(group.may_commit(Taken { generation: 3, ..taken }, [(0, 1)]));
    }

    #[test]
    fn batches_after_a_revoked_one_are_revoked() {
        let mut group = Group::default();
        group.join(1, topics(&[(0, 1)]));
        let taken = Taken { member: 1, generation: 1, epoch: 0 };
        group.revoke(1);
        assert!(!group.may_commit(taken, [(0, 0)]));
        assert!(group.may_commit(Taken { epoch: 1, ..taken }, [(0, 0)]));
        group.leave(1);
        assert!(!group.may_commit(Taken { epoch: 1, ..taken }, [(0, 0)]));
    }

    proptest! {
        #[test]
        fn every_partition_has_exactly_one_owner(moves in proptest::collection::vec((any::<bool>(), 0_u64..6), 1..30)) {
            let mut group = Group::default();
            for (join, member) in moves {
                if join && group.ownership(member).is_none() {
                    group.join(member, topics(&[(0, 5), (1, 3)]));
                } else if !join {
                    group.leave(member);
                }
                let mut slots: Vec<_> = group.members().flat_map(|member| owned(&group, member)).collect();
                slots.sort_unstable();
                let all: Vec<_> = (0..5).map(|p| (0, p)).chain((0..3).map(|p| (1, p))).collect();
                prop_assert_eq!(slots, if group.is_empty() { Vec::new() } else { all });
            }
        }
    }
}
