//! Payloads, placement, names and limits.

use super::*;
use crate::{Error, Fate, Header, Headers, partition_of};

/// Keys, values and headers come back as they were: null, empty and huge ones, duplicates, any bytes.
pub async fn payloads_come_back_as_they_were(fixture: Fixture) {
    let broker = fixture.open().await;
    let huge = Bytes::from((0..5 << 20).map(|i: u32| i.to_le_bytes()[1]).collect::<Vec<u8>>());
    let payloads = [
        None,
        Some(Bytes::new()),
        Some(Bytes::from_static(b"\x00\xff\xfe")),
        Some(huge),
        Some(Bytes::from_static("é🐤".as_bytes())),
    ];
    let headers = Headers::from(vec![
        Header::new("name", &b"first"[..]),
        Header::new("name", &b"second"[..]),
        Header::new("", &b""[..]),
        Header::new("a name that is longer than what lives inline — ü", &b"\xff\x00"[..]),
    ]);
    let mut written = Vec::new();
    for (place, payload) in payloads.iter().enumerate() {
        for headers in [headers.clone(), Headers::new()] {
            let key = payloads[payloads.len() - 1 - place].clone().filter(|key| key.len() < 1_000);
            let timestamp = [1, 999, 1_364_774_400_000, 1_364_774_400_001, 1_700_000_000_000][place];
            let value = payload.clone();
            written.push(Output { topic: "in".into(), partition: Some(0), timestamp, key, value, headers });
        }
    }
    broker.writer().append(written.clone()).await.unwrap();
    let read = drain(&mut lane(&broker, "g", "in").await, written.len()).await;
    for (read, written) in read.iter().zip(&written) {
        assert_eq!(read.timestamp, written.timestamp);
        assert!(read.key == written.key && read.value == written.value, "payload of {:?}", read.offset);
        assert_eq!(read.headers, written.headers);
    }
    assert_eq!(read[0].headers.get("name"), Some(&Bytes::from_static(b"second")));
}

/// Any time comes back as it was; for brokers that have no opinion about it.
pub async fn any_time_is_kept(fixture: Fixture) {
    let broker = fixture.open().await;
    let times = [i64::MIN, -1, 0, 1_364_774_400_000, i64::MAX];
    let written = times.map(|timestamp| Output { partition: Some(0), timestamp, ..output("in", "k", "1") });
    broker.writer().append(written.to_vec()).await.unwrap();
    let read = contents(&broker, "in").await;
    assert_eq!(read.iter().map(|record| record.timestamp).collect::<Vec<_>>(), times);
}

/// A key decides the partition as with the Java client, a partition that is named wins, and records without a
/// key go round.
pub async fn records_are_placed_as_by_jvm_producers(fixture: Fixture) {
    let broker = fixture.open().await;
    broker.create_topic("in", Some(5)).await.unwrap();
    let keys =
        ["21", "foobar", "a-little-bit-long-string", "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", ""];
    let placed =
        broker.writer().append(keys.iter().map(|key| output("in", key, "1")).collect()).await.unwrap();
    // (murmur2 & 0x7fffffff) % 5 of the vectors of Kafka's UtilsTest.
    assert_eq!(placed[..4].iter().map(|placed| placed.partition).collect::<Vec<_>>(), [0, 1, 2, 2]);
    assert_eq!(placed[4].partition, partition_of(b"", 5));
    let placed = broker.writer().append(vec![at(3, output("in", "21", "1"))]).await.unwrap();
    assert_eq!(placed[0].partition, 3);
    let keyless = (0..10).map(|_| Output { key: None, ..output("in", "", "1") }).collect();
    let mut partitions: Vec<_> =
        broker.writer().append(keyless).await.unwrap().iter().map(|placed| placed.partition).collect();
    partitions.sort_unstable();
    assert_eq!(partitions, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
}

/// A record that passes a limit is refused with the limit's name, and its neighbours are not written.
pub async fn limits_are_refused_by_name(fixture: Fixture) {
    let mut fixture = fixture;
    fixture.config.max_record_bytes = 10_000;
    fixture.config.queue_bytes = 50_000;
    let broker = fixture.open().await;
    broker.create_topic("in", Some(4)).await.unwrap();
    let headers = |count| (0..count).map(|_| Header::new("h", &b""[..])).collect();
    let big = |count| (0..count).map(|_| output("in", "k", vec![0; 9_999])).collect::<Vec<_>>();
    let rows = [
        (vec![output("in", "", vec![0; 10_001])], "max_record_bytes"),
        (
            vec![Output { headers: headers(1_001), ..output("in", "k", "1") }],
            "1001 are more than the limit of 1000",
        ),
        (vec![at(4, output("in", "k", "1"))], "no partition 4"),
        (vec![output("a b", "k", "1")], "topic name"),
        (big(8), "more than the limit of 50000"),
    ];
    for (outputs, expected) in rows {
        let outputs = std::iter::once(output("in", "k", "neighbour")).chain(outputs).collect();
        let error = broker.writer().append(outputs).await.unwrap_err();
        assert_eq!(error.fate(), Fate::Refused, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert!(contents(&broker, "in").await.is_empty());
    broker.writer().append(vec![output("in", "", vec![0; 10_000])]).await.unwrap();
    assert!(broker.writer().append(Vec::new()).await.unwrap().is_empty());
}

/// A topic is created once; another number of partitions is an error that names both.
pub async fn topics_are_created_once(fixture: Fixture) {
    let mut fixture = fixture;
    let configured = crate::TopicConfig { partitions: Some(2), ..crate::TopicConfig::default() };
    fixture.config.topic.insert("configured".to_owned(), configured);
    let broker = fixture.open().await;
    for _ in 0..2 {
        broker.create_topic("in", Some(3)).await.unwrap();
        broker.create_topic("in", None).await.unwrap();
        broker.create_topic("default", None).await.unwrap();
    }
    let error = broker.create_topic("in", Some(5)).await.unwrap_err();
    assert_eq!(error.to_string(), "topic `in` has 3 partitions, not 5; the number cannot be changed");
    assert!(matches!(broker.create_topic("in", Some(0)).await, Err(Error::Config { .. })));
    broker.writer().append(vec![output("configured", "k", "1")]).await.unwrap();
    let topics = broker.topics().await.unwrap();
    let counts: Vec<_> = topics.iter().map(|topic| (&*topic.name, topic.partitions.len())).collect();
    assert_eq!(counts, [("configured", 2), ("default", fixture.config.partitions as usize), ("in", 3)]);
    let is_used = |partition: &&crate::PartitionInfo| partition.end > partition.first;
    assert_eq!(topics[0].partitions.iter().filter(is_used).count(), 1);
}

/// Names that Kafka would not take are refused everywhere, and so are lanes without topics.
pub async fn unusable_names_are_refused(fixture: Fixture) {
    let broker = fixture.open().await;
    let config = |group: &str, topics: &[&str]| LaneConfig {
        group: group.to_owned(),
        topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
        start: Start::Earliest,
    };
    for lane in
        [config("a/b", &["in"]), config("g", &["in", ""]), config("g", &[]), config("g", &["in", "in"])]
    {
        let error = broker.lane(lane.clone()).await.unwrap_err();
        assert_eq!(error.fate(), Fate::Refused, "{lane:?}: {error}");
    }
    assert!(broker.reader(&["ü".to_owned()], Start::Earliest).await.is_err());
    assert!(broker.create_topic("..", None).await.is_err());
    assert!(broker.topics().await.unwrap().is_empty());
}
