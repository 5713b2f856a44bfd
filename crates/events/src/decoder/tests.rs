use std::collections::HashMap;

use apache_avro::types::Value as Avro;
use expect_test::{Expect, expect};

use super::*;
use crate::{SchemaId, SchemaText, Value};

const ORIGIN: Origin<'_> =
    Origin { topic: "payments", partition: 3, offset: 17, timestamp: 1_364_806_440_000, headers: &[] };

fn feature_mapping(toml: &str) -> FeatureMapping {
    toml::from_str(toml).unwrap()
}

fn payments() -> Decoder {
    mapped(
        r#"id = "/payment_id"
           units = { card = "/card/hash", device = "/device" }
           time = "/created_at"
           features = "/"
           context = { country = "/card/country" }"#,
    )
}

fn mapped(toml: &str) -> Decoder {
    Decoder::mapped(&feature_mapping(toml), None, None, (Arc::default(), Limits::default())).unwrap()
}

fn decode(decoder: &mut Decoder, payload: impl AsRef<[u8]>) -> Result<FeatureEvent, DecodeError> {
    decode_from(decoder, payload, ORIGIN)
}

/// Decodes an event whose schema, if it has one, is known.
fn decode_from(
    decoder: &mut Decoder,
    payload: impl AsRef<[u8]>,
    origin: Origin<'_>,
) -> Result<FeatureEvent, DecodeError> {
    match decoder.decode(payload.as_ref(), origin) {
        Ok(decoded) => Ok(decoded.event.unwrap()),
        Err(Undecoded::Bad(error)) => Err(error),
        Err(Undecoded::NeedsSchema(id)) => panic!("{id}"),
    }
}

const PAYMENT: &str = r#"{"payment_id": 9007199254740993, "card": {"hash": "é4", "country": "NL", "tags": ["a", 1]},
    "created_at": "2013-04-01T08:54:00Z", "amount": 12.5, "night": true, "device": "d", "note": null}"#;

#[test]
fn a_foreign_event_is_mapped() {
    let event = decode(&mut payments(), PAYMENT).unwrap();
    assert_eq!(event.event_id, "9007199254740993");
    assert_eq!(event.units.key(), &Unit { kind: "card".into(), id: "é4".into() });
    assert_eq!(event.units.id("device"), Some("d"));
    assert_eq!(event.occurred_at.to_string(), "2013-04-01T08:54:00Z");
    assert_eq!(event.context.get("country"), Some(&Value::Text("NL".into())));
    assert_eq!(event.features.get("amount"), Some(&Value::Number(12.5)));
    assert_eq!(event.features.get("night"), Some(&Value::Bool(true)));
    assert_eq!(event.features.get("note"), Some(&Value::Null));
    assert_eq!(event.features.get("card.country"), Some(&Value::Text("NL".into())));
    assert_eq!(event.features.get("card.tags"), None, "an array is no feature");
}

#[test]
fn features_can_be_named_one_by_one_and_ids_left_to_the_record() {
    let mut decoder = mapped(
        r#"units = { user = "/u" }
           features = { price = "/item/price", "the name" = "/a~1b" }"#,
    );
    let event = decode(&mut decoder, r#"{"a/b": "x", "item": {"price": 3}, "u": 7, "z": 1}"#).unwrap();
    assert_eq!(event.event_id, "payments/3/17");
    assert_eq!(event.occurred_at.as_millis(), ORIGIN.timestamp);
    let fields: Vec<_> = event.features.iter().collect();
    assert_eq!(fields, [("the name", &Value::Text("x".into())), ("price", &Value::Number(3.0))]);
}

#[test]
fn times_are_read_in_the_format_that_the_mapping_names() {
    for (format, time, micros) in [
        ("rfc3339", r#""2013-04-01T10:54:00.5+02:00""#, 1_364_806_440_500_000),
        ("epoch_seconds", "1364806440", 1_364_806_440_000_000),
        ("epoch_seconds", "1364806440.25", 1_364_806_440_250_000),
        ("epoch_millis", "1364806440001", 1_364_806_440_001_000),
        ("epoch_micros", "-1", -1),
    ] {
        let mut decoder = mapped(&format!(
            "units = {{ u = \"/u\" }}\ntime = \"/t\"\ntime_format = \"{format}\"\nfeatures = \"/f\""
        ));
        let event = decode(&mut decoder, format!(r#"{{"u": "a", "t": {time}, "f": {{}}}}"#)).unwrap();
        assert_eq!(event.occurred_at.as_micros(), micros, "{format} {time}");
    }
}

#[test]
fn bad_events_say_what_is_wrong_and_leave_no_trace() {
    #[track_caller]
    fn check(payload: impl AsRef<[u8]>, reason: &str, message: Expect) {
        let mut decoder = payments();
        let error = decode(&mut decoder, payload).unwrap_err();
        message.assert_eq(&error.to_string());
        assert_eq!(error.reason(), reason);
        assert_eq!(
            decode(&mut decoder, PAYMENT),
            decode(&mut payments(), PAYMENT),
            "the next event is as ever"
        );
    }
    let with = |from: &str, to: &str| PAYMENT.replace(from, to);
    check("", "empty", expect!["empty payload"]);
    check(" \r\n", "empty", expect!["empty payload"]);
    check(
        &PAYMENT[..60],
        "malformed",
        expect!["malformed JSON: EOF while parsing a string at line 1 column 60"],
    );
    check("{}{}", "malformed", expect!["malformed JSON: trailing characters at line 1 column 3"]);
    check(with("12.5", "NaN"), "malformed", expect!["malformed JSON: expected value at line 2 column 53"]);
    check(
        with("12.5", "1e999"),
        "malformed",
        expect!["malformed JSON: number out of range at line 2 column 57"],
    );
    check(
        [b'{', b'"', 0xff, b'"', b':', b'1', b'}'],
        "malformed",
        expect!["malformed JSON: invalid UTF-8 at byte 3"],
    );
    check(
        "[1]",
        "unknown_encoding",
        expect!["unknown encoding: the payload begins with byte 0x5b, which is neither JSON nor Avro"],
    );
    check(
        with(r#""hash": "é4""#, r#""hash": null"#),
        "missing_field",
        expect!["missing `units.card` (at /card/hash)"],
    );
    check(
        with(r#""hash": "é4""#, r#""hash": """#),
        "missing_field",
        expect!["missing `units.card` (at /card/hash)"],
    );
    check(with(r#""hash""#, r#""hsah""#), "missing_field", expect!["missing `units.card` (at /card/hash)"]);
    check(
        with("9007199254740993", "1.5"),
        "wrong_type",
        expect![
            "`event_id` (at /payment_id): expected text or a whole number of 64 bits, found the number 1.5"
        ],
    );
    check(
        with("9007199254740993", "{\"a\":1}"),
        "wrong_type",
        expect!["`event_id` (at /payment_id): expected text or a whole number of 64 bits, found an object"],
    );
    check(
        with("2013-04-01T08:54:00Z", "yesterday"),
        "wrong_type",
        expect![[
            r#"`occurred_at` (at /created_at): expected an RFC 3339 time such as 2013-04-01T08:54:00Z, found the text "yesterday""#
        ]],
    );
    check(
        with(r#""2013-04-01T08:54:00Z""#, "1364806440"),
        "wrong_type",
        expect![
            "`occurred_at` (at /created_at): expected an RFC 3339 time such as 2013-04-01T08:54:00Z, found the number 1364806440"
        ],
    );
    check(with(r#""night""#, r#""amount""#), "duplicate_field", expect!["`amount` comes twice"]);
    check(with(r#""device""#, r#""payment_id""#), "duplicate_field", expect!["`event_id` comes twice"]);
    check(
        format!("{{\"x\": \"{}\"}}", "y".repeat(1 << 20)),
        "too_large",
        expect!["payload of 1048585 bytes exceeds the limit of 1048576 bytes"],
    );
    check(
        format!("{}1{}", "{\"a\":".repeat(200), "}".repeat(200)),
        "malformed",
        expect!["malformed JSON: recursion limit exceeded at line 1 column 636"],
    );
    let many: Vec<_> = (0..5_000).map(|n| format!("\"f{n}\": {n}")).collect();
    check(
        format!("{{{}}}", many.join(",")),
        "too_many_fields",
        expect!["more than 4096 features or context fields"],
    );
    check([0, 0, 0, 0, 7, 1], "unknown_schema", expect!["unknown Avro schema id 7"]);
    check([0, 0, 0], "malformed", expect!["malformed Avro: the payload ends within the schema id"]);
    check(
        [0xc3, 1, 1, 2, 3, 4, 5, 6, 7, 8],
        "unknown_schema",
        expect!["unknown Avro schema with fingerprint 0807060504030201"],
    );
}

#[test]
fn features_that_are_no_object_are_refused() {
    let mut decoder = mapped("units = { u = \"/u\" }\nfeatures = \"/f\"");
    for (features, found) in [("[1]", "an array"), ("3", "the number 3"), ("\"x\"", "the text \"x\"")] {
        let error = decode(&mut decoder, format!(r#"{{"u": "a", "f": {features}}}"#)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("`features` (at where the mapping says): expected an object, found {found}")
        );
    }
    for nothing in [r#"{"u": "a", "f": null}"#, r#"{"u": "a"}"#] {
        let error = decode(&mut decoder, nothing).unwrap_err();
        assert_eq!(error.to_string(), "missing `features` (at /f)", "a slip in the mapping must show");
    }
    assert!(decode(&mut decoder, r#"{"u": "a", "f": {}}"#).unwrap().features.is_empty());
}

const SCHEMA: &str = r#"{"type": "record", "name": "Payment", "fields": [
    {"name": "id", "type": "long"},
    {"name": "card", "type": ["null", {"type": "record", "name": "Card", "fields": [{"name": "hash", "type": "string"}]}]},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "signals", "type": {"type": "map", "values": "float"}},
    {"name": "level", "type": {"type": "enum", "name": "Level", "symbols": ["LOW", "HIGH"]}},
    {"name": "tags", "type": {"type": "array", "items": "string"}}]}"#;

fn avro_payment() -> (Vec<u8>, Decoder) {
    let schema = apache_avro::Schema::parse_str(SCHEMA).unwrap();
    let card = Avro::Record(vec![("hash".into(), Avro::String("c".into()))]);
    let signals = [("b".to_owned(), Avro::Float(2.0)), ("a".to_owned(), Avro::Float(0.5))];
    let value = Avro::Record(vec![
        ("id".into(), Avro::Long(-5)),
        ("card".into(), Avro::Union(1, Box::new(card))),
        ("at".into(), Avro::TimestampMillis(1_364_806_440_000)),
        ("signals".into(), Avro::Map(HashMap::from(signals))),
        ("level".into(), Avro::Enum(1, "HIGH".into())),
        ("tags".into(), Avro::Array(vec![Avro::String("x".into())])),
    ]);
    let mut payload = vec![0, 0, 0, 0, 7];
    let writer = apache_avro::writer::datum::GenericDatumWriter::builder(&schema).build().unwrap();
    payload.extend(writer.write_value_to_vec(value).unwrap());
    let schemas = Arc::new(Schemas::default());
    schemas.learn(SchemaId::Number(7), Some(SchemaText::avro(SCHEMA)));
    let mapping = feature_mapping(
        r#"id = "/id"
           units = { card = "/card/hash" }
           time = "/at"
           features = "/"
           context = "/signals""#,
    );
    (payload, Decoder::mapped(&mapping, None, None, (schemas, Limits::default())).unwrap())
}

#[test]
fn a_foreign_avro_event_is_mapped_by_the_same_pointers() {
    let (payload, mut decoder) = avro_payment();
    let event = decode(&mut decoder, &payload).unwrap();
    assert_eq!((event.event_id.as_str(), event.units.key().id.as_str()), ("-5", "c"));
    assert_eq!(event.occurred_at.as_millis(), 1_364_806_440_000);
    assert_eq!(
        event.features.names().iter().collect::<Vec<_>>(),
        ["id", "card.hash", "at", "signals.a", "signals.b", "level"]
    );
    assert_eq!(event.features.get("level"), Some(&Value::Text("HIGH".into())));
    assert_eq!(
        event.context.iter().collect::<Vec<_>>(),
        [("a", &Value::Number(0.5)), ("b", &Value::Number(2.0))]
    );
}

#[test]
fn cut_or_lengthened_avro_is_refused() {
    let (payload, mut decoder) = avro_payment();
    for end in 5..payload.len() {
        assert_eq!(decode(&mut decoder, &payload[..end]).unwrap_err().reason(), "malformed", "cut at {end}");
    }
    let longer = [payload.as_slice(), &[0]].concat();
    assert_eq!(
        decode(&mut decoder, longer).unwrap_err().to_string(),
        "malformed Avro: 1 bytes are left over after the value"
    );
    assert!(decode(&mut decoder, &payload).is_ok());
}

fn outcome_mapping(toml: &str) -> OutcomeMapping {
    toml::from_str(toml).unwrap()
}

#[test]
fn a_record_yields_an_outcome_for_each_value_that_is_there() {
    let mapping = outcome_mapping(
        r#"event = "/event_id"
           time = "/outcome_time"
           revision = "/rev"
           values = { late = "/late", delay = "/arr_delay", other = "/other" }"#,
    );
    let mut decoder = OutcomeDecoder::mapped(&mapping, Arc::default(), Limits::default()).unwrap();
    let payload = br#"{"event_id": "e", "outcome_time": "2013-04-01T10:43:00Z", "arr_delay": -4, "late": true, "other": null, "rev": 2}"#;
    let outcomes = decoder.decode(payload, ORIGIN).unwrap();
    let seen: Vec<_> =
        outcomes.iter().map(|each| (each.metric.as_str(), each.value, each.revision)).collect();
    assert_eq!(seen, [("late", 1.0, 2), ("delay", -4.0, 2)]);
    assert_eq!(outcomes[0].subject, Subject::Event("e".into()));
    assert_ne!(outcomes[0].outcome_id, outcomes[1].outcome_id);

    let again = decoder
        .decode(
            &Encoded::json(&outcomes[1]),
            Origin { headers: &[("ce_type", OutcomeEvent::TYPE.as_bytes())], ..ORIGIN },
        )
        .unwrap();
    assert_eq!(again, [outcomes[1].clone()], "our own shape, by its type header");
    let nothing = decoder.decode(br#"{"event_id": "e", "outcome_time": "2013-04-01T10:43:00Z"}"#, ORIGIN);
    assert_eq!(nothing.unwrap_err().to_string(), "missing `values.late` (at /late)");
    let wrong = decoder.decode(br#"{"event_id": "e", "late": "1"}"#, ORIGIN).unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "`values.late` (at /late): expected a finite number, true or false, found the text \"1\""
    );
}

struct Encoded;

impl Encoded {
    fn json<E: Event>(event: &E) -> Vec<u8> {
        let mut payload = Vec::new();
        crate::Encoding::Json.encode(event, crate::Framing::default(), &mut payload).unwrap();
        payload
    }
}

#[test]
fn input_events_carry_outcomes_by_label_or_by_type() {
    let feature = feature_mapping("id = \"/id\"\nunits = { u = \"/u\" }\nfeatures = \"/f\"");
    let outcome = outcome_mapping("event = \"/id\"\nvalues = { paid = \"/paid\" }");
    let kind: TypeMapping = toml::from_str("at = \"/type\"\noutcomes = [\"payment\"]").unwrap();
    let source = || (Arc::default(), Limits::default());

    let mut labelled = Decoder::mapped(&feature, Some(&outcome), None, source()).unwrap();
    let decoded = labelled.decode(br#"{"id": "e", "u": "a", "f": {}, "paid": 3}"#, ORIGIN).unwrap();
    assert_eq!((decoded.event.is_some(), decoded.outcomes.len()), (true, 1));
    let decoded = labelled.decode(br#"{"id": "e", "u": "a", "f": {}}"#, ORIGIN).unwrap();
    assert_eq!((decoded.event.is_some(), decoded.outcomes.len()), (true, 0));

    let mut typed = Decoder::mapped(&feature, Some(&outcome), Some(&kind), source()).unwrap();
    let decoded = typed.decode(br#"{"type": "payment", "id": "e", "paid": 3}"#, ORIGIN).unwrap();
    assert_eq!((decoded.event.is_some(), decoded.outcomes.len()), (false, 1));
    let decoded =
        typed.decode(br#"{"type": "order", "id": "e", "u": "a", "f": {}, "paid": 3}"#, ORIGIN).unwrap();
    assert_eq!((decoded.event.is_some(), decoded.outcomes.len()), (true, 0));
    let error = typed.decode(br#"{"id": "e", "u": "a"}"#, ORIGIN).unwrap_err();
    assert_eq!(error.to_string(), "missing `type` (at /type)");
}

#[test]
fn faulty_mappings_report_all_their_faults() {
    let feature = feature_mapping("id = \"payment_id\"\nunits = {}\nfeatures = { a = \"b\" }");
    let outcome = outcome_mapping("unit = { card = \"/c\" }\nevent = \"/e\"\nvalues = {}");
    let faults =
        Decoder::mapped(&feature, Some(&outcome), None, (Arc::default(), Limits::default())).unwrap_err();
    let messages: Vec<_> = faults.iter().map(ToString::to_string).collect();
    expect![[r#"
        `id`: "payment_id" is not a JSON pointer such as "/card/hash"
        `units`: between 1 and 16 kinds of unit are needed, such as { card = "/card/hash" }
        `features.a`: "b" is not a JSON pointer such as "/card/hash"
        `event`: exactly one of `event`, `prediction` and `unit` says what an outcome is about
        `values`: at least one metric is needed, such as { fraud = "/is_fraud" }"#]]
    .assert_eq(&messages.join("\n"));
}

#[test]
fn our_own_shape_ignores_what_it_does_not_know() {
    let mut decoder = Decoder::native(Arc::default(), Limits::default());
    let text = r#"{"event_id": "e", "units": [{"kind": "card", "id": "1"}, {"kind": "user", "id": "2"}],
        "occurred_at": "2013-04-01T08:54:00Z", "features": {"a": 1, "b": "x"}, "context": {}, "added_later": [1]}"#;
    let event = decode(&mut decoder, text).unwrap();
    assert_eq!(event.units.iter().len(), 2);
    let error = decode(&mut decoder, text.replace(r#""kind": "user", "#, "")).unwrap_err();
    assert_eq!(error.reason(), "wrong_type", "{error}");
    let error = decode(&mut decoder, text.replace("units", "unit")).unwrap_err();
    assert_eq!(error.to_string(), "missing `units` (at /units)");
}
