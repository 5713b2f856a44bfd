//! The client on a real registry, Apicurio, and on the stand-in: the same questions have the same answers, so that what
//! other tests learn from the stand-in holds.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as loudly as the test")]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use events::{Event as _, OutcomeEvent, PredictionEvent, SchemaId, SchemaKind, Schemas};
use registry::stand_in::StandIn;
use registry::{Compatibility, Config, Error, Learned, Registry};
use runtime::Shutdown;
use serde_json::{Value, json};

fn client(url: &str) -> Registry {
    let mut config = Config::new(url);
    config.retry = Duration::from_millis(200).into();
    Registry::new(&config, Path::new(""), &BTreeMap::new()).unwrap()
}

/// Sends `body` as any other client would, and returns the answer.
fn send(url: &str, method: &str, path: &str, body: &Value) -> Value {
    let address = url.strip_prefix("http://").unwrap();
    let (host, base) = address.find('/').map_or((address, ""), |at| address.split_at(at));
    let body = body.to_string();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "{method} {base}{path} HTTP/1.1\r\nhost: {host}\r\naccept: application/json\r\n\
         content-type: application/vnd.schemaregistry.v1+json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (start, end) = (answer.find('{').unwrap(), answer.rfind('}').unwrap());
    serde_json::from_str(&answer[start..=end]).unwrap()
}

fn add(url: &str, subject: &str, schema: &Value) -> SchemaId {
    let answer = send(url, "POST", &format!("/subjects/{subject}/versions"), schema);
    SchemaId::Number(answer["id"].as_u64().unwrap().try_into().unwrap())
}

/// A schema of one field.
fn record(name: &str, kind: &str) -> String {
    let fields = json!([{ "name": "x", "type": kind }]);
    json!({ "type": "record", "name": name, "namespace": "shop", "fields": fields }).to_string()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

async fn schemas_are_found(url: &str) {
    let registry = client(url);
    let text = record("Plain", "long");
    let id = add(url, "plain-value", &json!({ "schema": text }));
    let found = registry.schema(id).await.unwrap().unwrap();
    assert_eq!((found.kind, found.references.len()), (SchemaKind::Avro, 0));
    assert_eq!(parsed(&found.text), parsed(&text));
    assert_eq!(registry.schema(SchemaId::Number(99_999)).await.unwrap(), None);

    let item = record("Item", "double");
    add(url, "item-value", &json!({ "schema": item }));
    let reference = json!([{ "name": "shop.Item", "subject": "item-value", "version": 1 }]);
    let order = json!({ "schema": record("Order", "shop.Item"), "references": reference });
    let found = registry.schema(add(url, "order-value", &order)).await.unwrap().unwrap();
    assert_eq!(found.references.iter().map(|text| parsed(text)).collect::<Vec<_>>(), [parsed(&item)]);

    let text = json!({ "$schema": "http://json-schema.org/draft-07/schema#", "type": "object" }).to_string();
    let json = json!({ "schema": text, "schemaType": "JSON" });
    let found = registry.schema(add(url, "json-value", &json)).await.unwrap().unwrap();
    assert_eq!(found.kind, SchemaKind::Json);
}

async fn our_schemas_are_registered(url: &str) {
    let registry = client(url);
    let missing = registry.look_up::<PredictionEvent>("predictions").await.unwrap_err();
    assert!(matches!(missing, Error::NotRegistered { .. }), "{missing}");
    assert_eq!(registry.check::<PredictionEvent>("predictions").await.unwrap(), Compatibility::New);
    let registered = registry.register::<PredictionEvent>("predictions").await.unwrap();
    assert_eq!((registered.subject.as_str(), registered.version), ("predictions-value", 1));
    assert_eq!(registry.register::<PredictionEvent>("predictions").await.unwrap(), registered, "once");
    assert_eq!(registry.look_up::<PredictionEvent>("predictions").await.unwrap(), registered);
    let checked = registry.check::<PredictionEvent>("predictions").await.unwrap();
    assert_eq!(checked, Compatibility::Registered(registered.clone()));
    let found = registry.schema(SchemaId::Number(registered.id)).await.unwrap().unwrap();
    assert_eq!(parsed(&found.text), parsed(PredictionEvent::SCHEMA));
}

/// The subject `other-value` holds a schema that ours does not follow.
async fn what_does_not_fit_is_refused(url: &str) {
    let registry = client(url);
    let checked = registry.check::<OutcomeEvent>("other").await.unwrap();
    assert!(matches!(checked, Compatibility::Incompatible(_)), "{checked:?}");
    let error = registry.register::<OutcomeEvent>("other").await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_registry_and_the_stand_in_answer_alike() {
    let (real, stand_in) = (servers::Registry::start(), StandIn::start());
    for url in [real.url(), stand_in.url()] {
        schemas_are_found(&url).await;
        our_schemas_are_registered(&url).await;
        add(&url, "other-value", &json!({ "schema": record("OutcomeEvent", "string") }));
    }
    send(&real.url(), "PUT", "/config/other-value", &json!({ "compatibility": "BACKWARD" }));
    stand_in.refuses_versions();
    for url in [real.url(), stand_in.url()] {
        what_does_not_fit_is_refused(&url).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_registry_that_was_killed_is_waited_for() {
    let real = servers::Registry::start();
    let id = add(&real.url(), "plain-value", &json!({ "schema": record("Plain", "long") }));
    let registry = client(&real.url());
    real.kill();
    let error = registry.schema(id).await.unwrap_err();
    assert!(error.is_passing(), "{error}");
    let learning =
        tokio::spawn(
            async move { registry.learn(id, &Schemas::default().ask(), &Shutdown::new(), || {}).await },
        );
    real.restart();
    assert_eq!(learning.await.unwrap().unwrap(), Learned::Yes);
}
