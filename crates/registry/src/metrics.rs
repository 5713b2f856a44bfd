//! The names of the client's metrics.

use std::sync::Once;

use metrics::{Unit, counter, describe_counter, describe_gauge};

pub(crate) const REQUESTS: &str = "serin_registry_requests_total";
pub(crate) const WAITING: &str = "serin_registry_waiting";

/// Describes the metrics, once a process.
pub fn describe() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        describe_counter!(
            REQUESTS,
            Unit::Count,
            "Requests to the schema registry, by result: answered, not_found, refused, unavailable."
        );
        describe_gauge!(WAITING, Unit::Count, "Lanes that wait for the schema registry to answer again.");
    });
}

/// A request has ended.
pub(crate) fn request(result: &'static str) {
    counter!(REQUESTS, "result" => result).increment(1);
}
