use std::sync::Arc;

use super::*;
use crate::{Decoder, FeatureEvent, FeatureMapping, Origin, Schemas, Undecoded, Value as Feature};

const BINARY: [(&str, &[u8]); 7] = [
    ("ce_specversion", b"1.0"),
    ("ce_type", b"shop.order"),
    ("ce_source", b"/shop/nl"),
    ("ce_id", b"4711"),
    ("ce_time", b"2013-04-01T08:54:00Z"),
    ("ce_subject", b"ann"),
    ("content-type", b"application/json"),
];

const STRUCTURED: &str = r#"{"specversion": "1.0", "type": "shop.order", "source": "/shop/nl", "id": "4711",
    "time": "2013-04-01T08:54:00Z", "subject": "ann", "sampledrate": 3, "comment": null,
    "datacontenttype": "application/json", "data": {"x": 1.5, "user": "bob"}}"#;

const DATA: &[u8] = br#"{"x": 1.5, "user": "bob"}"#;

/// The header of a structured event, as a producer in Java writes it.
const CONTENT_TYPE: (&str, &[u8]) = ("Content-Type", b"Application/CloudEvents+JSON; charset=UTF-8");

fn mapped(mapping: &str) -> Decoder {
    let mapping: FeatureMapping = toml::from_str(mapping).unwrap();
    let source = (Arc::new(Schemas::default()), Limits::default());
    Decoder::mapped(&mapping, None, None, source).unwrap()
}

fn decode(mapping: &str, payload: &[u8], headers: Headers<'_>) -> Result<FeatureEvent, DecodeError> {
    let origin = Origin { topic: "orders", partition: 1, offset: 2, timestamp: 5, headers };
    match mapped(mapping).decode(payload, origin) {
        Ok(decoded) => Ok(decoded.event.unwrap()),
        Err(Undecoded::Bad(error)) => Err(error),
        Err(Undecoded::NeedsSchema(id)) => panic!("{id}"),
    }
}

const PLAIN: &str = "units = { user = \"/user\" }\nfeatures = \"/\"";

#[test]
fn both_modes_give_an_event_its_id_and_its_time() {
    for (payload, headers) in [(DATA, &BINARY[..]), (STRUCTURED.as_bytes(), &[CONTENT_TYPE][..])] {
        let event = decode(PLAIN, payload, headers).unwrap();
        assert_eq!(event.event_id, "/shop/nl 4711");
        assert_eq!(event.occurred_at.to_string(), "2013-04-01T08:54:00Z");
        assert_eq!(event.units.id("user"), Some("bob"), "pointers see the data");
        assert_eq!(event.features.get("x"), Some(&Feature::Number(1.5)));
    }
}

#[test]
fn a_mapping_may_name_attributes() {
    let mapping = "id = \"ce:id\"\nunits = { user = \"ce:subject\" }\ntime = \"ce:time\"\ntime_format = \"epoch_millis\"
        features = { x = \"/x\", rate = \"ce:sampledrate\" }\ncontext = { kind = \"ce:type\", none = \"ce:comment\" }";
    let rate = [&BINARY[..], &[("ce_sampledrate", b"3")]].concat();
    for (payload, headers) in [(DATA, &rate[..]), (STRUCTURED.as_bytes(), &[CONTENT_TYPE][..])] {
        let event = decode(mapping, payload, headers).unwrap();
        assert_eq!((event.event_id.as_str(), event.units.id("user")), ("4711", Some("ann")));
        assert_eq!(
            event.occurred_at.to_string(),
            "2013-04-01T08:54:00Z",
            "whatever the format of other times"
        );
        assert_eq!(event.features.get("rate"), Some(&Feature::Text("3".into())));
        assert_eq!(event.context.iter().collect::<Vec<_>>(), [("kind", &Feature::Text("shop.order".into()))]);
    }
    let error = decode(mapping, DATA, &[]).unwrap_err();
    assert_eq!(error.to_string(), "missing `event_id` (at ce:id)");
}

#[test]
fn headers_of_nats_are_percent_encoded() {
    let headers: [(&str, &[u8]); 5] = [
        ("ce-specversion", b"1.0"),
        ("ce-type", b"shop.order"),
        ("ce-source", b"/shop/%C3%A9"),
        ("ce-id", b"47%2011%25"),
        ("ce-datacontenttype", b"application/json"),
    ];
    assert_eq!(decode(PLAIN, DATA, &headers).unwrap().event_id, "/shop/é 47 11%");
    for id in [&b"%"[..], b"%2", b"%zz", b"%ff"] {
        let mut headers = headers;
        headers[3].1 = id;
        assert_eq!(decode(PLAIN, DATA, &headers).unwrap_err().reason(), "bad_envelope");
    }
}

#[test]
fn without_an_envelope_the_place_is_the_id_even_after_a_redrive() {
    assert_eq!(decode(PLAIN, DATA, &[]).unwrap().event_id, "orders/1/2");
    let event = decode(PLAIN, DATA, &[(ORIGIN_HEADER, b"orders/0/17")]).unwrap();
    assert_eq!((event.event_id.as_str(), event.occurred_at.as_millis()), ("orders/0/17", 5));
    let kept = [&BINARY[..], &[(ORIGIN_HEADER, b"orders/0/17")]].concat();
    assert_eq!(decode(PLAIN, DATA, &kept).unwrap().event_id, "/shop/nl 4711", "its own id comes first");
    let long = [b'o'; ATTRIBUTE_BYTES_MAX + 1];
    assert_eq!(decode(PLAIN, DATA, &[(ORIGIN_HEADER, &long)]).unwrap_err().reason(), "bad_envelope");
}

#[test]
fn the_last_of_two_headers_counts() {
    let twice = [&BINARY[..], &[("ce_id", b"4712")]].concat();
    assert_eq!(decode(PLAIN, DATA, &twice).unwrap().event_id, "/shop/nl 4712");
}

#[test]
fn data_may_be_base64_in_any_encoding_that_is_read() {
    let event = STRUCTURED.replace(
        r#""data": {"x": 1.5, "user": "bob"}"#,
        r#""data_base64": "eyJ4IjogMS41LCAidXNlciI6ICJib2IifQ==""#,
    );
    assert_eq!(decode(PLAIN, event.as_bytes(), &[CONTENT_TYPE]).unwrap().units.id("user"), Some("bob"));
}

#[test]
fn bad_envelopes_say_what_is_wrong() {
    let binary = |name: &str, value: &'static [u8]| {
        let mut headers = BINARY;
        let header = headers.iter_mut().find(|(each, _)| *each == name).unwrap();
        header.1 = value;
        decode(PLAIN, DATA, &headers).unwrap_err().to_string()
    };
    let structured = |from: &str, to: &str| {
        assert!(STRUCTURED.contains(from), "{from}");
        let error = decode(PLAIN, STRUCTURED.replace(from, to).as_bytes(), &[CONTENT_TYPE]).unwrap_err();
        error.to_string()
    };
    for (found, expected) in [
        (binary("ce_specversion", b"0.3"), "bad CloudEvent: `specversion` is \"0.3\"; \"1.0\" is read"),
        (binary("ce_id", b""), "bad CloudEvent: `id` is missing or empty"),
        (binary("ce_source", b"\xff"), "bad CloudEvent: `source` is not UTF-8"),
        (binary("ce_time", b"yesterday"), "bad CloudEvent: `time` is \"yesterday\", not an RFC 3339 time"),
        (
            binary("content-type", b"application/cloudevents+avro"),
            "bad CloudEvent: content type \"application/cloudevents+avro\"; \"application/cloudevents+json\" is read",
        ),
        (
            binary("content-type", b"application/cloudevents-batch+json"),
            "bad CloudEvent: content type \"application/cloudevents-batch+json\"; \"application/cloudevents+json\" is read",
        ),
        (structured("\"specversion\": \"1.0\", ", ""), "bad CloudEvent: `specversion` is missing"),
        (structured("\"type\": \"shop.order\", ", ""), "bad CloudEvent: `type` is missing or empty"),
        (
            structured("\"data\": ", "\"data_base64\": \"\", \"data\": "),
            "bad CloudEvent: both `data` and `data_base64` are there",
        ),
        (
            structured("\"data\": {\"x\": 1.5, \"user\": \"bob\"}", "\"data_base64\": \"?\""),
            "bad CloudEvent: `data_base64`: Invalid symbol 63, offset 0.",
        ),
        (structured(", \"data\": {\"x\": 1.5, \"user\": \"bob\"}", ""), "empty payload"),
        (
            structured("{\"x\": 1.5, \"user\": \"bob\"}", "\"text\""),
            "unknown encoding: the payload begins with byte 0x22, which is neither JSON nor Avro",
        ),
    ] {
        assert_eq!(found, expected);
    }
    for (from, to, says) in [
        ("\"subject\": \"ann\"", "\"subject\": [1]", "`subject` is not a single value"),
        ("\"subject\": \"ann\"", "\"id\": \"4712\"", "`id` comes twice"),
        ("}}", "}", "EOF while parsing an object"),
        ("{\"spec", "[{\"spec", "invalid type: sequence, expected an object"),
    ] {
        let found = structured(from, to);
        assert!(found.starts_with("malformed JSON: ") && found.contains(says), "{found}");
    }
}
