use apache_avro::types::Value as Avro;
use apache_avro::writer::datum::GenericDatumWriter;
use serde_json::json;

use super::*;
use crate::{Decoder, FeatureMapping, Limits, Origin};

const FIRST: SchemaId = SchemaId::Number(1);

/// A record of a user, with a field `name` of type `kind` besides.
fn schema(name: &str, kind: serde_json::Value) -> String {
    json!({"type": "record", "name": "Order", "fields": [
        {"name": "user", "type": "string"}, {"name": name, "type": kind},
    ]})
    .to_string()
}

/// A value of such a schema, written with it.
fn written(text: &str, references: &[&str], name: &str, value: Avro) -> Vec<u8> {
    let (schema, references) = Schema::parse_str_with_list(text, references).unwrap();
    let all = references.iter().chain([&schema]).collect();
    let writer = GenericDatumWriter::builder(&schema).schemata(all).unwrap().build().unwrap();
    let user = ("user".to_owned(), Avro::String("ann".into()));
    writer.write_value_to_vec(Avro::Record(vec![user, (name.into(), value)])).unwrap()
}

fn decoder(schemas: &Arc<Schemas>) -> Decoder {
    let mapping: FeatureMapping = toml::from_str("units = { user = \"/user\" }\nfeatures = \"/\"").unwrap();
    Decoder::mapped(&mapping, None, None, (Arc::clone(schemas), Limits::default())).unwrap()
}

/// The feature `name` of a record with these headers.
fn feature(
    decoder: &mut Decoder,
    payload: &[u8],
    headers: &[(&str, &[u8])],
    name: &str,
) -> Result<Option<crate::Value>, Undecoded> {
    let origin = Origin { topic: "orders", partition: 0, offset: 0, timestamp: 0, headers };
    let decoded = decoder.decode(payload, origin)?;
    Ok(decoded.event.unwrap().features.get(name).cloned())
}

fn framed(id: SchemaId, body: &[u8]) -> Vec<u8> {
    [&id.frame()[..], body].concat()
}

#[test]
fn an_id_is_asked_for_once_and_then_known() {
    let schemas = Arc::new(Schemas::default().ask());
    let mut decoder = decoder(&schemas);
    let text = schema("x", json!("double"));
    let payload = framed(FIRST, &written(&text, &[], "x", Avro::Double(1.5)));
    for _ in 0..2 {
        assert_eq!(feature(&mut decoder, &payload, &[], "x"), Err(Undecoded::NeedsSchema(FIRST)));
    }
    schemas.learn(FIRST, Some(SchemaText::avro(text)));
    assert_eq!(feature(&mut decoder, &payload, &[], "x"), Ok(Some(crate::Value::Number(1.5))));
}

#[test]
fn ids_are_found_in_the_header_first_then_before_the_payload() {
    let guid = SchemaId::Guid([7; 16]);
    let (double, long) = (schema("x", json!("double")), schema("x", json!("long")));
    let schemas = Arc::new(Schemas::default());
    schemas.learn(FIRST, Some(SchemaText::avro(&*double)));
    schemas.learn(guid, Some(SchemaText::avro(&*long)));
    let mut decoder = decoder(&schemas);
    let (double, long) =
        (written(&double, &[], "x", Avro::Double(3.0)), written(&long, &[], "x", Avro::Long(3)));
    let header = |id: SchemaId| (SchemaId::HEADER, id.frame());
    for (payload, header) in [
        (framed(FIRST, &double), None),
        (framed(guid, &long), None),
        (double.clone(), Some(header(FIRST))),
        (long, Some(header(guid))),
    ] {
        let headers: Vec<_> = header.iter().map(|(name, value)| (*name, &value[..])).collect();
        let found = feature(&mut decoder, &payload, &headers, "x");
        assert_eq!(found, Ok(Some(crate::Value::Number(3.0))), "{payload:?} {headers:?}");
    }
    let error = feature(&mut decoder, &double, &[(SchemaId::HEADER, &[0, 0])], "x").unwrap_err();
    assert!(error.to_string().contains("__value_schema_id"), "{error}");
}

#[test]
fn types_of_other_subjects_are_resolved() {
    let kind = r#"{"type": "enum", "name": "shop.Kind", "symbols": ["NEW", "OLD"]}"#;
    let item = r#"{"type": "record", "name": "shop.Item", "fields": [
        {"name": "price", "type": "double"}, {"name": "kind", "type": "shop.Kind"}]}"#;
    let text = schema("item", json!("shop.Item"));
    let value =
        Avro::Record(vec![("price".into(), Avro::Double(2.5)), ("kind".into(), Avro::Enum(1, "OLD".into()))]);
    let payload = framed(FIRST, &written(&text, &[kind, item], "item", value));
    let schemas = Arc::new(Schemas::default());
    let references = vec![kind.into(), item.into()];
    schemas.learn(FIRST, Some(SchemaText { references, ..SchemaText::avro(text) }));
    let mut decoder = decoder(&schemas);
    assert_eq!(feature(&mut decoder, &payload, &[], "item.price"), Ok(Some(crate::Value::Number(2.5))));
    assert_eq!(feature(&mut decoder, &payload, &[], "item.kind"), Ok(Some(crate::Value::Text("OLD".into()))));
}

#[test]
fn what_is_written_with_a_json_schema_is_json() {
    let schemas = Arc::new(Schemas::default());
    schemas.learn(FIRST, Some(SchemaText { kind: SchemaKind::Json, ..SchemaText::avro("{}") }));
    let payload = framed(FIRST, br#"{"user": "ann", "x": 1}"#);
    assert_eq!(feature(&mut decoder(&schemas), &payload, &[], "x"), Ok(Some(crate::Value::Number(1.0))));
}

#[test]
fn schemas_that_cannot_be_read_by_are_told_by_name() {
    let list = r#"{"type": "record", "name": "List", "fields": [
        {"name": "next", "type": ["null", "List"], "default": null}]}"#;
    for (found, says) in [
        (None, "unknown Avro schema id 1"),
        (Some(SchemaText::avro("{")), "id 1: it is not an Avro schema: "),
        (Some(SchemaText::avro(schema("x", json!("shop.Unheard")))), "it is not an Avro schema: "),
        (Some(SchemaText::avro(list)), "id 1: `List` contains itself, and such types are not read"),
        (
            Some(SchemaText { kind: SchemaKind::Other("PROTOBUF".into()), ..SchemaText::avro("") }),
            "id 1: it is in PROTOBUF, not in Avro",
        ),
    ] {
        let schemas = Arc::new(Schemas::default().ask());
        schemas.learn(FIRST, found);
        let error = feature(&mut decoder(&schemas), &framed(FIRST, b"x"), &[], "x").unwrap_err();
        let Undecoded::Bad(error) = error else { panic!("{error}") };
        assert!(error.reason() == "unknown_schema" && error.to_string().contains(says), "{error}");
    }
}

#[test]
fn endless_ids_take_bounded_memory_and_what_is_known_stays() {
    let schemas = Schemas::default().ask();
    schemas.learn(FIRST, Some(SchemaText { kind: SchemaKind::Json, ..SchemaText::avro("{}") }));
    for number in 2..3 * u32::try_from(SCHEMAS_MAX).unwrap() {
        schemas.learn(SchemaId::Number(number), None);
        assert!(schemas.known().len() <= SCHEMAS_MAX + 1);
    }
    assert!(matches!(schemas.by_id(FIRST), Ok(Known::Json)));
}
