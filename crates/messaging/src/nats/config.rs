//! The `[broker.nats]` section: what only NATS JetStream has.

use serde::Deserialize;

/// The `[broker.nats]` section as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {}

impl Settings {
    #[expect(clippy::unused_self, reason = "there is nothing to be wrong yet")]
    pub(crate) fn problems(&self, _problems: &mut Vec<String>) {}
}
