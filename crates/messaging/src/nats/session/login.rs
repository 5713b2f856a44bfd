//! How we introduce ourselves to a server.

use async_nats::ConnectOptions;
use runtime::config::Secret;

use crate::error::Error;
use crate::nats::config::Settings;

/// How many messages of one lane or reader may wait in memory. Never reached: they ask for fewer.
const SUBSCRIPTION_CAPACITY: usize = 256 << 10;
/// How many commands may wait for the socket before a writer has to.
const CLIENT_CAPACITY: usize = 4 << 10;

/// Returns what to connect with. Reads the files of the section.
pub(super) fn options(settings: &Settings, servers: &str) -> Result<ConnectOptions, Error> {
    let mut options = ConnectOptions::new()
        .name("serin")
        .subscription_capacity(SUBSCRIPTION_CAPACITY)
        .client_capacity(CLIENT_CAPACITY)
        // Our own patience ends it.
        .max_reconnects(None)
        .skip_subject_validation(true)
        .require_tls(settings.require_tls || servers.starts_with("tls://"));
    if let Some(credentials) = &settings.credentials {
        options = options.credentials(&reveal(credentials, "credentials")?).map_err(|_unusable| {
            fault("`nats.credentials`: it is not a JWT and a seed, as `nsc` writes them".to_owned())
        })?;
    }
    if let Some(seed) = &settings.nkey {
        options = options.nkey(reveal(seed, "nkey")?);
    }
    if let (Some(user), Some(password)) = (&settings.user, &settings.password) {
        options = options.user_and_password(user.clone(), reveal(password, "password")?);
    }
    if let Some(token) = &settings.token {
        options = options.token(reveal(token, "token")?);
    }
    if let Some(path) = &settings.ca_file {
        options = options.add_root_certificates(path.clone());
    }
    if let (Some(certificate), Some(key)) = (&settings.certificate_file, &settings.key_file) {
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    Ok(options)
}

fn reveal(secret: &Secret, field: &str) -> Result<String, Error> {
    let revealed = secret.reveal(&std::env::vars().collect());
    revealed.map(|text| text.trim().to_owned()).map_err(|error| fault(format!("`nats.{field}`: {error}")))
}

fn fault(problem: String) -> Error {
    Error::Config { problems: vec![problem] }
}

/// Returns servers as they may be shown: a URL may have a password.
pub(super) fn without_user(servers: &str) -> String {
    let without = |server: &str| match (server.split_once("://"), server.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        _ => server.to_owned(),
    };
    servers.split(',').map(without).collect::<Vec<_>>().join(",")
}

/// Returns an error with its causes, which the client keeps to itself.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    // What rustls says to a server that answers in plain text.
    if text.contains("InvalidContentType") { format!("{text}; does the server speak TLS?") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_urls_are_not_shown() {
        let rows = [
            ("nats://a:4222", "nats://a:4222"),
            ("nats://me:secret@a:4222,you:secret@b", "nats://a:4222,b"),
            ("tls://secret@a,b:4222", "tls://a,b:4222"),
        ];
        for (servers, expected) in rows {
            assert_eq!(without_user(servers), expected);
        }
    }
}
