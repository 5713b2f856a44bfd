//! The metrics: recorded through the `metrics` macros everywhere, rendered as Prometheus text here.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::clock::Clock;
use crate::shutdown::Shutdown;

/// Upper bounds, in seconds, of every histogram whose name ends in `_seconds`: from a tenth of a millisecond,
/// within which a batch is scored, to ten seconds, after which an event is late by anybody's measure.
pub const LATENCY_BUCKETS: [f64; 16] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Upper bounds of every histogram whose name ends in `_records`: batch sizes, in powers of four up to 65,536.
pub const RECORDS_BUCKETS: [f64; 9] = [1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0];

/// How often samples are folded into their buckets; between two rounds they pile up, one `f64` each.
const UPKEEP: Duration = Duration::from_secs(5);

/// The metrics of this process; clones show the same.
#[derive(Clone, Debug)]
pub struct Metrics {
    handle: PrometheusHandle,
}

/// Why there are no metrics.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The process already records its metrics elsewhere.
    #[error("the process already records its metrics elsewhere")]
    Taken,
    /// The exporter refuses its settings.
    #[error("the exporter of metrics refuses its settings")]
    Settings(#[from] BuildError),
}

/// Starts recording the metrics of this process, for [`Metrics::render`]; opens no port.
///
/// Records at once `serin_build_info{version}` (always 1) and `process_start_time_seconds`. Whoever installs them
/// runs [`Metrics::keep_up`] too; [`Admin::start`](crate::Admin::start) does. A second call returns the same
/// metrics, so that tests and services in one process share them.
///
/// # Errors
///
/// When somebody else has installed a recorder.
pub fn install_metrics(version: &str, clock: &Clock) -> Result<Metrics, MetricsError> {
    static INSTALLED: Mutex<Option<Metrics>> = Mutex::new(None);
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(metrics) = &*installed {
        return Ok(metrics.clone());
    }
    let recorder = builder()?.build_recorder();
    let metrics = Metrics { handle: recorder.handle() };
    metrics::set_global_recorder(recorder).map_err(|_| MetricsError::Taken)?;
    introduce(version, clock);
    *installed = Some(metrics.clone());
    Ok(metrics)
}

impl Metrics {
    /// All metrics as text in Prometheus' exposition format, version 0.0.4.
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Folds recorded samples into their buckets until `shutdown`, so that memory stays bounded though nobody
    /// scrapes.
    pub async fn keep_up(self, shutdown: Shutdown) {
        let mut ticks = tokio::time::interval(UPKEEP);
        loop {
            tokio::select! {
                _ = ticks.tick() => self.handle.run_upkeep(),
                () = shutdown.requested() => return,
            }
        }
    }
}

/// Every histogram of the house ends in `_seconds` or `_records`; any other would show as a summary, whose
/// quantiles cannot be added up over processes.
fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &LATENCY_BUCKETS)?
        .set_buckets_for_metric(Matcher::Suffix("_records".to_owned()), &RECORDS_BUCKETS)
}

fn introduce(version: &str, clock: &Clock) {
    metrics::describe_gauge!("serin_build_info", "Always 1; the label says which version runs.");
    metrics::gauge!("serin_build_info", "version" => version.to_owned()).set(1.0);
    metrics::describe_gauge!(
        "process_start_time_seconds",
        "When the process started, in seconds since 1970."
    );
    let started =
        Duration::from_micros(u64::try_from(clock.now_micros()).unwrap_or(0)).saturating_sub(clock.elapsed());
    metrics::gauge!("process_start_time_seconds").set(started.as_secs_f64());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installing_twice_gives_the_same_metrics() {
        let first = install_metrics("1.2.3", &Clock::System).unwrap();
        let second = install_metrics("9.9.9", &Clock::System).unwrap();
        metrics::counter!("serin_test_events_total", "role" => "shadow").increment(3);
        for text in [first.render(), second.render()] {
            assert!(text.contains("serin_build_info{version=\"1.2.3\"} 1\n"), "{text}");
            assert!(text.contains("serin_test_events_total{role=\"shadow\"} 3\n"), "{text}");
            assert!(text.contains("# TYPE process_start_time_seconds gauge\n"), "{text}");
            assert!(!text.contains("9.9.9"), "{text}");
        }
    }

    #[test]
    fn histograms_have_the_buckets_of_their_unit() {
        let recorder = builder().unwrap().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            metrics::histogram!("serin_score_seconds").record(0.0003);
            metrics::histogram!("serin_batch_records").record(512.0);
        });
        let text = handle.render();
        for line in [
            "serin_score_seconds_bucket{le=\"0.00025\"} 0",
            "serin_score_seconds_bucket{le=\"0.0005\"} 1",
            "serin_score_seconds_bucket{le=\"10\"} 1",
            "serin_score_seconds_bucket{le=\"+Inf\"} 1",
            "serin_score_seconds_count 1",
            "serin_batch_records_bucket{le=\"256\"} 0",
            "serin_batch_records_bucket{le=\"1024\"} 1",
            "serin_batch_records_sum 512",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn buckets_grow() {
        assert!(LATENCY_BUCKETS.is_sorted_by(|a, b| a < b) && RECORDS_BUCKETS.is_sorted_by(|a, b| a < b));
    }

    #[tokio::test]
    async fn upkeep_ends_with_the_process() {
        let metrics = install_metrics("1.2.3", &Clock::System).unwrap();
        let shutdown = Shutdown::new();
        let upkeep = tokio::spawn(metrics.keep_up(shutdown.clone()));
        shutdown.request();
        upkeep.await.unwrap();
    }
}
