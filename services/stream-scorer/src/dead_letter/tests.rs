use super::*;
use crate::testing::record;

#[test]
fn a_dead_letter_is_the_record_with_its_story_beside_it() {
    let mut record = record(17, &b"\xff not \x00 text"[..]);
    record.headers.push("trace", Bytes::from_static(b"\x00\xff"));
    record.headers.push("__connect.errors.topic", Bytes::from_static(b"elsewhere"));
    let cause =
        Cause { stage: Stage::Decode, reason: "malformed", message: "no event".into(), group: "serin" };
    let letter = dead_letter(&"features.dlq".into(), &record, cause);
    assert_eq!((&letter.key, &letter.value), (&record.key, &record.value));
    assert_eq!(
        (&*letter.topic, letter.partition, letter.timestamp),
        ("features.dlq", None, record.timestamp)
    );
    let headers: Vec<_> =
        letter.headers.iter().map(|header| (header.name.as_str(), &header.value[..])).collect();
    let expected: [(&str, &[u8]); 11] = [
        ("trace", b"\x00\xff"),
        ("__connect.errors.topic", b"elsewhere"),
        ("__connect.errors.topic", b"features"),
        ("__connect.errors.partition", b"0"),
        ("__connect.errors.offset", b"17"),
        ("__connect.errors.connector.name", b"serin"),
        ("__connect.errors.task.id", b"0"),
        ("__connect.errors.stage", b"decode"),
        ("__connect.errors.class.name", b"events::Decoder"),
        ("__connect.errors.exception.class.name", b"malformed"),
        ("__connect.errors.exception.message", b"no event"),
    ];
    assert_eq!(headers, expected);
}

#[test]
fn a_record_without_key_or_value_stays_without() {
    let record = Record { key: None, value: None, ..record(0, "") };
    let cause = Cause { stage: Stage::Decode, reason: "empty", message: String::new(), group: "serin" };
    let letter = dead_letter(&"features.dlq".into(), &record, cause);
    assert_eq!((letter.key, letter.value), (None, None));
}

#[test]
fn long_messages_are_cut_between_characters() {
    for (message, length) in
        [("a".repeat(1_024), 1_024), ("ä".repeat(5_000), 1_024), ("€".repeat(5_000), 1_023)]
    {
        assert_eq!(shorten(message).len(), length);
    }
}
