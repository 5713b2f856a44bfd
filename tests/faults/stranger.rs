//! Producers that are not ours, and write what ours would not.

pub(crate) mod kafka;
pub(crate) mod nats;
