use std::collections::HashMap;

use events::{Event, Fallback, PredictionEvent, Role};

use proptest::prelude::*;

use super::*;
use crate::schemas::OwnIds;
use crate::service::Service;
use crate::testing::{Store, canary, event, predictions, read, record, to};

/// Production with the shadow `needy` on half of the events, and outcomes that come with them.
const SECTIONS: &str = r#"
[input]
outcome = { event = "/id", time = "/at", values = { late = "/late" } }
[model]
store = "m"
production = "1"
shadows = [{ version = "2", share = 0.5 }, { version = "needy" }]
"#;

fn clock() -> Clock {
    Clock::manual(1_400_000_000_000_000).0
}

/// The work of a lane of this service: 0 is production.
fn work(service: &Service, lane: usize) -> Work {
    work_and_next(service, lane).0
}

/// The same, and where it is told what to score with next.
fn work_and_next(service: &Service, lane: usize) -> (Work, mpsc::Sender<Scoring>) {
    let name = &service.lanes().get()[lane].0;
    let group = &service.groups()[lane];
    let style = service.style_with(OwnIds::default());
    service.work(name, group, service.scoring(lane, 7), (&style, &clock())).unwrap()
}

/// Names and values of headers that are text.
fn texts(headers: &messaging::Headers) -> Vec<(&str, &str)> {
    headers.iter().map(|each| (each.name.as_str(), std::str::from_utf8(&each.value).unwrap())).collect()
}

fn with_late(id: &str, user: &str, late: &str) -> String {
    event(id, user, 1.0).replacen('{', &format!("{{\"late\": {late}, "), 1)
}

#[test]
fn a_prediction_says_how_it_came_about() {
    let store = Store::new();
    let outputs = work(&store.service(""), 0).process(&[record(0, event("e", "ann", 2.0))]).unwrap();
    assert_eq!(outputs.len(), 1);
    let output = &outputs[0];
    assert_eq!((&*output.topic, output.partition), ("predictions", None));
    assert_eq!(
        output.key.as_deref(),
        Some(&b"ann"[..]),
        "keyed by the unit, whatever the input was keyed by"
    );
    assert_eq!(output.timestamp, 1_364_806_440_000, "stamped with the event's time");
    assert_eq!(
        texts(&output.headers),
        [
            ("ce_specversion", "1.0"),
            ("ce_type", PredictionEvent::TYPE),
            ("ce_source", "/serin/m"),
            ("ce_id", &events::prediction_id("e", "m", "served")),
            ("ce_time", "2013-04-01T08:54:00Z"),
            ("ce_subject", "user/ann"),
            ("content-type", "application/json"),
        ]
    );
    let prediction: PredictionEvent = read(output.value.as_ref());
    assert_eq!(prediction.outputs.get("y"), Some(2.5));
    assert_eq!(prediction.prediction_id, events::prediction_id("e", "m", "served"));
    assert_eq!((&*prediction.event_id, &*prediction.unit.kind, &*prediction.unit.id), ("e", "user", "ann"));
    assert_eq!((&*prediction.model, &*prediction.version, prediction.role), ("m", "1", Role::Production));
    assert_eq!((prediction.revision, prediction.fallback), (7, None));
    assert_eq!(prediction.scored_at.as_micros(), 1_400_000_000_000_000);
}

#[test]
fn predictions_come_in_the_order_of_their_records() {
    let store = Store::new();
    let records: Vec<_> =
        (0..300).map(|n| record(n, event(&format!("e{n}"), &format!("u{}", n % 7), 0.0))).collect();
    let mut service = store.config("");
    service.experiments = vec![canary("2")];
    let service = Service::prepare(service).unwrap();
    let found = predictions(&work(&service, 0).process(&records).unwrap());
    let ids: Vec<_> = found.iter().map(|each| each.event_id.to_string()).collect();
    assert_eq!(ids, (0..300).map(|n| format!("e{n}")).collect::<Vec<_>>());
    assert!(found.iter().any(|each| each.role == Role::Canary), "some units are in the canary");
}

#[test]
fn outcomes_in_the_input_are_published_once_by_production() {
    let store = Store::new();
    let service = store.service(SECTIONS);
    let records = [
        record(0, with_late("a", "ann", "true")),
        record(1, with_late("b", "bob", "null")),
        record(2, event("c", "cat", 1.0)),
    ];
    let outputs = work(&service, 0).process(&records).unwrap();
    let outcomes = to(&outputs, "outcomes");
    assert_eq!((outcomes.len(), predictions(&outputs).len()), (1, 3));
    assert_eq!(outcomes[0].key.as_deref(), Some(&b"ann"[..]), "beside the prediction that it follows");
    let outcome: OutcomeEvent = read(outcomes[0].value.as_ref());
    assert_eq!((outcome.subject, outcome.metric.as_str()), (Subject::Event("a".into()), "late"));
    assert_eq!(service.lanes().get()[0].1.get().outcomes, 1);
    for shadow in [1, 2] {
        assert!(to(&work(&service, shadow).process(&records).unwrap(), "outcomes").is_empty());
    }
}

#[test]
fn records_that_are_only_outcomes_are_keyed_by_what_they_are_about() {
    let store = Store::new();
    let service = store.service(
        r#"
[input]
outcome = { event = "/flight", time = "/at", values = { late = "/late" } }
type = { at = "/type", outcomes = ["landed"] }
"#,
    );
    let landed = r#"{"type": "landed", "flight": "a", "at": "2013-04-01T09:00:00Z", "late": false}"#;
    let scheduled = event("b", "bob", 1.0).replacen('{', "{\"type\": \"scheduled\", ", 1);
    let outputs = work(&service, 0).process(&[record(0, landed), record(1, scheduled)]).unwrap();
    let outcomes = to(&outputs, "outcomes");
    assert_eq!((outcomes.len(), predictions(&outputs).len(), outputs.len()), (1, 1, 2));
    assert_eq!(outcomes[0].key.as_deref(), Some(&b"a"[..]));
}

#[test]
fn what_cannot_be_scored_is_a_dead_letter_byte_for_byte() {
    let store = Store::new();
    let service = store.service("[input]\nmax_payload = \"1 KiB\"");
    let good = event("e", "ann", 1.0);
    for (value, stage, reason) in [
        (String::new(), "decode", "empty"),
        ("{\"id\": \"e\"".into(), "decode", "malformed"),
        ("\u{7f}".into(), "decode", "unknown_encoding"),
        (good.replace("\"user\"", "\"nobody\""), "decode", "missing_field"),
        (good.replace("\"2013", "\"last 2013"), "decode", "wrong_type"),
        (good.replace("1}", &format!("1, \"pad\": \"{}\"}}", "a".repeat(1_024))), "decode", "too_large"),
        (good.replace("\"x\": 1", "\"z\": 1"), "score", "missing_feature"),
        (good.replace("\"x\": 1", "\"x\": \"1\""), "score", "wrong_type"),
    ] {
        let mut bad = record(1, value.clone());
        bad.headers.push("trace", Bytes::from_static(b"\xff"));
        let outputs = work(&service, 0)
            .process(&[record(0, good.clone()), bad.clone(), record(2, good.clone())])
            .unwrap();
        assert_eq!(predictions(&outputs).len(), 2, "its neighbours are scored: {value}");
        let letters = to(&outputs, "features.dlq");
        assert_eq!(letters.len(), 1, "{value}");
        let letter = letters[0];
        assert_eq!((&letter.key, &letter.value), (&bad.key, &bad.value));
        assert_eq!(&letter.headers.get("trace").unwrap()[..], b"\xff");
        let header = |name: &str| {
            let name = format!("__connect.errors.{name}");
            String::from_utf8(letter.headers.get(&name).unwrap().to_vec()).unwrap()
        };
        assert_eq!(
            (header("stage").as_str(), header("exception.class.name").as_str()),
            (stage, reason),
            "{value}"
        );
        assert_eq!((header("offset").as_str(), header("connector.name").as_str()), ("1", "serin"));
        assert!(!header("exception.message").is_empty());
    }
}

#[test]
fn a_record_without_a_value_is_a_dead_letter() {
    let store = Store::new();
    let outputs = work(&store.service(""), 0).process(&[Record { value: None, ..record(0, "") }]).unwrap();
    assert_eq!(to(&outputs, "features.dlq")[0].value, None);
}

#[test]
fn dead_letters_keep_the_order_of_their_records() {
    let store = Store::new();
    let unscorable = event("e", "ann", 1.0).replace("\"x\"", "\"z\"");
    let records = [record(0, unscorable.clone()), record(1, "{"), record(2, unscorable), record(3, "{")];
    let outputs = work(&store.service(""), 0).process(&records).unwrap();
    let offsets: Vec<_> = to(&outputs, "features.dlq")
        .iter()
        .map(|letter| letter.headers.get("__connect.errors.offset").unwrap().clone())
        .collect();
    assert_eq!(offsets, ["0", "1", "2", "3"]);
}

#[test]
fn a_shadow_passes_over_what_it_cannot_score() {
    let store = Store::new();
    let service = store.service(SECTIONS);
    let scorable = event("b", "bob", 1.0).replace("\"x\": 1", "\"z\": 4");
    let outputs = work(&service, 2)
        .process(&[record(0, event("a", "ann", 1.0)), record(1, scorable), record(2, "{")])
        .unwrap();
    assert_eq!(outputs.len(), 1);
    let prediction = &predictions(&outputs)[0];
    assert_eq!(&*outputs[0].topic, "shadow-predictions");
    assert_eq!((&*prediction.event_id, prediction.role, &*prediction.version), ("b", Role::Shadow, "needy"));
    assert_eq!(prediction.prediction_id, events::prediction_id("b", "m", "shadow/needy"));
    let totals = service.lanes().get()[2].1.get();
    let expected = Totals { records: 3, predictions: 1, skipped: 2, ..Totals::default() };
    assert_eq!(totals, expected);
}

#[test]
fn a_shadow_takes_the_same_share_of_the_events_every_time() {
    let store = Store::new();
    let service = store.service(SECTIONS);
    let records: Vec<_> = (0..2_000).map(|n| record(n, event(&format!("e{n}"), "ann", 0.0))).collect();
    let first = predictions(&work(&service, 1).process(&records).unwrap());
    // Binomial(2000, 0.5) lies in 927..=1073 but for one time in a thousand.
    assert!((927..=1_073).contains(&first.len()), "{}", first.len());
    assert!(first.iter().all(|each| events::event_sample(&each.event_id) < 5_000));
    // Another process, other batches, another order.
    let mut again = work(&store.service(SECTIONS), 1);
    let mut second: Vec<_> =
        records.rchunks(7).flat_map(|records| predictions(&again.process(records).unwrap())).collect();
    second.sort_by(|a, b| a.event_id.cmp(&b.event_id));
    let mut sorted = first;
    sorted.sort_by(|a, b| a.event_id.cmp(&b.event_id));
    assert_eq!(sorted, second);
    assert_eq!(service.lanes().get()[1].1.get().skipped + sorted.len() as u64, 2_000);
}

#[test]
fn a_failing_canary_falls_back_to_production_and_says_so() {
    let store = Store::new();
    let mut config = store.config("");
    config.experiments = vec![canary("steep")];
    let service = Service::prepare(config).unwrap();
    let records: Vec<_> =
        (0..40).map(|n| record(n, event(&format!("e{n}"), &format!("u{n}"), 3.0))).collect();
    let found = predictions(&work(&service, 0).process(&records).unwrap());
    let canaries: Vec<_> = found.iter().filter(|each| each.role == Role::Canary).collect();
    assert!(!canaries.is_empty() && canaries.len() < 40);
    for each in &canaries {
        assert_eq!(each.fallback, Some(Fallback::NotFinite));
        assert_eq!((&*each.version, &*each.assigned_version), ("1", "steep"));
        assert_eq!((each.outputs.get("y"), each.variant.as_deref()), (Some(3.5), Some("canary")));
    }
    let totals = service.lanes().get()[0].1.get();
    assert_eq!((totals.predictions, totals.fallbacks), (40, canaries.len() as u64));
}

#[test]
fn an_event_that_comes_again_has_the_same_prediction_id_whoever_scores_it() {
    let store = Store::new();
    let promoted = store.service("[model]\nstore = \"m\"\nproduction = \"2\"");
    let first =
        predictions(&work(&store.service(""), 0).process(&[record(0, event("e", "ann", 1.0))]).unwrap());
    let again = predictions(&work(&promoted, 0).process(&[record(9, event("e", "ann", 1.0))]).unwrap());
    assert_eq!(first[0].prediction_id, again[0].prediction_id);
    assert_eq!((&*first[0].version, &*again[0].version), ("1", "2"));
}

#[test]
fn events_without_an_id_are_told_apart_by_their_place() {
    let store = Store::new();
    let event_without_id = event("e", "ann", 1.0).replace("\"id\"", "\"no\"");
    let mut config = store.config("");
    config.input.event.as_mut().unwrap().id = None;
    let service = Service::prepare(config).unwrap();
    let found = predictions(
        &work(&service, 0)
            .process(&[record(4, event_without_id.clone()), record(5, event_without_id)])
            .unwrap(),
    );
    assert_ne!(found[0].event_id, found[1].event_id);
    assert!(
        found[0].event_id.contains("features") && found[0].event_id.contains('4'),
        "{}",
        found[0].event_id
    );
}

#[test]
fn predictions_are_avro_where_that_is_asked_for() {
    let store = Store::new();
    let outputs = work(&store.service("[output]\nencoding = \"avro\""), 0)
        .process(&[record(0, event("e", "ann", 1.0))])
        .unwrap();
    let mut decoder = events::NativeDecoder::new(Arc::default(), events::Limits::default());
    let prediction: PredictionEvent = decoder.decode(outputs[0].value.as_ref().unwrap(), &[]).unwrap();
    assert_eq!((&*prediction.event_id, prediction.outputs.get("y")), ("e", Some(1.5)));
    assert_eq!(
        outputs[0].headers.get("content-type").unwrap(),
        events::Encoding::Avro.content_type().as_bytes()
    );
}

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn a_trace_is_passed_on_to_all_that_follows() {
    let store = Store::new();
    let mut traced = record(0, with_late("a", "ann", "true"));
    traced.headers.push("traceparent", Bytes::from_static(TRACE.as_bytes()));
    traced.headers.push("tracestate", Bytes::from_static(b"vendor=1"));
    let mut bad = record(1, "{");
    bad.headers = traced.headers.clone();
    let plain = record(2, event("c", "cat", 1.0));
    let outputs = work(&store.service(SECTIONS), 0).process(&[traced, bad, plain]).unwrap();
    for output in &outputs {
        let is_plain = output.key.as_deref() == Some(b"cat");
        let found =
            ["traceparent", "tracestate"].map(|name| output.headers.get(name).map(|value| &value[..]));
        let expected = if is_plain { [None, None] } else { [Some(TRACE.as_bytes()), Some(&b"vendor=1"[..])] };
        assert_eq!(found, expected, "{}", output.topic);
    }
    assert_eq!(outputs.len(), 4);
}

#[test]
fn cloud_events_come_in_in_both_modes() {
    let store = Store::new();
    let mut config = store.config("");
    config.input.event.as_mut().unwrap().id = None;
    let service = Service::prepare(config).unwrap();
    let mut binary = record(0, event("e", "ann", 1.0));
    for (name, value) in
        [("ce_specversion", "1.0"), ("ce_id", "7"), ("ce_source", "/shop"), ("ce_type", "order")]
    {
        binary.headers.push(name, Bytes::from_static(value.as_bytes()));
    }
    let data = event("e", "ann", 1.0);
    let structured =
        format!(r#"{{"specversion":"1.0","id":"8","source":"/shop","type":"order","data":{data}}}"#);
    let mut structured = record(1, structured);
    structured.headers.push("content-type", Bytes::from_static(b"application/cloudevents+json"));
    let mut bad = binary.clone();
    bad.headers.push("ce_specversion", Bytes::from_static(b"2.0"));
    let outputs = work(&service, 0).process(&[binary, structured, bad]).unwrap();
    let ids: Vec<_> = predictions(&outputs).iter().map(|each| each.event_id.to_string()).collect();
    assert_eq!(ids, ["/shop 7", "/shop 8"]);
    let letter = to(&outputs, "features.dlq")[0];
    let reason = letter.headers.get("__connect.errors.exception.class.name").unwrap();
    assert_eq!(&reason[..], b"bad_envelope");
}

#[test]
fn cloud_events_go_out_as_asked() {
    let store = Store::new();
    let records = [record(0, event("e", "ann", 1.0))];
    let mut decoder = events::NativeDecoder::new(Arc::default(), events::Limits::default());
    let outputs = |sections: &str, binding: events::Binding| {
        let mut config = store.config(sections);
        config.binding = binding;
        work(&Service::prepare(config).unwrap(), 0).process(&records).unwrap()
    };
    let kafka = events::Binding::Kafka;
    let expected: PredictionEvent = read(outputs("", kafka)[0].value.as_ref());

    let structured = outputs("[output]\ncloudevents = \"structured\"\nsource = \"/fraud\"", kafka);
    let headers = texts(&structured[0].headers);
    assert_eq!(headers, [("content-type", "application/cloudevents+json; charset=UTF-8")]);
    let value: serde_json::Value = serde_json::from_slice(structured[0].value.as_ref().unwrap()).unwrap();
    assert_eq!((&value["source"], &value["subject"]), (&"/fraud".into(), &"user/ann".into()));
    let pairs = crate::headers::pairs(&structured[0].headers);
    let found: PredictionEvent = decoder.decode(structured[0].value.as_ref().unwrap(), &pairs).unwrap();
    assert_eq!(found, expected);

    let none = outputs("[output]\ncloudevents = \"none\"", kafka);
    let headers = texts(&none[0].headers);
    assert_eq!(headers, [("ce_type", PredictionEvent::TYPE), ("content-type", "application/json")]);

    let nats = outputs("", events::Binding::Nats);
    let headers = texts(&nats[0].headers);
    assert!(headers.contains(&("ce-subject", "user/ann")), "{headers:?}");
    assert!(headers.contains(&("ce-datacontenttype", "application/json")), "{headers:?}");
}

#[test]
fn a_batch_that_needs_a_schema_leaves_nothing_behind() {
    let store = Store::new();
    let mut config = store.config("[output]\ncloudevents = \"none\"");
    let registry = registry::Config::new("http://127.0.0.1:1");
    config.registry =
        Some(registry::Registry::new(&registry, store.path(), &std::collections::BTreeMap::new()).unwrap());
    let service = Service::prepare(config).unwrap();
    let mut work = work(&service, 0);
    let unknown = record(2, &b"\0\0\0\0\x07body"[..]);
    let records = [record(0, event("a", "ann", 1.0)), record(1, "{"), unknown];
    assert_eq!(work.process(&records), Err(SchemaId::Number(7)));
    assert_eq!(service.lanes().get()[0].1.get(), Totals::default());
    assert_eq!(work.process(&records[..1]).unwrap().len(), 1, "nothing of the batch is left");
}

/// What is wrong with a record, if anything.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Good,
    Truncated,
    Unscorable,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_record_is_a_prediction_or_a_dead_letter_and_keys_keep_their_order(
        kinds in prop::collection::vec((0..5_u8, prop::sample::select(vec![
            Kind::Good, Kind::Good, Kind::Truncated, Kind::Unscorable,
        ])), 0..120),
        size in 1..50_usize,
    ) {
        let store = Store::new();
        let mut config = store.config("");
        config.experiments = vec![canary("2")];
        let service = Service::prepare(config).unwrap();
        let mut work = work(&service, 0);
        let records: Vec<Record> = (0..).zip(&kinds).map(|(offset, (user, kind))| {
            let good = event(&format!("e{offset:03}"), &format!("u{user}"), 1.0);
            let value = match kind {
                Kind::Good => good,
                Kind::Truncated => good[..good.len() - 1].into(),
                Kind::Unscorable => good.replace("\"x\"", "\"z\""),
            };
            Record { key: Some(format!("u{user}").into()), ..record(offset, value) }
        }).collect();
        let outputs: Vec<Output> = records.chunks(size).flat_map(|batch| work.process(batch).unwrap()).collect();
        prop_assert_eq!(outputs.len(), records.len());
        let mut found: HashMap<(&str, &Bytes), Vec<String>> = HashMap::new();
        for output in &outputs {
            let place = match &*output.topic {
                "predictions" => read::<PredictionEvent>(output.value.as_ref()).event_id.to_string(),
                _ => {
                    let offset = output.headers.get("__connect.errors.offset").unwrap();
                    format!("e{:0>3}", String::from_utf8_lossy(offset))
                }
            };
            found.entry((&*output.topic, output.key.as_ref().unwrap())).or_default().push(place);
        }
        let mut expected: HashMap<(&str, &Bytes), Vec<String>> = HashMap::new();
        for (record, (_, kind)) in records.iter().zip(&kinds) {
            let topic = if *kind == Kind::Good { "predictions" } else { "features.dlq" };
            let place = format!("e{:03}", record.offset);
            expected.entry((topic, record.key.as_ref().unwrap())).or_default().push(place);
        }
        prop_assert_eq!(found, expected);
    }
}
