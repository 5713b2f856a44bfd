use super::*;
use crate::dead_letter::{Cause, Stage, dead_letter};
use crate::service::tests::{Running, deploy};
use crate::testing::{LIMITS, Store, event, input, predictions_of, read_until, reader, record};

fn redrive() -> Redrive {
    Redrive {
        topic: "features.dlq".into(),
        to: None,
        group: "serin.redrive".into(),
        rate: 10_000,
        reason: None,
        since: None,
        max: None,
        max_attempts: 3,
    }
}

/// The dead letter of a record as it lies on its topic.
fn letter(of: &Record, reason: &'static str) -> Record {
    let cause = Cause { stage: Stage::Decode, reason, message: "no".into(), group: "serin" };
    let Output { topic, timestamp, key, value, headers, .. } = dead_letter(&"features.dlq".into(), of, cause);
    Record { topic, partition: 1, offset: 5, timestamp, key, value, headers }
}

fn topics() -> Vec<Arc<str>> {
    ["features", "features.dlq", "repaired"].map(Into::into).into()
}

fn sent(redrive: &Redrive, letter: &Record) -> Output {
    match redrive.judge(letter, &topics()) {
        Judgement::Send(output) => *output,
        other => panic!("{other:?}"),
    }
}

fn pairs(headers: &Headers) -> Vec<(&str, &[u8])> {
    headers.iter().map(|header| (header.name.as_str(), &header.value[..])).collect()
}

#[test]
fn a_record_goes_back_as_it_came_with_its_origin_and_its_attempts() {
    let mut original = record(17, &b"\xff\x00"[..]);
    original.partition = 2;
    original.headers.push("trace", Bytes::from_static(b"\xfe"));
    original.headers.push("__connect.errors.topic", Bytes::from_static(b"of a connector before us"));
    let output = sent(&redrive(), &letter(&original, "malformed"));
    assert_eq!((&*output.topic, output.partition), ("features", Some(2)));
    assert_eq!((&output.key, &output.value), (&original.key, &original.value));
    assert_eq!(output.timestamp, original.timestamp);
    let expected: [(&str, &[u8]); 4] = [
        ("trace", b"\xfe"),
        ("__connect.errors.topic", b"of a connector before us"),
        (ORIGIN_HEADER, b"features/2/17"),
        (ATTEMPTS, b"1"),
    ];
    assert_eq!(pairs(&output.headers), expected);
}

#[test]
fn headers_do_not_pile_up_and_attempts_end() {
    let redrive = redrive();
    let mut failing = record(17, "{");
    for attempt in 1..=3_u8 {
        let output = sent(&redrive, &letter(&failing, "malformed"));
        let attempts = [b'0' + attempt];
        let expected: [(&str, &[u8]); 2] = [(ORIGIN_HEADER, b"features/0/17"), (ATTEMPTS, &attempts)];
        assert_eq!(pairs(&output.headers), expected, "the origin is that of the first time");
        failing = Record { offset: 100 + u64::from(attempt), headers: output.headers, ..failing };
    }
    assert_eq!(redrive.judge(&letter(&failing, "malformed"), &topics()), Judgement::Exhausted);
    let more = Redrive { max_attempts: 4, ..redrive };
    assert!(matches!(more.judge(&letter(&failing, "malformed"), &topics()), Judgement::Send(_)));
}

#[test]
fn only_what_is_asked_for_goes_and_only_where_there_is_a_topic() {
    let bad = letter(&record(1, "{"), "malformed");
    let by = |change: &dyn Fn(&mut Redrive)| {
        let mut redrive = redrive();
        change(&mut redrive);
        redrive.judge(&bad, &topics())
    };
    assert_eq!(by(&|redrive| redrive.reason = Some("empty".into())), Judgement::PassedOver);
    assert_eq!(by(&|redrive| redrive.since = Some(bad.timestamp + 1)), Judgement::PassedOver);
    assert!(matches!(by(&|redrive| redrive.since = Some(bad.timestamp)), Judgement::Send(_)));
    assert!(matches!(by(&|redrive| redrive.reason = Some("malformed".into())), Judgement::Send(_)));
    assert_eq!(by(&|redrive| redrive.to = Some("nowhere".into())), Judgement::WithoutOrigin);
    assert_eq!(by(&|redrive| redrive.to = Some("features.dlq".into())), Judgement::WithoutOrigin, "a circle");
    let elsewhere = Redrive { to: Some("repaired".into()), ..redrive() };
    let output = sent(&elsewhere, &bad);
    assert_eq!((&*output.topic, output.partition), ("repaired", None));

    let foreign = Record { headers: Headers::new(), ..bad };
    assert_eq!(redrive().judge(&foreign, &topics()), Judgement::WithoutOrigin);
    assert_eq!(pairs(&sent(&elsewhere, &foreign).headers), [(ATTEMPTS, &b"1"[..])]);
}

async fn memory() -> Broker {
    Broker::open(&messaging::Config::new("memory://")).await.unwrap()
}

/// A broker whose dead letters are those of `count` records.
async fn with_letters(count: u64) -> Broker {
    let broker = memory().await;
    for topic in ["features", "features.dlq"] {
        broker.create_topic(topic, Some(2)).await.unwrap();
    }
    let letters = (0..count).map(|offset| {
        let reason = if offset % 2 == 0 { "malformed" } else { "empty" };
        let letter = letter(&record(offset, "{"), reason);
        Output {
            topic: "features.dlq".into(),
            partition: None,
            timestamp: letter.timestamp,
            key: letter.key,
            value: letter.value,
            headers: letter.headers,
        }
    });
    broker.writer().append(letters.collect()).await.unwrap();
    broker
}

async fn run(redrive: &Redrive, broker: &Broker) -> Summary {
    redrive.run(broker, &Shutdown::new(), |_| {}).await.unwrap()
}

async fn origins(broker: &Broker) -> Vec<String> {
    let records = reader(broker, "features").await.read_available(LIMITS).await.unwrap();
    let origin = |record: &Record| text(&record.headers, ORIGIN_HEADER).unwrap().to_owned();
    let mut origins: Vec<_> = records.iter().map(origin).collect();
    origins.sort();
    origins
}

#[tokio::test]
async fn a_second_run_goes_on_where_the_first_stopped() {
    let broker = with_letters(7).await;
    let few = Redrive { max: Some(3), ..redrive() };
    let rehearsed = few.rehearse(&broker).await.unwrap();
    let first = run(&few, &broker).await;
    assert_eq!((rehearsed.sent, first.sent), (3, 3));
    assert_eq!(run(&redrive(), &broker).await.sent, 4);
    assert_eq!(run(&redrive(), &broker).await, Summary::default(), "nothing is left");
    let expected: Vec<_> = (0..7).map(|offset| format!("features/0/{offset}")).collect();
    assert_eq!(origins(&broker).await, expected, "each once");
}

#[tokio::test]
async fn a_rehearsal_changes_nothing_and_tells_the_same() {
    let broker = with_letters(6).await;
    let redrive = Redrive { reason: Some("empty".into()), ..redrive() };
    let rehearsed = redrive.rehearse(&broker).await.unwrap();
    assert!(origins(&broker).await.is_empty());
    let done = run(&redrive, &broker).await;
    assert_eq!(done, rehearsed);
    assert_eq!((done.read, done.sent, done.passed_over), (6, 3, 3));
    assert_eq!(done.reasons, [("empty".to_owned(), 3)].into());
}

#[tokio::test]
async fn runs_of_one_reason_and_of_all_do_not_send_twice() {
    let broker = with_letters(6).await;
    let empty = Redrive { reason: Some("empty".into()), ..redrive() };
    assert_eq!(run(&Redrive { max: Some(2), ..empty.clone() }, &broker).await.sent, 2);
    let all = run(&redrive(), &broker).await;
    assert_eq!((all.sent, all.passed_over), (4, 2));
    assert_eq!(run(&empty, &broker).await.sent, 0);
    let expected: Vec<_> = (0..6).map(|offset| format!("features/0/{offset}")).collect();
    assert_eq!(origins(&broker).await, expected);
}

#[tokio::test]
async fn a_request_to_stop_is_heard_between_two_batches() {
    let broker = with_letters(50).await;
    let shutdown = Shutdown::new();
    let stop = shutdown.clone();
    let slow = Redrive { rate: 10, ..redrive() };
    let done = slow.run(&broker, &shutdown, |_| stop.request()).await.unwrap();
    assert_eq!(done.sent, 1);
    assert_eq!(run(&redrive(), &broker).await.sent, 49);
}

#[tokio::test(start_paused = true)]
async fn the_rate_is_kept() {
    let broker = with_letters(30).await;
    let slow = Redrive { rate: 10, ..redrive() };
    let started = Instant::now();
    assert_eq!(run(&slow, &broker).await.sent, 30);
    assert_eq!(started.elapsed().as_secs(), 3, "as the paused clock has it");
}

#[tokio::test]
async fn a_topic_that_is_not_there_is_named() {
    let error = redrive().run(&memory().await, &Shutdown::new(), |_| {}).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no topic \"features.dlq\"");
}

/// The whole way: events without ids fail, the model's feature is repaired, and they are scored under the ids that
/// they had.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_without_an_id_keeps_its_identity_through_a_redrive() {
    let (store, broker) = (Store::new(), memory().await);
    broker.create_topic("features", Some(1)).await.unwrap();
    let bad = event("e", "ann", 1.0).replace("\"id\"", "\"no\"");
    broker.writer().append(vec![input("k", bad.clone()), input("k", bad)]).await.unwrap();
    let service = || {
        let mut config = store.config("[model]\nstore = \"m\"\nproduction = \"needy\"");
        config.input.event.as_mut().unwrap().id = None;
        crate::Service::prepare(config).unwrap()
    };
    // `needy` wants a feature that these events do not have.
    let running = Running::start(service(), &broker);
    read_until(&mut reader(&broker, "features.dlq").await, 2).await;
    running.stop().await.unwrap();
    assert_eq!(run(&redrive(), &broker).await.sent, 2);
    deploy(&store, &broker, |deployment| deployment.production = "1".into()).await;
    let running = Running::start(service(), &broker);
    let records = read_until(&mut reader(&broker, "predictions").await, 2).await;
    running.stop().await.unwrap();
    let ids: Vec<_> = predictions_of(&records).map(|each| each.event_id.to_string()).collect();
    assert_eq!(ids, ["features/0/0", "features/0/1"]);
}
