//! The names of what is measured, each described once.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Seconds that one commit of the log took: writing, syncing and publishing. Several appends and lane
/// commits share one.
pub const COMMIT_SECONDS: &str = "serin_log_commit_seconds";
/// Records appended; label `topic`.
pub const APPENDED_RECORDS: &str = "serin_log_appended_records_total";
/// Bytes kept, as retention counts them; label `topic`.
pub const RETAINED_BYTES: &str = "serin_log_retained_bytes";
/// Records deleted by retention; label `topic`.
pub const EXPIRED_RECORDS: &str = "serin_log_expired_records_total";
/// Records that expired before a lane or reader came to them; label `topic`.
pub const LOST_RECORDS: &str = "serin_log_lost_records_total";
/// Records between a group's committed position and the end; labels `group` and `topic`.
pub const LAG_RECORDS: &str = "serin_log_lag_records";
/// Lane commits that were refused because their partitions had gone to another lane; label `group`.
pub const REVOKED_COMMITS: &str = "serin_log_revoked_commits_total";
/// Lane commits that failed for now, so that their records are taken again; label `group`.
pub const ABORTED_COMMITS: &str = "serin_log_aborted_commits_total";
/// Peers of the socket that were dropped for sending what is no request.
pub const DROPPED_PEERS: &str = "serin_log_dropped_peers_total";

/// Tells the recorder what each metric is; call it once, after the recorder is installed.
pub fn describe() {
    describe_histogram!(COMMIT_SECONDS, Unit::Seconds, "Time that one commit of the log took");
    describe_counter!(APPENDED_RECORDS, Unit::Count, "Records appended to the log");
    describe_gauge!(RETAINED_BYTES, Unit::Bytes, "Bytes that the log keeps");
    describe_counter!(EXPIRED_RECORDS, Unit::Count, "Records deleted by retention");
    describe_counter!(LOST_RECORDS, Unit::Count, "Records that expired before they were read");
    describe_gauge!(LAG_RECORDS, Unit::Count, "Records between a group's committed position and the end");
    describe_counter!(REVOKED_COMMITS, Unit::Count, "Lane commits refused after a rebalance");
    describe_counter!(ABORTED_COMMITS, Unit::Count, "Lane commits that failed and were made again");
    describe_counter!(DROPPED_PEERS, Unit::Count, "Socket peers dropped for breaking the protocol");
}
