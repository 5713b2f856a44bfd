//! The `[registry]` section: where the schema registry is, and who we are there.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use runtime::config::{Duration, Secret};
use serde::Deserialize;

use crate::subject::SubjectStrategy;

/// `[registry]`: a schema registry that speaks Confluent's REST API. Without the section no registry is asked.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// Where it is, such as `https://registry:8081`; several servers of one registry with commas between them, which
    /// are tried in turn. The path counts: Apicurio's is `http://registry:8080/apis/ccompat/v7`.
    pub url: String,
    /// The user of basic authentication; needs `password`.
    pub username: Option<String>,
    /// The password of `username`: text, `{ file = "…" }` or `{ env = "…" }`. A file is read at every request, so
    /// that a new password is found.
    pub password: Option<Secret>,
    /// A bearer token in place of `username` and `password`, found as `password` is.
    pub token: Option<Secret>,
    /// The certificates that servers are trusted by, a PEM file relative to the configuration. Default: those that
    /// browsers trust.
    pub ca: Option<PathBuf>,
    /// How long one request may take, 1 ms to 60 s. Default 5 s. While it takes that long nothing else is read by the
    /// lane that asked.
    #[serde(default = "Config::default_timeout")]
    pub timeout: Duration,
    /// The longest pause between two tries while the registry is away, 10 ms to 5 m. Pauses begin at a tenth of a
    /// second and double. Default 30 s: a registry that comes back is found within that time.
    #[serde(default = "Config::default_retry")]
    pub retry: Duration,
    /// How the subjects of our own schemas are named: `topic_name`, `record_name` or `topic_record_name`. Reading
    /// needs no subjects. Default `topic_name`.
    #[serde(default)]
    pub subjects: SubjectStrategy,
}

impl Config {
    /// A registry at `url`, everything else as by default.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            username: None,
            password: None,
            token: None,
            ca: None,
            timeout: Self::default_timeout(),
            retry: Self::default_retry(),
            subjects: SubjectStrategy::default(),
        }
    }

    fn default_timeout() -> Duration {
        Duration::new(std::time::Duration::from_secs(5))
    }

    fn default_retry() -> Duration {
        Duration::new(std::time::Duration::from_secs(30))
    }

    /// The servers, without the slashes at their ends.
    pub(crate) fn urls(&self) -> impl Iterator<Item = &str> {
        self.url.split(',').map(|url| url.trim().trim_end_matches('/')).filter(|url| !url.is_empty())
    }

    /// All that is wrong with the section: fields and messages.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let mut problem =
            |field: &str, message: String| problems.push((format!("registry.{field}"), message));
        if self.urls().next().is_none() {
            problem("url", "is empty; \"http://localhost:8081\" is one".into());
        }
        for url in self.urls() {
            if let Some(message) = wrong_with(url) {
                problem("url", message);
            }
        }
        match (&self.username, &self.password, &self.token) {
            (Some(_), None, _) => problem("username", "needs `password`".into()),
            (None, Some(_), _) => problem("password", "needs `username`".into()),
            (Some(_), Some(_), Some(_)) => {
                problem("token", "either `token` or `username` and `password`, not both".into());
            }
            _ => {}
        }
        if self.username.as_ref().is_some_and(|name| name.contains(':')) {
            problem("username", "basic authentication allows no colon in it".into());
        }
        let ranges = [("timeout", self.timeout, 1, 60_000), ("retry", self.retry, 10, 300_000)];
        for (field, duration, least, most) in ranges {
            let [least, most] =
                [least, most].map(|millis| Duration::new(std::time::Duration::from_millis(millis)));
            if !(least..=most).contains(&duration) {
                problem(field, format!("{duration} is not in {least}..={most}"));
            }
        }
        problems
    }
}

/// What is wrong with the address of a server. What it holds before an `@` is never shown.
fn wrong_with(url: &str) -> Option<String> {
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        return Some("each address begins with \"http://\" or \"https://\"".into());
    };
    let host = rest.split('/').next().unwrap_or_default();
    if host.contains('@') {
        return Some("belongs without a user and a password; see `username` and `password`".into());
    }
    if host.is_empty() || rest.contains(['?', '#', ' ']) {
        return Some(format!("\"{url}\" is not an address such as \"http://localhost:8081\""));
    }
    None
}
