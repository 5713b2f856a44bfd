//! Secrets are read, and never shown.

use super::*;

#[test]
fn secrets_are_in_no_report() {
    for text in [
        "password = 8675309\n",
        "password = 8675309.5\n",
        "password = [\"8675309\"]\n",
        "password = { fiel = \"8675309\" }\n",
        "password = { text = \"8675309\", file = \"x\" }\n",
        "password = 8675309 # and no more\n",
        "password = 867-53-09\n",
        "password = 8675309x\n",
        "pasword = \"8675309\"\n",
        "password = \"8675309\"\nurl = 5\n",
    ] {
        let report = read(&format!("[broker]\n{text}"), &[]).unwrap_err();
        assert!(!format!("{report} {report:?}").contains("8675309"), "{text} gives {report}");
        assert!(!format!("{report} {report:?}").contains("867-53"), "{text} gives {report}");
    }
    let report = read("broker = \"8675309\"\ninput = \"8675309\"\nmodel = \"8675309\"", &[]).unwrap_err();
    assert!(!report.to_string().contains("8675309"), "{report}");
    let document =
        Document::parse(WHOLE, "serin.toml", &environment(&[("SERIN__BROKER__PASSWORD", "8675309")]));
    assert!(!format!("{document:?}").contains("8675309"), "{document:?}");
}

#[test]
fn secrets_are_text_whatever_they_look_like() {
    for text in ["8675309", "true", "1.5", "[x]", "2026-01-01", "{", "  spaced  "] {
        let variables = [("SERIN__BROKER__PASSWORD", text)];
        // A text with a brace at its front is read as a table where it is one, and else as it stands.
        let written = read(WHOLE, &variables).unwrap();
        assert_eq!(written.broker.password, Some(Secret::new(text)), "{text}");
        assert!(format!("{:?}", written.broker).contains("password: Some(***)"), "{text}");
    }
    let found = read(WHOLE, &[("SERIN__BROKER__PASSWORD", r#"{ env = "KAFKA_PASSWORD" }"#)]).unwrap();
    let secret = found.broker.password.unwrap();
    assert_eq!(secret.reveal(&environment(&[("KAFKA_PASSWORD", "hunter2")])).unwrap(), "hunter2");
}
