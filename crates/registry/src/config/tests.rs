use super::*;

fn problems(text: &str) -> Vec<String> {
    let config: Config = toml::from_str(text).unwrap();
    config.problems().into_iter().map(|(field, message)| format!("{field}: {message}")).collect()
}

#[test]
fn a_registry_may_have_several_servers() {
    let config = Config::new("http://a:8081/, https://b/apis/ccompat/v7 ,");
    assert_eq!(config.urls().collect::<Vec<_>>(), ["http://a:8081", "https://b/apis/ccompat/v7"]);
    assert!(config.problems().is_empty());
}

#[test]
fn all_faults_are_found_and_no_secret_is_shown() {
    let found = problems(
        "url = \"ftp://a, http://me:hush@b, http:///a, http://c?d\"\nusername = \"a:b\"\ntimeout = \"0ms\"\nretry = \"6m\"",
    );
    let expected = [
        "registry.url: each address begins with \"http://\" or \"https://\"",
        "registry.url: belongs without a user and a password; see `username` and `password`",
        "registry.url: \"http:///a\" is not an address such as \"http://localhost:8081\"",
        "registry.url: \"http://c?d\" is not an address such as \"http://localhost:8081\"",
        "registry.username: needs `password`",
        "registry.username: basic authentication allows no colon in it",
        "registry.timeout: 0us is not in 1ms..=1m",
        "registry.retry: 6m is not in 10ms..=5m",
    ];
    assert_eq!(found, expected);
    for (text, expected) in [
        ("url = \"\"", "registry.url: is empty; \"http://localhost:8081\" is one"),
        ("url = \"http://a\"\npassword = \"x\"", "registry.password: needs `username`"),
        (
            "url = \"http://a\"\nusername = \"u\"\npassword = \"x\"\ntoken = \"t\"",
            "registry.token: either `token` or `username` and `password`, not both",
        ),
    ] {
        assert_eq!(problems(text), [expected]);
    }
}
