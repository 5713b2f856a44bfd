use crate::testing::{Store, canary, problems};

#[test]
fn all_faults_are_found_at_once() {
    let store = Store::new();
    let mut config = store.config(
        r#"
[input]
event = { id = "id", units = { user = "/user" }, features = "/f" }
schemas = [{ file = "no.avsc" }]
[batch]
records = 0
bytes = "0 B"
[model]
store = "m"
production = "9"
shadows = [{ version = "2", share = 0.0 }, { version = "8" }, { version = "needy", share = 0.00001 }]
"#,
    );
    config.experiments = vec![canary("7")];
    let text = problems(config);
    let path = store.path().display();
    for line in [
        format!("input.schemas: {path}/no.avsc: No such file or directory (os error 2)"),
        "input.event: `id`: \"id\" is not a JSON pointer such as \"/card/hash\"".into(),
        "batch.records: 0 is not in 1..=10000".into(),
        "batch.bytes: must be more than 0".into(),
        "model.m.shadows: \"2\": share 0 scores nothing; leave the shadow out".into(),
        "model.m.shadows: \"needy\": share: `0.00001` is finer than a basis point; shares are multiples of 0.0001".into(),
        format!("model.m.production: version \"9\" is not in {path}/m (versions: 1, 2, needy, steep)"),
        format!("model.m.shadows: version \"8\" is not in {path}/m (versions: 1, 2, needy, steep)"),
        format!("experiment \"e\", arm \"canary\": version \"7\" is not in {path}/m (versions: 1, 2, needy, steep)"),
    ] {
        assert!(text.lines().any(|each| each == line), "{line}\nis not in\n{text}");
    }
    assert_eq!(text.lines().count(), 9, "{text}");
}

#[test]
fn each_fault_has_its_field() {
    let store = Store::new();
    store.version("other", ("n", "other"), (1.0, "x"));
    store.version("renamed", ("m", "3"), (1.0, "x"));
    std::fs::create_dir(store.path().join("m/empty")).unwrap();
    std::fs::write(store.path().join("bad.avsc"), "{").unwrap();
    let model = |production: &str| format!("[model]\nstore = \"m\"\nproduction = \"{production}\"");
    for (text, field, says) in [
        (
            model("other"),
            "model.m.production",
            "holds version \"other\" of model \"n\", not version \"other\" of model \"m\"",
        ),
        (
            model("renamed"),
            "model.m.production",
            "holds version \"3\" of model \"m\", not version \"renamed\" of model \"m\"",
        ),
        (model("empty"), "model.m.production", "m/empty: 1 problem"),
        (model("1").replace("\"m\"", "\"nowhere\""), "model.m.production", "there is no such folder"),
        (model("1").replace("\"m\"", "\".\""), "model.m.production", "it has no versions"),
        (
            model("1") + "\nshadows = [{ version = \"2\" }, { version = \"2\" }]",
            "model.m.shadows",
            "\"2\" is there twice",
        ),
        (
            model("1") + "\nshadows = [{ version = \"2\", share = 1.5 }]",
            "model.m.shadows",
            "`1.5` is not a share between 0 and 1",
        ),
        ("[batch]\nrecords = 10001".into(), "batch.records", "10001 is not in 1..=10000"),
        ("[input]\nschemas = [{ file = \"bad.avsc\" }]".into(), "input.schemas", "bad.avsc"),
        ("[input]\nevent = { units = {}, features = \"/f\" }".into(), "input.event", "`units`"),
        (
            "[input]\ntype = { at = \"/type\", outcomes = [\"label\"] }".into(),
            "input.event",
            "needs `outcome` too",
        ),
    ] {
        let text = problems(store.config(&text));
        let indented = text.lines().skip(1).all(|line| line.is_empty() || line.starts_with("  "));
        assert!(indented, "{says}: {text}");
        let (found, message) = text.trim_end().split_once(": ").unwrap();
        assert!(found == field && message.contains(says), "{field}: {says}\nis not\n{text}");
    }
}

#[test]
fn the_fields_of_the_output_fit_together() {
    let store = Store::new();
    for (text, on_nats, expected) in [
        (
            "framing = \"confluent\"",
            false,
            vec![
                "output.framing: needs `encoding = \"avro\"`: JSON names no schema",
                "output.framing: needs the section [registry], where the ids are",
            ],
        ),
        (
            "encoding = \"avro\"\nframing = \"header\"",
            true,
            vec![
                "output.framing: needs the section [registry], where the ids are",
                "output.framing: \"header\" is not for NATS, whose headers are text; \"confluent\" is",
            ],
        ),
        (
            "encoding = \"avro\"\ncloudevents = \"structured\"",
            false,
            vec!["output.cloudevents: \"structured\" needs `encoding = \"json\"`"],
        ),
        (
            "source = \"a b\"",
            false,
            vec![
                "output.source: is not a URI reference such as \"/payments/fraud\": no spaces, printable ASCII",
            ],
        ),
    ] {
        let mut config = store.config(&format!("[output]\n{text}"));
        if on_nats {
            config.binding = events::Binding::Nats;
        }
        assert_eq!(problems(config).lines().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn outcomes_and_types_belong_to_the_users_own_shape() {
    let store = Store::new();
    for section in [
        "outcome = { event = \"/id\", values = { late = \"/late\" } }",
        "type = { at = \"/type\", outcomes = [\"label\"] }",
    ] {
        let mut config = store.config(&format!("[input]\n{section}"));
        config.input.event = None;
        assert_eq!(
            problems(config),
            "input: `outcome` and `type` need `event`: they belong to the user's own shape\n"
        );
    }
}

#[test]
fn versions_of_other_outputs_cannot_stand_in_for_production() {
    let store = Store::new();
    let manifest = store.path().join("m/2/model.toml");
    let text = std::fs::read_to_string(&manifest).unwrap().replace("\"y\"", "\"z\"");
    std::fs::write(manifest, text).unwrap();
    let mut config = store.config("");
    config.experiments = vec![canary("2")];
    let text = problems(config);
    assert!(text.starts_with("model.m: ") && text.contains("\"2\""), "{text}");
}

#[test]
fn an_error_shows_all_problems() {
    let store = Store::new();
    let error = crate::Service::prepare(store.config("[batch]\nrecords = 0\nbytes = \"0 B\"")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`batch.records`: 0 is not in 1..=10000\n`batch.bytes`: must be more than 0"
    );
}

#[test]
fn lanes_groups_and_topics_have_their_names() {
    let store = Store::new();
    let service = store.service(
        "[input]\ntopic = \"flights\"\n[model]\nstore = \"m\"\nproduction = \"1\"\nshadows = [{ version = \"2\" }]",
    );
    let lanes: Vec<_> = service.lanes().get().into_iter().map(|(name, _)| name).collect();
    assert_eq!(lanes, ["production", "shadow 2"]);
    assert_eq!(service.groups(), ["serin", "serin.shadow.2"]);
    assert_eq!((&*service.topics().input, &*service.topics().dead_letters), ("flights", "flights.dlq"));
    let unproven: Vec<_> = service.unproven_models().collect();
    assert_eq!(unproven, ["1", "2"]);
}
