//! How we introduce ourselves to a server.

use std::path::Path;

use async_nats::ConnectOptions;

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
    if let Some(path) = &settings.credentials_file {
        let credentials = secret(path)?;
        options = options.credentials(&credentials).map_err(Error::io(path.display().to_string()))?;
    }
    if let Some(path) = &settings.nkey_file {
        options = options.nkey(secret(path)?);
    }
    if let (Some(user), Some(path)) = (&settings.user, &settings.password_file) {
        options = options.user_and_password(user.clone(), secret(path)?);
    }
    if let Some(path) = &settings.token_file {
        options = options.token(secret(path)?);
    }
    if let Some(path) = &settings.ca_file {
        options = options.add_root_certificates(path.clone());
    }
    if let (Some(certificate), Some(key)) = (&settings.certificate_file, &settings.key_file) {
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    Ok(options)
}

fn secret(path: &Path) -> Result<String, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::io(path.display().to_string()))?;
    Ok(text.trim().to_owned())
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
    text
}
