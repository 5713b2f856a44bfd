use std::sync::Arc;

use super::*;
use crate::{Headers, Limits, NativeDecoder, OutcomeEvent, Subject, Unit};

fn outcome() -> OutcomeEvent {
    OutcomeEvent {
        outcome_id: "o".into(),
        subject: Subject::Unit(Unit { kind: "card".into(), id: "é 1".into() }),
        metric: "paid".into(),
        value: 1.5,
        occurred_at: Timestamp::parse("2013-04-01T08:54:00.25Z").unwrap(),
        revision: 2,
    }
}

fn with<T>(binding: Binding, use_it: impl FnOnce(Attributes<'_>) -> T) -> T {
    use_it(Attributes {
        source: &binding.source("/serin/late ness"),
        id: &["o", "2"],
        time: outcome().occurred_at,
        subject: &["card", "é 1"],
        content_type: "application/json",
    })
}

fn headers(binding: Binding) -> Vec<(&'static str, String)> {
    let mut headers = Vec::new();
    let push = |name, value: Bytes| headers.push((name, String::from_utf8(value.to_vec()).unwrap()));
    with(binding, |attributes| {
        attributes.headers(OutcomeEvent::TYPE, binding, &mut BytesMut::new(), push);
    });
    assert_eq!(headers.len(), Attributes::HEADERS);
    headers
}

#[test]
fn headers_are_those_of_the_broker() {
    let kafka = headers(Binding::Kafka);
    let expected = [
        ("ce_specversion", "1.0"),
        ("ce_type", "dev.serin.outcome.v1"),
        ("ce_source", "/serin/late ness"),
        ("ce_id", "o/2"),
        ("ce_time", "2013-04-01T08:54:00.25Z"),
        ("ce_subject", "card/é 1"),
        ("content-type", "application/json"),
    ];
    assert_eq!(kafka.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>(), expected);
    let nats = headers(Binding::Nats);
    assert_eq!((nats[2].0, nats[2].1.as_str()), ("ce-source", "/serin/late%20ness"));
    assert_eq!((nats[5].0, nats[5].1.as_str()), ("ce-subject", "card/%C3%A9%201"));
    assert_eq!((nats[6].0, nats[6].1.as_str()), ("ce-datacontenttype", "application/json"));
}

#[test]
fn what_is_written_in_either_mode_is_read_again() {
    let mut decoder = NativeDecoder::new(Arc::default(), Limits::default());
    let mut structured = Vec::new();
    with(Binding::Kafka, |attributes| attributes.structured(&outcome(), &mut structured).unwrap());
    let read: OutcomeEvent =
        decoder.decode(&structured, &[("content-type", STRUCTURED_TYPE.as_bytes())]).unwrap();
    assert_eq!(read, outcome());

    let payload = serde_json::to_vec(&outcome()).unwrap();
    for binding in [Binding::Kafka, Binding::Nats] {
        let written = headers(binding);
        let headers: Vec<_> = written.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let headers: Headers<'_> = &headers;
        assert_eq!(decoder.decode::<OutcomeEvent>(&payload, headers).unwrap(), outcome());
    }
}
