//! Every version of every event that was ever published still reads as the same value.
//!
//! `schemas/golden/<event>/v<n>.avro` and `.json` are written once, when a version is published, and never
//! again. `UPDATE_GOLDEN=1` writes those that do not exist yet.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as loudly as the test")]

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use events::{
    ArmRoute, Decoder, Deployment, Encoding, Event, ExperimentRoute, Fallback, FeatureEvent, Framing,
    LayerRoute, Limits, NativeDecoder, Origin, OutcomeEvent, Outputs, PredictionEvent, Role, SchemaId,
    SchemaText, Schemas, Shadow, Subject, TargetingRule, TargetingTest, Timestamp, Unit, Units, Value,
};
use serde::de::DeserializeOwned;

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../schemas/golden").join(name)
}

/// Checks the golden files of `name` against `event`, through `read`.
#[track_caller]
fn check_with<E: Event + PartialEq + Debug>(name: &str, event: &E, mut read: impl FnMut(&[u8]) -> E) {
    for (encoding, ending) in [(Encoding::Avro, "avro"), (Encoding::Json, "json")] {
        let mut written = Vec::new();
        encoding.encode(event, Framing::default(), &mut written).unwrap();
        let path = golden(&format!("{name}.{ending}"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() && !path.exists() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &written).unwrap();
        }
        let golden = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(read(&golden), *event, "{} reads as another value", path.display());
        assert_eq!(read(&written), *event, "what is written today reads as another value");
        assert_eq!(written, golden, "{}: what is written today differs", path.display());
    }
}

#[track_caller]
fn check<E: Event + PartialEq + Debug + DeserializeOwned>(name: &str, event: &E) {
    let mut decoder = NativeDecoder::new(Arc::default(), Limits::default());
    check_with(name, event, |payload| decoder.decode(payload, &[]).unwrap());
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn unit(kind: &str, id: &str) -> Unit {
    Unit { kind: kind.into(), id: id.into() }
}

#[test]
fn feature_event() {
    let event = FeatureEvent {
        event_id: "US1843-EWR-20130401-0500".into(),
        units: Units::new(vec![unit("aircraft", "N566UW"), unit("carrier", "é中🐦")]).unwrap(),
        occurred_at: time("2013-04-01T08:54:00.000001Z"),
        features: [
            ("carrier", Value::Text("US".into())),
            ("night", Value::Bool(true)),
            ("pressure", Value::Null),
            ("temp", Value::Number(44.96)),
        ]
        .into_iter()
        .collect(),
        context: [("country", Value::Text("NL".into()))].into_iter().collect(),
    };
    let mut decoder = Decoder::native(Arc::new(Schemas::default()), Limits::default());
    let origin = Origin { topic: "features", partition: 0, offset: 0, timestamp: 0, headers: &[] };
    check_with("feature_event/v1", &event, |payload| decoder.decode(payload, origin).unwrap().event.unwrap());
}

fn prediction() -> PredictionEvent {
    PredictionEvent {
        prediction_id: events::prediction_id("US1843", "late", events::SERVED_SLOT),
        event_id: "US1843".into(),
        unit: unit("aircraft", "N566UW"),
        model: "late".into(),
        version: "linear-1".into(),
        assigned_version: "mlp-1".into(),
        role: Role::Canary,
        experiment: Some("late-mlp".into()),
        variant: Some("canary".into()),
        bucket: Some(6_123),
        propensity: Some(0.25),
        revision: 3,
        outputs: Outputs::new(["late".into(), "minutes".into()].into(), &[0.0634783035, -4.5]),
        fallback: Some(Fallback::NotFinite),
        occurred_at: time("2013-04-01T08:54:00Z"),
        scored_at: time("2026-11-23T10:00:00.25Z"),
    }
}

#[test]
fn prediction_event() {
    check("prediction_event/v1", &prediction());
}

#[test]
fn prediction_event_outside_experiments() {
    let event = PredictionEvent {
        assigned_version: "linear-1".into(),
        role: Role::Production,
        experiment: None,
        variant: None,
        bucket: None,
        propensity: None,
        fallback: None,
        ..prediction()
    };
    check("prediction_event/v1-plain", &event);
}

#[test]
fn outcome_event() {
    for (name, subject) in [
        ("outcome_event/v1-event", Subject::Event("US1843".into())),
        ("outcome_event/v1-prediction", Subject::Prediction("84d0722700ff6a5521ee9d595080ff27".into())),
        ("outcome_event/v1-unit", Subject::Unit(unit("aircraft", "N566UW"))),
    ] {
        let event = OutcomeEvent {
            outcome_id: events::outcome_id(&subject, "arr_delay"),
            subject,
            metric: "arr_delay".into(),
            value: -4.0,
            occurred_at: time("2013-04-01T10:43:00Z"),
            revision: 1,
        };
        check(name, &event);
    }
}

#[test]
fn deployment() {
    let event = Deployment {
        model: "late".into(),
        revision: 7,
        created_at: time("2026-11-23T10:00:00Z"),
        production: "linear-1".into(),
        shadows: vec![Shadow { version: "mlp-1".into(), share: 1_000 }],
        experiments: vec![ExperimentRoute {
            name: "late-mlp".into(),
            unit: "aircraft".into(),
            salt: "late-mlp".into(),
            coverage: 5_000,
            layer: LayerRoute { salt: "late".into(), start: 0, end: 10_000 },
            targeting: vec![TargetingRule {
                field: "country".into(),
                test: TargetingTest::NotIn,
                values: vec!["NL".into(), "BE".into()],
            }],
            arms: vec![
                ArmRoute { name: "control".into(), version: "linear-1".into(), weight: 5_000 },
                ArmRoute { name: "canary".into(), version: "mlp-1".into(), weight: 5_000 },
            ],
        }],
    };
    check("deployment/v1", &event);
}

/// A reader of today meets a writer of tomorrow, who has added a field with a default and dropped one.
#[test]
fn writers_may_add_and_drop_fields_that_have_defaults() {
    let text = std::fs::read_to_string(golden("../avro/outcome_event.avsc")).unwrap();
    let mut schema: serde_json::Value = serde_json::from_str(&text).unwrap();
    let fields = schema["fields"].as_array_mut().unwrap();
    fields.retain(|field| field["name"] != "revision");
    fields.push(serde_json::json!({"name": "source", "type": "string", "default": "batch"}));
    let text = schema.to_string();

    let mut payload = vec![0, 0, 0, 0, 9];
    let written = apache_avro::Schema::parse_str(&text).unwrap();
    let mut record = apache_avro::types::Record::new(&written).unwrap();
    record.put("outcome_id", "o");
    record.put("event_id", Some("e"));
    record.put("prediction_id", None::<String>);
    record.put("unit", None::<String>);
    record.put("metric", "late");
    record.put("value", 1.0);
    record.put("occurred_at", apache_avro::types::Value::TimestampMicros(5));
    record.put("source", "stream");
    let writer = apache_avro::writer::datum::GenericDatumWriter::builder(&written).build().unwrap();
    payload.extend(writer.write_value_to_vec(record).unwrap());

    let schemas = Schemas::default();
    schemas.learn(SchemaId::Number(9), Some(SchemaText::avro(text)));
    let mut decoder = NativeDecoder::new(Arc::new(schemas), Limits::default());
    let outcome: OutcomeEvent = decoder.decode(&payload, &[]).unwrap();
    assert_eq!((outcome.subject, outcome.value, outcome.revision), (Subject::Event("e".into()), 1.0, 0));
}

#[test]
fn a_missing_field_without_default_is_refused_by_name() {
    let mut decoder = NativeDecoder::new(Arc::default(), Limits::default());
    let error =
        decoder.decode::<OutcomeEvent>(br#"{"outcome_id": "o", "event_id": "e", "metric": "late"}"#, &[]);
    assert!(error.unwrap_err().to_string().contains("missing field `value`"));
    let error = decoder.decode::<OutcomeEvent>(
        br#"{"outcome_id": "o", "metric": "late", "value": 1, "occurred_at": "2013-04-01T10:43:00Z"}"#,
        &[],
    );
    assert!(error.unwrap_err().to_string().contains("exactly one of `event_id`, `prediction_id` and `unit`"));
}
