use super::*;
use crate::Question;
use crate::testing::{experiment, metric};

fn shadow_metric(of: &str, better: &str) -> Result<ShadowMetric, String> {
    let json = serde_json::json!({ "name": "loss", "of": of, "attribution": "2d", "better": better });
    serde_json::from_value(json).map_err(|error| error.to_string())
}

#[test]
fn a_shadow_metric_is_read_or_refused_with_a_reason() {
    let metric = shadow_metric("brier(prediction.p, outcome.y)", "lower").unwrap();
    assert_eq!((metric.of.prediction(), metric.of.outcome()), (Some("p"), Some("y")));
    assert_eq!((metric.better, metric.attribution.as_micros()), (Better::Lower, 2 * 86_400_000_000));
    for (of, better, says) in [
        (
            "brier(prediction.p, outcome.y)",
            "upwards",
            "unknown variant `upwards`, expected `higher` or `lower`",
        ),
        ("brier(prediction.p)", "lower", "brier(prediction.p)"),
        ("p", "lower", "p"),
    ] {
        let error = shadow_metric(of, better).unwrap_err();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn everything_has_a_default() {
    let config: Config = serde_json::from_str("{}").unwrap();
    assert_eq!((config.max_events, config.grace.as_micros()), (5_000_000, 3_600_000_000));
    assert_eq!(config.interval.as_micros(), 10_000_000);
    let outcomes: OutcomesConfig = serde_json::from_str("{}").unwrap();
    assert_eq!((outcomes.topic.as_str(), outcomes.max_payload.bytes()), ("outcomes", 1 << 20));
}

#[test]
fn shadow_metrics_of_the_configuration_go_before_those_of_experiments() {
    let brier = metric("Brier", "ratio", "brier(prediction.p, outcome.y)", "attribution = \"100s\"");
    let experiments = vec![experiment(&["control", "treatment"], &brier)];
    let shadow_metric = vec![shadow_metric("log_loss(prediction.p, outcome.y)", "lower").unwrap()];
    let config = Config { shadow_metric, ..Config::default() };
    for (config, name) in [(config, "loss"), (Config::default(), "Brier")] {
        let question = Question::new(experiments.clone(), &config);
        let names: Vec<_> = question.shadow_metrics.iter().map(|metric| metric.name.as_str()).collect();
        assert_eq!(names, [name]);
    }
}
