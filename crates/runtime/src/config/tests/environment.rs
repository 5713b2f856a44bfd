//! The environment over the file.

use super::*;

#[test]
fn the_environment_goes_before_the_file() {
    let written = read(
        WHOLE,
        &[
            ("SERIN__BROKER__URL", "nats://localhost"),
            ("SERIN__BROKER__ENCODING", "single-object"),
            ("SERIN__INPUT__TOPIC", "5"),
            ("SERIN__INPUT__TIMEOUT", "5s"),
            ("SERIN__INPUT__BATCH__RECORDS", "64"),
            ("SERIN__INPUT__BATCH__IDEMPOTENT", "false"),
            ("SERIN__ADMIN__ADDRESS", "[::1]:0"),
            ("SERIN__ARM", r#"[{ name = "control", weight = 10_000 }]"#),
            ("SERIN__MODEL__FRAUD", r#"{ production = "12" }"#),
            ("SERIN__MODEL__CHURN__PRODUCTION", "3"),
            ("SERIN__MODEL__CHURN__SHADOWS", r#"[{ version = "4", share = 1 }]"#),
            ("SERIN_LOG", "debug"),
            ("SERINE__X", "not ours"),
        ],
    )
    .unwrap();
    assert_eq!(written.broker.url, "nats://localhost");
    assert_eq!(written.broker.encoding, Encoding::SingleObject);
    assert_eq!(written.input.topic, "5", "digits are text where text is asked for");
    assert_eq!(written.input.timeout.as_micros(), 5_000_000);
    assert_eq!(written.input.batch, Batch { records: 64, idempotent: false });
    assert_eq!(written.admin.address.to_string(), "[::1]:0");
    assert_eq!(written.arm[0].weight, 10_000);
    assert_eq!(written.model["fraud"].production, "12");
    assert_eq!(written.model["churn"].shadows[0].share, Some(1.0));
}

#[test]
fn the_environment_can_hold_a_variant_with_content() {
    let written =
        read(WHOLE, &[("SERIN__BROKER__ENCODING", r#"{ confluent = { registry = "http://r" } }"#)]).unwrap();
    assert_eq!(written.broker.encoding, Encoding::Confluent { registry: "http://r".to_owned() });
}

#[test]
fn keys_of_a_users_own_are_reached_whatever_their_spelling() {
    let text = format!("{WHOLE}[model.Card-Fraud]\nproduction = \"1\"\n");
    let written = read(&text, &[("SERIN__MODEL__CARD_FRAUD__PRODUCTION", "2")]).unwrap();
    assert_eq!(written.model.len(), 1);
    assert_eq!(written.model["Card-Fraud"].production, "2");
}

#[test]
fn faults_in_the_environment_name_the_variable() {
    check_faults(
        WHOLE,
        &[
            ("SERIN__BROKER__ULR", "x"),
            ("SERIN__BROKER__ZONE", "x"),
            ("SERIN__BROKR__URL", "x"),
            ("SERIN__INPUT__BATCH__RECORDS", "many"),
            ("SERIN__INPUT__BATCH__IDEMPOTENT", "1"),
            ("SERIN__ARM", "control"),
        ],
        &[
            "SERIN__ARM: `arm`: expected an array, found text",
            "SERIN__BROKER__ULR: `broker.ulr`: unknown field; did you mean `url`?",
            "SERIN__BROKER__ZONE: `broker.zone`: unknown field; there are `url`, `password`, `encoding`",
            "SERIN__BROKR__URL: `brokr`: unknown field; did you mean `broker`?",
            "SERIN__INPUT__BATCH__IDEMPOTENT: `input.batch.idempotent`: expected true or false, found 1",
            "SERIN__INPUT__BATCH__RECORDS: `input.batch.records`: \
             expected a whole number from 0 to 65535, found \"many\"",
        ],
    );
    check_faults(
        WHOLE,
        &[
            ("SERIN__", "x"),
            ("SERIN__BROKER__URL__HOST", "x"),
            ("SERIN__INPUT____TOPIC", "x"),
            ("SERIN__MODEL", "{}"),
            ("SERIN__MODEL__FRAUD", "{}"),
        ],
        &[
            "SERIN__: names no field; write it as SERIN__SECTION__FIELD",
            "SERIN__BROKER__URL__HOST: `broker.url` is not a table",
            "SERIN__INPUT____TOPIC: names no field; write it as SERIN__SECTION__FIELD",
            "SERIN__MODEL__FRAUD: SERIN__MODEL sets all of it already; keep one of the two",
        ],
    );
}
