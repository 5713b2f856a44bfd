//! How the subjects of our own schemas are named.

use events::Event;
use serde::Deserialize;

/// The rule by which a schema's subject is named, as Confluent's serializers have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectStrategy {
    /// `<topic>-value`: a topic has records of one type.
    #[default]
    TopicName,
    /// The full name of the record, such as `dev.serin.PredictionEvent`: a type is the same on every topic.
    RecordName,
    /// `<topic>-<full name of the record>`.
    TopicRecordName,
}

impl SubjectStrategy {
    /// The subject of the values of type `E` on `topic`.
    pub fn subject<E: Event>(self, topic: &str) -> String {
        match self {
            Self::TopicName => format!("{topic}-value"),
            Self::RecordName => E::RECORD.into(),
            Self::TopicRecordName => format!("{topic}-{}", E::RECORD),
        }
    }
}

/// A subject as it stands in a path: all but letters, digits and `-._~` percent-encoded.
pub(crate) fn encoded(subject: &str) -> String {
    let mut path = String::with_capacity(subject.len());
    for byte in subject.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => path.push(byte.into()),
            _ => path.push_str(&format!("%{byte:02X}")),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use events::PredictionEvent;

    use super::*;

    #[test]
    fn subjects_are_named_as_others_name_them() {
        for (strategy, subject) in [
            (SubjectStrategy::TopicName, "predictions-value"),
            (SubjectStrategy::RecordName, "dev.serin.PredictionEvent"),
            (SubjectStrategy::TopicRecordName, "predictions-dev.serin.PredictionEvent"),
        ] {
            assert_eq!(strategy.subject::<PredictionEvent>("predictions"), subject);
        }
    }

    #[test]
    fn subjects_stand_in_paths_whatever_they_hold() {
        assert_eq!(encoded(":.staging:a/b é-1_~"), "%3A.staging%3Aa%2Fb%20%C3%A9-1_~");
    }
}
