use events::PredictionEvent;

use super::*;
use crate::stand_in::{Mood, StandIn};

const TEXT: &str = r#"{"type":"record","name":"A","fields":[]}"#;

fn client(config: &Config) -> Registry {
    Registry::new(config, Path::new(""), &BTreeMap::new()).unwrap()
}

fn config(text: &str) -> Config {
    toml::from_str(text).unwrap()
}

#[tokio::test]
async fn schemas_are_found_by_id_and_by_guid() {
    let server = StandIn::start();
    server.add("other", "{}");
    let id = server.add("a", TEXT);
    let registry = client(&Config::new(server.url()));
    let found = Some(SchemaText::avro(TEXT));
    assert_eq!(registry.schema(SchemaId::Number(id)).await.unwrap(), found);
    let guid = SchemaId::parse_guid(&StandIn::guid(id)).unwrap();
    assert_eq!(registry.schema(guid).await.unwrap(), found);
    assert_eq!(registry.schema(SchemaId::Number(99)).await.unwrap(), None);
    assert_eq!(server.requests()[1], format!("GET /schemas/guids/{}", StandIn::guid(2)));
}

#[tokio::test]
async fn all_that_a_schema_refers_to_is_found_each_once() {
    let server = StandIn::start();
    let reference = |subject: &str| json!({ "name": "x", "subject": subject, "version": 1 });
    server.add("a/b", "\"deep\"");
    server.add_whole("mid", json!({ "schema": "\"mid\"", "references": [reference("a/b")] }));
    let references = json!([reference("mid"), reference("a/b"), reference("gone")]);
    let id = server.add_whole("top", json!({ "schema": TEXT, "references": references }));
    let found = client(&Config::new(server.url())).schema(SchemaId::Number(id)).await.unwrap().unwrap();
    let mut texts = found.references;
    texts.sort();
    assert_eq!(texts, ["\"deep\"", "\"mid\""]);
    assert!(server.requests().contains(&"GET /subjects/a%2Fb/versions/1?deleted=true".into()));
}

#[tokio::test]
async fn kinds_of_schemas_are_told_apart() {
    let server = StandIn::start();
    let registry = client(&Config::new(server.url()));
    for (kind, expected) in [
        ("AVRO", SchemaKind::Avro),
        ("JSON", SchemaKind::Json),
        ("PROTOBUF", SchemaKind::Other("PROTOBUF".into())),
    ] {
        let id = server.add_whole("a", json!({ "schema": TEXT, "schemaType": kind }));
        assert_eq!(registry.schema(SchemaId::Number(id)).await.unwrap().unwrap().kind, expected);
    }
}

/// What no registry says to such a question: something else stands in its place, and waiting may help.
#[tokio::test]
async fn that_a_server_is_away_is_no_answer() {
    let server = StandIn::start();
    let id = SchemaId::Number(server.add("a", TEXT));
    let registry = client(&config(&format!("url = \"{}\"\ntimeout = \"200ms\"", server.url())));
    let page = || "<html>bad gateway</html>".to_owned();
    for (mood, says) in [
        (Mood::Says(500, r#"{"error_code":50001,"message":"store"}"#.into()), "status 500: store"),
        (Mood::Says(503, page()), "status 503: <html>"),
        (Mood::Says(429, String::new()), "status 429: nothing"),
        (Mood::Says(301, String::new()), "status 301"),
        (Mood::Says(404, page()), "not as a schema registry says it"),
        (
            Mood::Says(404, r#"{"error_code":404,"message":"HTTP 404 Not Found"}"#.into()),
            "HTTP 404 Not Found",
        ),
        (Mood::Says(200, page()), "the answer is not of a schema registry"),
        (Mood::Says(200, "{}".into()), "the answer is not of a schema registry"),
        (Mood::HangsUp, &server.url()),
        (Mood::Silent, "timeout"),
    ] {
        server.becomes(mood.clone());
        let error = registry.schema(id).await.unwrap_err();
        assert!(error.is_passing() && error.to_string().contains(says), "{mood:?}: {error}");
    }
    server.becomes(Mood::Well);
    assert!(registry.schema(id).await.unwrap().is_some());
}

#[tokio::test]
async fn an_answer_too_large_is_no_answer() {
    let server = StandIn::start();
    server.becomes(Mood::Says(200, format!("{{\"schema\":\"{}\"}}", "x".repeat(5 << 20))));
    let error = client(&Config::new(server.url())).schema(SchemaId::Number(1)).await.unwrap_err();
    assert!(error.is_passing(), "{error}");
}

#[tokio::test]
async fn the_next_server_is_asked_where_one_is_away() {
    let (away, well) = (StandIn::start(), StandIn::start());
    away.becomes(Mood::HangsUp);
    let id = SchemaId::Number(well.add("a", TEXT));
    let registry = client(&Config::new(format!("{},{}/", away.url(), well.url())));
    assert!(registry.schema(id).await.unwrap().is_some());
    well.becomes(Mood::HangsUp);
    let error = registry.schema(id).await.unwrap_err().to_string();
    assert!(error.contains(&away.url()) && error.contains(&well.url()), "{error}");
}

#[tokio::test]
async fn a_login_is_sent_found_anew_and_never_shown() {
    let server = StandIn::start();
    let id = SchemaId::Number(server.add("a", TEXT));
    server.asks_for("Basic bWU6aHVzaA==");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    let text = format!(
        "url = \"{}\"\nusername = \"me\"\npassword = {{ file = \"{}\" }}",
        server.url(),
        file.display()
    );
    let registry = client(&config(&text));
    let error = registry.schema(id).await.unwrap_err();
    assert!(!error.is_passing() && error.to_string().contains("cannot be read"), "{error}");
    std::fs::write(&file, "wrong").unwrap();
    let error = registry.schema(id).await.unwrap_err();
    assert!(!error.is_passing(), "{error}");
    let told = error.to_string();
    assert!(told.contains("refuses us with status 401: Unauthorized") && !told.contains("wrong"), "{told}");
    std::fs::write(&file, "hush\n").unwrap();
    assert!(registry.schema(id).await.unwrap().is_some());
    assert!(!format!("{registry:?}").contains("hush"));

    server.asks_for("Bearer t");
    let registry = client(&config(&format!("url = \"{}\"\ntoken = \"t\"", server.url())));
    assert!(registry.schema(id).await.unwrap().is_some());
}

#[tokio::test]
async fn our_schemas_are_registered_looked_up_and_checked() {
    let server = StandIn::start();
    let registry = client(&Config::new(server.url()));
    let check = || registry.check::<PredictionEvent>("predictions");
    let error = registry.look_up::<PredictionEvent>("predictions").await.unwrap_err();
    assert!(error.to_string().contains("\"predictions-value\"; `serin schema register`"), "{error}");
    assert_eq!(check().await.unwrap(), Compatibility::New);
    server.add("predictions-value", TEXT);
    assert_eq!(check().await.unwrap(), Compatibility::Compatible);
    let registered = registry.register::<PredictionEvent>("predictions").await.unwrap();
    assert_eq!((registered.id, registered.version), (2, 2));
    assert_eq!(registered.guid, SchemaId::parse_guid(&StandIn::guid(2)));
    assert_eq!(registry.look_up::<PredictionEvent>("predictions").await.unwrap(), registered);
    assert_eq!(check().await.unwrap(), Compatibility::Registered(registered));

    server.refuses_versions();
    server.add("other-value", TEXT);
    let found = registry.check::<PredictionEvent>("other").await.unwrap();
    assert_eq!(found, Compatibility::Incompatible(vec!["a field is missing".into()]));
    let error = registry.register::<PredictionEvent>("other").await.unwrap_err();
    assert!(!error.is_passing() && error.to_string().contains("incompatible"), "{error}");
}

#[test]
fn a_file_of_certificates_must_have_some() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty.pem"), "").unwrap();
    for (ca, says) in [("none.pem", "No such file"), ("empty.pem", "has no certificate in it")] {
        let config = config(&format!("url = \"https://a\"\nca = \"{ca}\""));
        let problems = Registry::new(&config, folder.path(), &BTreeMap::new()).unwrap_err();
        assert!(problems[0].0 == "registry.ca" && problems[0].1.contains(says), "{problems:?}");
    }
}
