use std::fs;

use super::*;

#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    password: Secret,
}

fn secret(json: &str) -> Secret {
    let holder: Holder = serde_json::from_str(&format!("{{\"password\": {json}}}")).unwrap();
    holder.password
}

#[test]
fn secrets_are_shown_as_stars_only() {
    for json in ["\"hunter2\"", "{\"file\": \"hunter2\"}", "{\"env\": \"hunter2\"}"] {
        let holder = Holder { password: secret(json) };
        let shown = format!("{holder:?} {} {}", holder.password, serde_json::to_string(&holder).unwrap());
        assert_eq!(shown, "Holder { password: *** } *** {\"password\":\"***\"}", "{json}");
    }
}

#[test]
fn secrets_come_from_text_variable_and_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    let environment = BTreeMap::from([("PASSWORD".to_owned(), "from variable".to_owned())]);
    let from_file = secret(&format!("{{\"file\": {path:?}}}"));
    for (content, expected) in
        [("hunter2", "hunter2"), ("hunter2\n", "hunter2"), ("a\r\n", "a"), ("a\n\n", "a\n")]
    {
        fs::write(&path, content).unwrap();
        assert_eq!(from_file.reveal(&environment).unwrap(), expected, "{content:?}");
    }
    assert_eq!(secret("\"from text\"").reveal(&environment).unwrap(), "from text");
    assert_eq!(secret("{\"env\": \"PASSWORD\"}").reveal(&environment).unwrap(), "from variable");
}

#[test]
fn what_holds_no_secret_says_where_it_should_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    let from_file = Secret(Source::File(path.clone()));
    let place = path.display();
    let reveal = || from_file.reveal(&BTreeMap::new()).unwrap_err().to_string();
    assert_eq!(reveal(), format!("the secret in file `{place}` cannot be read"));
    fs::write(&path, "\n").unwrap();
    assert_eq!(reveal(), format!("the secret in file `{place}` is empty"));
    fs::write(&path, vec![b'x'; 64 * 1024 + 1]).unwrap();
    assert_eq!(reveal(), format!("the secret in file `{place}` is larger than 65536 bytes"));
    for environment in [BTreeMap::new(), BTreeMap::from([("PASSWORD".to_owned(), String::new())])] {
        let error = secret("{\"env\": \"PASSWORD\"}").reveal(&environment).unwrap_err();
        assert_eq!(error.to_string(), "the secret in the environment variable `PASSWORD` is not set");
    }
}

#[test]
fn what_is_no_secret_is_refused_without_being_quoted() {
    for json in [
        "8675309",
        "-8675309",
        "8675309.5",
        "true",
        "[8675309]",
        "{\"file\": \"a\", \"env\": \"8675309\"}",
        "\"\"",
    ] {
        let error =
            serde_json::from_str::<Holder>(&format!("{{\"password\": {json}}}")).unwrap_err().to_string();
        assert!(!error.contains("8675309"), "{json} gives {error}");
    }
}
