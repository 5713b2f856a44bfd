//! How the tools reach the broker: as guests, so that they work beside `serin up` and without it.

use std::collections::BTreeMap;

use anyhow::Context;
use messaging::Broker;

use crate::cli::BrokerArguments;

/// What one read or write takes at once.
pub(crate) const LIMITS: messaging::Limits = messaging::Limits { records: 1_000, bytes: 8 << 20 };

/// The broker of the command line or the configuration.
pub(crate) async fn connect(
    arguments: &BrokerArguments,
    environment: &BTreeMap<String, String>,
) -> anyhow::Result<Broker> {
    let config = crate::config::broker(arguments, environment)?;
    Broker::connect(&config).await.with_context(|| format!("cannot reach {}", config.url))
}
