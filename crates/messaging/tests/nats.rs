//! What only NATS has: subjects for stock tools, streams of somebody else, commits of more than one step, and servers
//! that go and come back.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::{self, stream};
use messaging::{
    Broker, Commit, Config, Error, Fate, Headers, Lane, LaneConfig, Limits, NatsSource, Output, Position,
    Record, Start,
};
use servers::{Nats, Proxy};

const MANY: Limits = Limits { records: 10_000, bytes: 64 << 20 };
const FIFTY: Limits = Limits { records: 50, ..MANY };

fn config(url: String, name: &str) -> Config {
    let mut config = Config::new(url);
    name.clone_into(&mut config.nats.stream);
    name.clone_into(&mut config.nats.prefix);
    config
}

fn output(topic: &str, number: usize) -> Output {
    Output {
        topic: topic.into(),
        partition: None,
        timestamp: 0,
        key: Some(format!("k{}", number % 7).into()),
        value: Some(number.to_string().into()),
        headers: Headers::new(),
    }
}

fn number(record: &Record) -> usize {
    std::str::from_utf8(record.value.as_deref().unwrap()).unwrap().parse().unwrap()
}

async fn lane(broker: &Broker, topic: &str) -> Lane {
    let config = LaneConfig { group: "g".to_owned(), topics: vec![topic.to_owned()], start: Start::Earliest };
    broker.lane(config).await.unwrap()
}

async fn contents(broker: &Broker, topic: &str) -> Vec<Record> {
    let mut reader = broker.reader(&[topic.to_owned()], Start::Earliest).await.unwrap();
    reader.stop_at_end().await.unwrap();
    let mut records = Vec::new();
    loop {
        let more = reader.read(MANY).await.unwrap();
        if more.is_empty() {
            return records;
        }
        records.extend(more);
    }
}

async fn jetstream(server: &Nats) -> jetstream::Context {
    jetstream::new(async_nats::connect(server.address()).await.unwrap())
}

/// As `nats pub serin.in.key.<unit>` and `nats pub serin.in.<partition>` do.
#[tokio::test(flavor = "multi_thread")]
async fn stock_tools_publish_by_key_and_by_partition() {
    let server = Nats::shared();
    let broker = Broker::open(&config(server.url(), "stock")).await.unwrap();
    broker.create_topic("in", None).await.unwrap();
    let tool = jetstream(server).await;
    for turn in 0..3 {
        for unit in 0..20 {
            let published = tool.publish(format!("stock.in.key.card-{unit}"), unit.to_string().into());
            published.await.unwrap().await.unwrap();
        }
        tool.publish("stock.in.2", (1_000 + turn).to_string().into()).await.unwrap().await.unwrap();
    }
    let mut partitions: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    for record in contents(&broker, "in").await {
        assert!(record.key.is_none() && record.headers.is_empty(), "{record:?}");
        assert!(record.timestamp > 1_700_000_000_000, "the server's time: {record:?}");
        partitions.entry(number(&record)).or_default().push(record.partition);
    }
    assert_eq!(partitions.len(), 23);
    for (number, partitions) in &partitions {
        let expected = if *number < 20 { 3 } else { 1 };
        assert_eq!(partitions.len(), expected, "{number}");
        assert!(partitions.iter().all(|partition| partition == &partitions[0]), "{number}: {partitions:?}");
        assert!(*number < 20 || partitions[0] == 2);
    }
    let used: std::collections::BTreeSet<u32> = partitions.values().flatten().copied().collect();
    assert_eq!(used.len(), 4, "all partitions are used: {used:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_of_somebody_else_is_read_as_it_is() {
    let server = Nats::shared();
    let tool = jetstream(server).await;
    let payments = stream::Config {
        name: "PAYMENTS".to_owned(),
        subjects: vec!["payments.>".to_owned()],
        ..stream::Config::default()
    };
    tool.create_stream(payments).await.unwrap();
    for number in 0..40 {
        let subject = format!("payments.{}.eu", number % 4);
        tool.publish(subject, number.to_string().into()).await.unwrap().await.unwrap();
    }
    let mut config = config(server.url(), "other");
    let source = NatsSource {
        stream: "PAYMENTS".to_owned(),
        subject: "payments.{partition}.>".to_owned(),
        partitions: 4,
    };
    config.nats.source.insert("payments".to_owned(), source);
    let broker = Broker::open(&config).await.unwrap();
    let before = tool.get_stream("PAYMENTS").await.unwrap().cached_info().config.clone();
    let mut lane = lane(&broker, "payments").await;
    let mut seen = Vec::new();
    while seen.len() < 40 {
        let batch = lane.take(MANY).await.unwrap();
        assert!(batch.records.iter().all(|record| number(record) % 4 == record.partition as usize));
        seen.extend(batch.records.iter().map(number));
        let outputs = batch.records.iter().map(|record| output("out", number(record))).collect();
        assert_eq!(lane.commit(batch, outputs).await.unwrap(), Commit::Committed);
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..40).collect::<Vec<_>>());
    assert_eq!(contents(&broker, "out").await.len(), 40);
    assert!(broker.lag("g").await.unwrap().iter().all(|lag| lag.records == 0));
    let error = broker.writer().append(vec![output("payments", 1)]).await.unwrap_err();
    assert!(matches!(error, Error::ReadOnly { .. }) && error.fate() == Fate::Refused, "{error}");
    let after = tool.get_stream("PAYMENTS").await.unwrap().cached_info().config.clone();
    assert_eq!(after, before);
}

/// Autoscalers read the lag from the group's durable consumers.
#[tokio::test(flavor = "multi_thread")]
async fn durable_consumers_say_how_far_a_group_is() {
    let server = Nats::shared();
    let broker = Broker::open(&config(server.url(), "lag")).await.unwrap();
    broker.create_topic("in.put", Some(1)).await.unwrap();
    let mut lane = lane(&broker, "in.put").await;
    broker.writer().append((0..50).map(|number| output("in.put", number)).collect()).await.unwrap();
    let mut taken = 0;
    while taken < 30 {
        let batch = lane.take(Limits { records: 30 - taken, ..MANY }).await.unwrap();
        taken += batch.records.len();
        assert_eq!(lane.commit(batch, Vec::new()).await.unwrap(), Commit::Committed);
    }
    drop(lane);
    let stream = jetstream(server).await.get_stream("lag").await.unwrap();
    loop {
        let info = stream.consumer_info("g+in=put+0").await.unwrap();
        // The acknowledgement is on its way when the commit is done.
        if info.num_pending + info.num_ack_pending as u64 == 20 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commit_of_more_than_the_server_takes_at_once_gets_through() {
    let broker = Broker::open(&config(Nats::shared().url(), "large")).await.unwrap();
    broker.create_topic("in", Some(1)).await.unwrap();
    broker.writer().append((0..20).map(|number| output("in", number)).collect()).await.unwrap();
    let mut lane = lane(&broker, "in").await;
    let batch = lane.take(Limits { records: 10, ..MANY }).await.unwrap();
    let outputs = (0..2_500).map(|number| output("out", number)).collect();
    assert_eq!(lane.commit(batch, outputs).await.unwrap(), Commit::Committed);
    let mut seen: Vec<_> = contents(&broker, "out").await.iter().map(number).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..2_500).collect::<Vec<_>>());
    // Now it is known that a record causes 250 outputs: three of them fit one step.
    assert_eq!(lane.take(MANY).await.unwrap().records.len(), 3);
    broker.writer().append((0..2_500).map(|number| output("in", number)).collect()).await.unwrap();
    assert_eq!(contents(&broker, "in").await.len(), 2_520);
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_of_ours_from_an_older_server_is_made_atomic() {
    let server = Nats::shared();
    let tool = jetstream(server).await;
    for (name, owner, expected) in [("ours", "serin", true), ("theirs", "somebody", false)] {
        let older = stream::Config {
            name: name.to_owned(),
            subjects: vec![format!("{name}.>")],
            metadata: [("created-by".to_owned(), owner.to_owned())].into(),
            ..stream::Config::default()
        };
        tool.create_stream(older).await.unwrap();
        let broker = Broker::open(&config(server.url(), name)).await.unwrap();
        let found = tool.get_stream(name).await.unwrap().cached_info().config.allow_atomic_publish;
        assert_eq!(found, expected, "{name}");
        broker.writer().append((0..30).map(|number| output("in", number)).collect()).await.unwrap();
        let mut lane = lane(&broker, "in").await;
        let batch = lane.take(MANY).await.unwrap();
        let outputs = vec![output("out", 1), output("out", 2)];
        assert_eq!(lane.commit(batch, outputs).await.unwrap(), Commit::Committed);
        assert_eq!(contents(&broker, "out").await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_that_are_gone_are_an_error_and_not_a_start() {
    let server = Nats::shared();
    let broker = Broker::open(&config(server.url(), "gone")).await.unwrap();
    broker.create_topic("in", Some(1)).await.unwrap();
    broker.writer().append((0..10).map(|number| output("in", number)).collect()).await.unwrap();
    let mut taker = lane(&broker, "in").await;
    let batch = taker.take(MANY).await.unwrap();
    assert_eq!(taker.commit(batch, Vec::new()).await.unwrap(), Commit::Committed);
    let stream = jetstream(server).await.get_stream("gone").await.unwrap();
    stream.purge().filter("gone.$checkpoint.>").await.unwrap();
    broker.writer().append((0..10).map(|number| output("in", number)).collect()).await.unwrap();
    let batch = taker.take(MANY).await.unwrap();
    let error = taker.commit(batch, Vec::new()).await.unwrap_err();
    assert!(error.to_string().contains("is gone") && error.fate() == Fate::Failed, "{error}");
    drop(taker);
    let again = LaneConfig { group: "g".to_owned(), topics: vec!["in".to_owned()], start: Start::Earliest };
    let error = broker.lane(again).await.unwrap_err();
    assert!(error.to_string().contains("delete consumer `g+in+0`"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_do_not_fit_are_refused_by_name() {
    let server = Nats::shared();
    let tool = jetstream(server).await;
    let rows = [
        (
            stream::Config { subjects: vec!["elsewhere.>".to_owned()], ..stream::Config::default() },
            "subjects",
        ),
        (
            stream::Config { retention: stream::RetentionPolicy::WorkQueue, ..stream::Config::default() },
            "retention \"workqueue\"",
        ),
        (stream::Config { max_messages_per_subject: 1, ..stream::Config::default() }, "max_msgs_per_subject"),
    ];
    for (place, (mut wrong, expected)) in rows.into_iter().enumerate() {
        wrong.name = format!("wrong-{place}");
        if wrong.subjects.is_empty() {
            wrong.subjects = vec![format!("wrong-{place}.>")];
        }
        tool.create_stream(wrong.clone()).await.unwrap();
        let error = Broker::open(&config(server.url(), &wrong.name)).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let error = Broker::open(&config("nats://127.0.0.1:1".to_owned(), "nobody")).await.unwrap_err();
    assert!(error.to_string().starts_with("nats://127.0.0.1:1: cannot connect"), "{error}");
}

/// Appends numbers and copies them in a lane for as long as `disturb` does what it does, and until all are there.
async fn copies_each_once(broker: &Broker, disturb: impl Future<Output = ()>) {
    broker.create_topic("in", Some(4)).await.unwrap();
    let (is_over, written) = (Cell::new(false), Cell::new(None));
    let disturbing = async {
        disturb.await;
        is_over.set(true);
    };
    let writing = async {
        let mut next = 0;
        while !is_over.get() {
            broker
                .writer()
                .append((next..next + 20).map(|number| output("in", number)).collect())
                .await
                .unwrap();
            next += 20;
        }
        written.set(Some(next));
    };
    let copying = async {
        let mut lane = lane(broker, "in").await;
        let mut copied = 0;
        while written.get().is_none_or(|written| copied < written) {
            let Ok(batch) = tokio::time::timeout(Duration::from_secs(1), lane.take(FIFTY)).await else {
                continue;
            };
            let batch = batch.unwrap();
            let records = batch.records.len();
            let outputs = batch.records.iter().map(|record| output("out", number(record))).collect();
            if lane.commit(batch, outputs).await.unwrap() == Commit::Committed {
                copied += records;
            }
        }
    };
    let whole = async { tokio::join!(writing, copying, disturbing) };
    tokio::time::timeout(Duration::from_secs(120), whole).await.unwrap();
    let count = written.get().unwrap();
    assert!(count > 100, "only {count} were written");
    for topic in ["in", "out"] {
        let records = contents(broker, topic).await;
        let mut seen: Vec<_> = records.iter().map(number).collect();
        let mut last: BTreeMap<usize, usize> = BTreeMap::new();
        for number in &seen {
            let before = last.insert(number % 7, *number);
            assert!(before.is_none_or(|before| before < *number), "{topic}: {number} after {before:?}");
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..count).collect::<Vec<_>>(), "{topic}");
    }
    let committed: Vec<Position> = broker.committed("g").await.unwrap();
    assert!(broker.lag("g").await.unwrap().iter().all(|lag| lag.records == 0), "{committed:?}");
}

/// Waits; another process and the network are what is waited for.
async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_is_killed_and_comes_back_loses_and_doubles_nothing() {
    let server = Nats::start();
    let broker = Broker::open(&config(server.url(), "killed")).await.unwrap();
    let kills = async {
        for turn in 0..6 {
            pause(150 + 70 * turn).await;
            tokio::task::block_in_place(|| server.kill());
            pause(50 * turn).await;
            tokio::task::block_in_place(|| server.restart());
        }
    };
    copies_each_once(&broker, kills).await;
    broker.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_stands_still_loses_and_doubles_nothing() {
    let server = Nats::start();
    let broker = Broker::open(&config(server.url(), "paused")).await.unwrap();
    let pauses = async {
        for milliseconds in [500, 7_000] {
            pause(600).await;
            server.pause();
            pause(milliseconds).await;
            server.resume();
        }
    };
    copies_each_once(&broker, pauses).await;
    broker.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_that_is_cut_loses_and_doubles_nothing() {
    let server = Nats::start();
    let proxy = Proxy::start(server.address().parse().unwrap());
    let broker = Broker::open(&config(format!("nats://{}", proxy.address()), "cut")).await.unwrap();
    let cuts = async {
        for turn in 0..8 {
            pause(200).await;
            if turn % 2 == 0 {
                proxy.cut();
            } else {
                proxy.reset();
            }
            pause(100).await;
            proxy.heal();
        }
    };
    copies_each_once(&broker, cuts).await;
    broker.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_stays_away_ends_the_broker() {
    let server = Nats::start();
    let mut config = config(server.url(), "away");
    config.nats.patience = Duration::from_secs(1);
    let broker = Broker::open(&config).await.unwrap();
    let mut lane = lane(&broker, "in").await;
    server.kill();
    let error = lane.take(MANY).await.unwrap_err();
    assert!(error.to_string().contains("not connected for 1s") && error.fate() == Fate::Failed, "{error}");
    assert!(broker.writer().append(vec![output("in", 1)]).await.is_err());
}
