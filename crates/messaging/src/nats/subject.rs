//! What topics, groups and partitions are called on a server. Pure.
//!
//! ```text
//! <prefix>.<topic>.<partition>                          records
//! <prefix>.<topic>.key.<token>                          records of stock tools, placed by the token
//! <prefix>.$checkpoint.<group>.<topic>.<partition>      how far a group is
//! <prefix>-members.<group>                              who takes for a group; not stored
//! <group>+<topic>+<partition>                           the durable consumer of a group on a partition
//! ```
//! A dot of a name is written `=` wherever the name has to be one token; no name of ours has a `=`.

/// The token behind a topic's subject that makes the server choose the partition.
const KEYED: &str = "key";

/// What a stream's subjects begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prefix(pub(crate) String);

impl Prefix {
    /// Returns everything that is stored under the prefix.
    pub(crate) fn all(&self) -> String {
        format!("{}.>", self.0)
    }

    /// Returns the subject of a partition.
    pub(crate) fn partition(&self, topic: &str, partition: u32) -> String {
        format!("{}.{partition}", self.topic(topic))
    }

    fn topic(&self, topic: &str) -> String {
        // An empty token is no subject, and a topic that looks like the keyed subject of another would be moved.
        let legal = topic.split('.').all(|token| !token.is_empty() && token != KEYED);
        if legal { format!("{}.{topic}", self.0) } else { format!("{}.{}", self.0, token(topic)) }
    }

    /// Returns where a group's position on a partition is.
    pub(crate) fn checkpoint(&self, group: &str, topic: &str, partition: u32) -> String {
        format!("{}.$checkpoint.{}.{}.{partition}", self.0, token(group), token(topic))
    }

    /// Returns where all positions of a group are.
    pub(crate) fn checkpoints(&self, group: &str) -> String {
        format!("{}.$checkpoint.{}.>", self.0, token(group))
    }

    /// Returns the topic and the partition of a checkpoint's subject.
    pub(crate) fn slot_of_checkpoint(&self, group: &str, subject: &str) -> Option<(String, u32)> {
        let all = self.checkpoints(group);
        let (topic, partition) = subject.strip_prefix(all.trim_end_matches('>'))?.split_once('.')?;
        Some((name(topic), partition.parse().ok()?))
    }

    /// Returns where the members of a group meet.
    pub(crate) fn members(&self, group: &str) -> String {
        format!("{}-members.{}", self.0, token(group))
    }

    /// Returns what keyed subjects look like, and what becomes of them, as a stream's subject transform.
    pub(crate) fn keyed(&self, partitions: u32) -> (String, String) {
        // Wildcards are counted over the whole subject, and the prefix has none.
        let Self(prefix) = self;
        (
            format!("{prefix}.*.{KEYED}.*"),
            format!("{prefix}.{{{{wildcard(1)}}}}.{{{{partition({partitions},2)}}}}"),
        )
    }
}

/// Returns the name of a group's durable consumer on a partition.
pub(crate) fn consumer(group: &str, topic: &str, partition: u32) -> String {
    format!("{}+{}+{partition}", token(group), token(topic))
}

/// Returns a topic's or group's name as one token.
pub(crate) fn token(name: &str) -> String {
    name.replace('.', "=")
}

/// Returns the name that [`token`] was given.
pub(crate) fn name(token: &str) -> String {
    token.replace('=', ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix() -> Prefix {
        Prefix("serin".to_owned())
    }

    #[test]
    fn subjects_are_readable_and_legal() {
        let rows = [
            ("features", "serin.features.3"),
            ("features.dlq", "serin.features.dlq.3"),
            ("a..b", "serin.a==b.3"),
            (".a", "serin.=a.3"),
            ("features.key", "serin.features=key.3"),
        ];
        for (topic, expected) in rows {
            assert_eq!(prefix().partition(topic, 3), expected);
        }
    }

    #[test]
    fn checkpoints_are_found_again() {
        for (group, topic) in [("serin", "features"), ("a.b", "in.dlq"), ("g", "a..b")] {
            let subject = prefix().checkpoint(group, topic, 7);
            assert_eq!(
                prefix().slot_of_checkpoint(group, &subject),
                Some((topic.to_owned(), 7)),
                "{subject}"
            );
        }
        assert_eq!(prefix().checkpoint("a.b", "in.dlq", 0), "serin.$checkpoint.a=b.in=dlq.0");
        assert_eq!(prefix().slot_of_checkpoint("g", "serin.$checkpoint.gg.in.0"), None);
    }

    #[test]
    fn consumers_of_different_groups_and_topics_differ() {
        assert_eq!(consumer("serin", "features.dlq", 2), "serin+features=dlq+2");
        assert_ne!(consumer("a-b", "c", 0), consumer("a", "b-c", 0));
        assert_ne!(consumer("a.b", "c", 0), consumer("a", "b.c", 0));
    }
}
