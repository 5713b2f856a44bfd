//! Requests and answers, one at a time, on the thread that asks.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use runtime::config::Secret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::tls::{PemItem, RootCerts, TlsConfig};
use ureq::{Agent, Body};

use crate::config::Config;
use crate::error::Error;
use crate::metrics;

/// The largest answer, in bytes; a schema has some kilobytes.
const ANSWER_BYTES_MAX: u64 = 4 << 20;
/// The most characters of a message of the registry that are shown.
const MESSAGE_MAX: usize = 300;
/// What the API speaks; some servers refuse anything else.
const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";

// Codes of the API.
const NO_SUBJECT: u32 = 40_401;
const NO_VERSION: u32 = 40_402;
const NO_SCHEMA: u32 = 40_403;

/// The servers of a registry.
pub(crate) struct Http {
    agent: Agent,
    urls: Vec<String>,
    login: Login,
    environment: BTreeMap<String, String>,
}

enum Login {
    None,
    Basic(String, Secret),
    Bearer(Secret),
}

/// The registry understood, and said no.
#[derive(Debug, Deserialize)]
pub(crate) struct No {
    #[serde(rename = "error_code")]
    pub(crate) code: u32,
    #[serde(default)]
    pub(crate) message: String,
}

impl No {
    /// Whether what was asked for is not there. A code of five digits is the registry's own; a plain 404 comes as
    /// well from any server that knows nothing of schemas.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self.code, NO_SUBJECT | NO_VERSION | NO_SCHEMA)
    }

    /// Whether there is nothing at all under the subject.
    pub(crate) fn is_without_subject(&self) -> bool {
        self.code == NO_SUBJECT
    }
}

impl Http {
    pub(crate) fn new(
        config: &Config,
        base: &Path,
        environment: BTreeMap<String, String>,
    ) -> Result<Self, (String, String)> {
        let mut tls = TlsConfig::builder();
        if let Some(ca) = &config.ca {
            let path = base.join(ca);
            let roots =
                roots(&path).map_err(|why| ("registry.ca".into(), format!("{}: {why}", path.display())))?;
            tls = tls.root_certs(roots);
        }
        let agent = Agent::config_builder()
            .tls_config(tls.build())
            .timeout_global(Some(config.timeout.get()))
            .http_status_as_error(false)
            // Where else would it send us, and our password?
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("serin/", env!("CARGO_PKG_VERSION")))
            .accept(MEDIA_TYPE)
            .build()
            .new_agent();
        let login = match (&config.username, &config.password, &config.token) {
            (Some(name), Some(password), _) => Login::Basic(name.clone(), password.clone()),
            (_, _, Some(token)) => Login::Bearer(token.clone()),
            _ => Login::None,
        };
        Ok(Self { agent, urls: config.urls().map(ToOwned::to_owned).collect(), login, environment })
    }

    /// Asks one server after the other for `path`, by POST where there is something to send, until one answers.
    pub(crate) fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        send: Option<&serde_json::Value>,
    ) -> Result<Result<T, No>, Error> {
        let mut problems = Vec::new();
        for url in &self.urls {
            let answered = self.request(url, path, send).and_then(|answer| answer.read(url, path));
            metrics::request(match &answered {
                Ok(Ok(_)) => "answered",
                Ok(Err(no)) if no.is_absent() => "not_found",
                Err(Error::Unavailable { .. }) => "unavailable",
                Ok(Err(_)) | Err(_) => "refused",
            });
            match answered {
                Err(Error::Unavailable { problem }) => problems.push(problem),
                answered => return answered,
            }
        }
        Err(Error::Unavailable { problem: problems.join("; ") })
    }

    fn request(&self, url: &str, path: &str, send: Option<&serde_json::Value>) -> Result<Answer, Error> {
        let address = format!("{url}{path}");
        let login = self.authorization()?;
        let sent = match send {
            None => {
                let request = self.agent.get(&address);
                match login {
                    Some(login) => request.header("authorization", login).call(),
                    None => request.call(),
                }
            }
            Some(body) => {
                let request = self.agent.post(&address).header("content-type", MEDIA_TYPE);
                let request = match login {
                    Some(login) => request.header("authorization", login),
                    None => request,
                };
                request.send(body.to_string())
            }
        };
        let unavailable = |error: ureq::Error| Error::Unavailable { problem: format!("{url}: {error}") };
        let mut response = sent.map_err(unavailable)?;
        let status = response.status().as_u16();
        Ok(Answer { status, body: read(response.body_mut()).map_err(unavailable)? })
    }

    /// What the header `authorization` holds. Found anew each time, so that a rotated secret is used.
    fn authorization(&self) -> Result<Option<String>, Error> {
        Ok(match &self.login {
            Login::None => None,
            Login::Basic(name, password) => {
                let pair = format!("{name}:{}", password.reveal(&self.environment)?);
                Some(format!("Basic {}", STANDARD.encode(pair)))
            }
            Login::Bearer(token) => Some(format!("Bearer {}", token.reveal(&self.environment)?)),
        })
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").field("urls", &self.urls).finish_non_exhaustive()
    }
}

struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Answer {
    fn read<T: DeserializeOwned>(&self, url: &str, path: &str) -> Result<Result<T, No>, Error> {
        let unavailable =
            |what: &str| Error::Unavailable { problem: format!("{url}{path}: {what}: {}", self.shown()) };
        let status = self.status;
        match status {
            200..=299 => serde_json::from_slice(&self.body)
                .map(Ok)
                .map_err(|_| unavailable("the answer is not of a schema registry")),
            401 | 403 => Err(Error::Unauthorized { url: url.into(), status, message: self.shown() }),
            400 | 404 | 405 | 409 | 422 => match serde_json::from_slice::<No>(&self.body) {
                Ok(no) if status != 404 || no.is_absent() => Ok(Err(no)),
                _ => Err(unavailable(&format!("status {status}, and not as a schema registry says it"))),
            },
            _ => Err(unavailable(&format!("status {status}"))),
        }
    }

    /// The answer as a message shows it: what the registry says in it, or its beginning.
    fn shown(&self) -> String {
        let said = serde_json::from_slice::<No>(&self.body).map(|no| no.message);
        let text = said.unwrap_or_else(|_| String::from_utf8_lossy(&self.body).into_owned());
        let text: String =
            text.chars().take(MESSAGE_MAX).map(|each| if each.is_control() { ' ' } else { each }).collect();
        if text.trim().is_empty() { "nothing".into() } else { text }
    }
}

fn read(body: &mut Body) -> Result<Vec<u8>, ureq::Error> {
    body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec()
}

/// The certificates in a PEM file.
fn roots(path: &Path) -> Result<RootCerts, String> {
    let text = std::fs::read(path).map_err(|error| error.to_string())?;
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(&text) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| error.to_string())? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err("has no certificate in it".into());
    }
    Ok(RootCerts::Specific(Arc::new(certificates)))
}
