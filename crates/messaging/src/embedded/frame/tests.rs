use proptest::prelude::*;

use super::*;

fn output() -> impl Strategy<Value = Output> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from);
    let header = (".{0,30}", bytes()).prop_map(|(name, value)| crate::Header::new(name, value));
    let headers = proptest::collection::vec(header, 0..5);
    (any::<i64>(), proptest::option::of(bytes()), proptest::option::of(bytes()), headers).prop_map(
        |(timestamp, key, value, headers)| Output {
            topic: "t".into(),
            partition: None,
            timestamp,
            key,
            value,
            headers: headers.into(),
        },
    )
}

fn frames(outputs: &[Output]) -> Vec<Bytes> {
    let rows = Rows::encode(outputs, 7, RecordLimits::of_append(1 << 20)).unwrap();
    rows.iter().map(|(_, _, frame)| Bytes::copy_from_slice(frame)).collect()
}

proptest! {
    #[test]
    fn record_comes_back_as_it_was(outputs in proptest::collection::vec(output(), 1..5)) {
        for (frame, output) in frames(&outputs).into_iter().zip(&outputs) {
            prop_assert_eq!(appended_at(&frame), Some(7));
            let decoded = decode(frame).unwrap();
            prop_assert_eq!(decoded.timestamp, output.timestamp);
            prop_assert_eq!(&decoded.key, &output.key);
            prop_assert_eq!(&decoded.value, &output.value);
            prop_assert_eq!(&decoded.headers, &output.headers);
        }
    }

    #[test]
    fn damaged_row_is_refused_or_read_but_never_panics(output in output(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut frame = frames(&[output])[0].to_vec();
        let at = at.index(frame.len());
        frame[at] = byte;
        let _either = decode(Bytes::from(frame.clone()));
        frame.truncate(at);
        let _either = decode(Bytes::from(frame));
    }
}

fn with(key: usize, value: usize, headers: usize) -> Output {
    Output {
        topic: "t".into(),
        partition: None,
        timestamp: 0,
        key: Some(vec![0; key].into()),
        value: Some(vec![0; value].into()),
        headers: (0..headers).map(|_| crate::Header::new("h", Bytes::new())).collect(),
    }
}

#[test]
fn limits_are_named() {
    let mut long_name = with(0, 0, 0);
    long_name.headers.push("n".repeat(65_536), Bytes::new());
    let mut bad_topic = with(0, 0, 0);
    bad_topic.topic = "a b".into();
    let rows = [
        (with(1, 99_999, 0), None),
        (
            with(1, 100_000, 0),
            Some("record of 100001 bytes for topic `t` is larger than `max_record_bytes` (100000)"),
        ),
        (with(0, 0, 1_000), None),
        (with(0, 0, 1_001), Some("headers for topic `t`: 1001 are more than the limit of 1000")),
        (long_name, Some("headers for topic `t`: a name of 65536 bytes is longer than the limit of 65535")),
        (
            bad_topic,
            Some("topic name \"a b\" is not 1 to 249 of the characters a-z, A-Z, 0-9, `.`, `_` and `-`"),
        ),
    ];
    for (output, expected) in rows {
        let error = refusal(output, RecordLimits::of_append(100_000));
        assert_eq!(error.as_deref(), expected);
    }
}

#[test]
fn commit_has_room_for_a_dead_letter_and_no_more() {
    let rows = [
        (with(1, 99_999 + (64 << 10), 0), None),
        (
            with(1, 100_000 + (64 << 10), 0),
            Some("record of 165537 bytes for topic `t` is larger than `max_record_bytes` (100000)"),
        ),
        (with(0, 0, 1_016), None),
        (with(0, 0, 1_017), Some("headers for topic `t`: 1017 are more than the limit of 1016")),
    ];
    for (output, expected) in rows {
        let error = refusal(output, RecordLimits::of_commit(100_000));
        assert_eq!(error.as_deref(), expected);
    }
}

fn refusal(output: Output, limits: RecordLimits) -> Option<String> {
    Rows::encode(&[output], 0, limits).err().map(|error| error.to_string())
}

#[test]
fn row_says_how_it_finds_its_partition() {
    let mut outputs = vec![with(0, 0, 0), with(0, 0, 0), with(0, 0, 0)];
    outputs[1].partition = Some(3);
    outputs[2].key = None;
    let rows = Rows::encode(&outputs, 0, RecordLimits::of_append(100)).unwrap();
    let placements: Vec<_> = rows.iter().map(|(_, placement, _)| placement).collect();
    let empty_key = Placement::KeyHash(partitioner::murmur2(b""));
    assert_eq!(placements, [empty_key, Placement::Partition(3), Placement::RoundRobin]);
}
