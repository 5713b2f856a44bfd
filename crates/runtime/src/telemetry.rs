//! What the process says of itself: a log on standard error and metrics for Prometheus.

mod logging;
mod metrics;

pub use logging::{Level, LogFormat, Logging, LoggingError, install_logging};
pub use metrics::{LATENCY_BUCKETS, Metrics, MetricsError, RECORDS_BUCKETS, install_metrics};
