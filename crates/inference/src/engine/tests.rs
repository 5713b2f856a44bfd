use std::collections::BTreeMap;
use std::sync::Mutex;

use events::Timestamp;
use metrics::atomics::AtomicU64;
use metrics::{Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

use super::*;
use crate::router::experiment_route;
use crate::shadow::Shadow;
use crate::testing::{HANGS, INFINITE, NAN, PANICS, canary, event, faulty, renamed, sound, stranger, three};

fn deployment(experiments: &[Experiment]) -> Deployment {
    Deployment {
        model: "m".into(),
        revision: 7,
        created_at: Timestamp::default(),
        production: "1".into(),
        shadows: Vec::new(),
        experiments: experiments.iter().map(experiment_route).collect(),
    }
}

fn engine(models: &[Arc<Model>]) -> Engine {
    let experiments = [canary(), three()];
    Engine::new(&deployment(&experiments), "user", models, &experiments).unwrap()
}

/// A result as a line: role, served version, assigned version where it differs, fallback, output.
fn line(result: &Result<Scored, ScoreError>) -> String {
    let scored = match result {
        Ok(scored) => scored,
        Err(error) => return error.to_string(),
    };
    let mut line = format!("{} {}", scored.role.as_str(), scored.version);
    if scored.version != scored.assigned_version {
        line += &format!(" for {}", scored.assigned_version);
    }
    if let Some(fallback) = scored.fallback {
        line += &format!(" after {}", fallback.as_str());
    }
    line + &format!(": {}", scored.outputs.get("y").unwrap())
}

fn score(engine: &mut Engine, events: &[FeatureEvent]) -> Vec<String> {
    let mut results = Vec::new();
    engine.score(events, &mut results);
    results.iter().map(line).collect()
}

#[test]
fn a_prediction_says_how_it_came_about() {
    let mut engine = engine(&[sound("1"), sound("2"), sound("3")]);
    let mut results = Vec::new();
    engine.score(&[event("a", 1.0), event("b", 2.0)], &mut results);
    let outputs = |y: f64| Outputs::new(Arc::new(["y".into()]), &[y]);
    let canary = Scored {
        role: Role::Canary,
        version: "2".into(),
        assigned_version: "2".into(),
        experiment: Some("canary".into()),
        variant: Some("canary".into()),
        bucket: Some(6_091),
        propensity: Some(0.125),
        revision: 7,
        outputs: outputs(1.5),
        fallback: None,
    };
    let production = Scored {
        role: Role::Production,
        version: "1".into(),
        assigned_version: "1".into(),
        experiment: None,
        variant: None,
        bucket: None,
        propensity: None,
        outputs: outputs(2.5),
        ..canary
    };
    assert_eq!(results, [Ok(canary), Ok(production)]);
}

#[test]
fn each_event_is_answered_by_its_version_in_order() {
    let mut engine = engine(&[sound("3"), sound("9"), sound("2"), sound("1")]);
    let users = ["d", "b", "a", "h", "f", "a", "k", "e"];
    let events: Vec<_> = users.iter().zip(1_u8..).map(|(user, x)| event(user, f64::from(x))).collect();
    let expected = [
        "variant 3: 1.5",
        "production 1: 2.5",
        "canary 2: 3.5",
        "variant 2: 4.5",
        "production 1: 5.5",
        "canary 2: 6.5",
        "production 1: 7.5",
        "variant 3: 8.5",
    ];
    assert_eq!(score(&mut engine, &events), expected);
    // Nothing of one batch is left for the next one.
    assert_eq!(score(&mut engine, &[]), [""; 0]);
    assert_eq!(score(&mut engine, &events[2..4]), expected[2..4]);
}

#[test]
fn production_answers_for_a_candidate_that_fails() {
    let mut engine = engine(&[sound("1"), faulty("2"), sound("3")]);
    let missing = FeatureEvent { features: events::Fields::default(), ..event("a", 0.0) };
    let events = [
        event("a", 1.0),
        event("i", PANICS),
        event("b", 2.0),
        event("a", NAN),
        event("h", INFINITE),
        missing,
        event("i", 3.0),
    ];
    let expected = [
        "canary 2: 1.5",
        "canary 1 for 2 after panic: 1001.5",
        "production 1: 2.5",
        "canary 1 for 2 after not_finite: 1002.5",
        "variant 1 for 2 after not_finite: 1003.5",
        // Production cannot answer either, and the error is its own.
        "feature `x` is missing, and the model has nothing that stands in for it",
        "canary 2: 3.5",
    ];
    assert_eq!(score(&mut engine, &events), expected);
    // The arm is still the one that was drawn.
    let mut results = Vec::new();
    engine.score(&events[1..2], &mut results);
    let scored = results.remove(0).unwrap();
    assert_eq!((scored.experiment.as_deref(), scored.variant.as_deref()), (Some("canary"), Some("canary")));
    assert_eq!((scored.bucket, scored.propensity), (Some(6_124), Some(0.125)));
}

#[test]
fn what_production_fails_on_fails_alone() {
    let mut engine = engine(&[faulty("1"), faulty("2"), sound("3")]);
    let events = [
        event("b", 1.0),
        event("b", PANICS),
        event("a", PANICS),
        event("j", NAN),
        event("d", PANICS),
        event("k", 2.0),
    ];
    let expected = [
        "production 1: 1.5",
        "the model panicked: cannot stand 1001",
        "the model panicked: cannot stand 1001",
        "output `y` is `NaN`, not a finite number",
        "variant 3: 1001.5",
        "production 1: 2.5",
    ];
    assert_eq!(score(&mut engine, &events), expected);
}

#[test]
fn an_aa_experiment_is_served_by_one_version() {
    let mut deployment = deployment(&[canary()]);
    deployment.production = "2".into();
    // The control runs version 1, the canary what production runs.
    let mut engine = Engine::new(&deployment, "user", &[sound("1"), sound("2")], &[canary()]).unwrap();
    assert_eq!(engine.production().version(), &"2".into());
    let expected = ["production 1: 1.5", "canary 2: 2.5", "production 2: 3.5"];
    assert_eq!(score(&mut engine, &[event("k", 1.0), event("a", 2.0), event("b", 3.0)]), expected);
}

#[test]
fn the_deployment_says_how_many_take_part() {
    let mut deployment = deployment(&[canary()]);
    deployment.experiments[0].coverage = 10_000;
    let mut engine = Engine::new(&deployment, "user", &[sound("1"), sound("2")], &[canary()]).unwrap();
    // b and j are in the layer's part, and covered now: their buckets are below 5,000.
    let mut results = Vec::new();
    engine.score(&[event("b", 1.0), event("j", 1.0), event("a", 1.0)], &mut results);
    let arms: Vec<_> = results.iter().map(|result| result.as_ref().unwrap().variant.as_deref()).collect();
    assert_eq!(arms, [Some("control"), Some("control"), Some("canary")]);
    assert_eq!(results[0].as_ref().unwrap().propensity, Some(0.25));
}

#[test]
fn definitions_that_are_not_deployed_do_not_run() {
    let mut engine = Engine::new(&deployment(&[]), "user", &[sound("1")], &[canary(), three()]).unwrap();
    assert_eq!(score(&mut engine, &[event("a", 1.0)]), ["production 1: 1.5"]);
}

#[test]
fn what_does_not_belong_together_is_refused_all_at_once() {
    let mut changed = deployment(&[canary(), three()]);
    changed.production = "4".into();
    changed.experiments[0].salt = "other".into();
    changed.experiments[0].arms[1].weight = 1;
    changed.experiments[1].coverage = 1;
    let mut lost = changed.experiments[0].clone();
    lost.name = "lost".into();
    let mut beyond = changed.experiments[0].clone();
    beyond.coverage = 10_001;
    changed.experiments.extend([lost, beyond]);
    let problems =
        Engine::new(&changed, "card", &[stranger("1"), renamed("2", "z"), sound("4")], &[canary(), three()])
            .unwrap_err();
    let expected = r#"deployment 7 of "m": 8 problems
  experiment "canary": its unit is "user", but events are keyed by "card"
  experiment "canary": its definition has another salt than the deployment
  experiment "canary": its definition has another list of arms than the deployment
  experiment "three": coverage 0.01 % leaves arm "one" without a bucket; the least that serves every arm is 0.04 %
  experiment "lost": it has no definition
  experiment "canary": its coverage is 10001 basis points, more than all
  version "1": its manifest is of the model "n"
  version "2": its outputs are z, but production's are y
"#;
    assert_eq!(problems.to_string() + "\n", expected);
}

#[test]
fn experiments_and_versions_in_each_others_way_are_refused() {
    let experiments = [canary(), canary()];
    let problems =
        Engine::new(&deployment(&experiments), "user", &[sound("1"), sound("2")], &experiments).unwrap_err();
    assert!(problems.to_string().contains("another experiment has this name"), "{problems}");
    let missing = Engine::new(&deployment(&[canary()]), "user", &[sound("1")], &[canary()]).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "deployment 7 of \"m\": 1 problem\n  version \"2\": it is not loaded (loaded: \"1\")",
    );
    let twice = Engine::new(&deployment(&[]), "user", &[sound("1"), faulty("1")], &[]).unwrap_err();
    assert_eq!(
        twice.to_string(),
        "deployment 7 of \"m\": 1 problem\n  version \"1\": it is loaded twice, and the two may differ",
    );
}

#[test]
fn a_shadow_scores_with_its_own_version_alone() {
    let mut shadow = Shadow::new(&faulty("2"), 7);
    let mut results = Vec::new();
    shadow.score(&[event("a", 1.0), event("b", PANICS), event("c", 3.0)], &mut results);
    let lines: Vec<_> = results.iter().map(line).collect();
    assert_eq!(lines, ["shadow 2: 1.5", "the model panicked: cannot stand 1001", "shadow 2: 3.5"]);
    let scored = results.remove(0).unwrap();
    assert_eq!((scored.experiment, scored.bucket, scored.revision, scored.fallback), (None, None, 7, None));
}

/// Counts what is registered, and keeps the counters.
#[derive(Debug, Default)]
struct Book {
    registrations: Mutex<usize>,
    counters: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
}

impl Book {
    /// All counters above zero.
    fn counts(&self) -> Vec<String> {
        let counters = self.counters.lock().unwrap();
        let counts =
            counters.iter().map(|(key, count)| (key, count.load(std::sync::atomic::Ordering::Relaxed)));
        counts.filter(|(_, count)| *count > 0).map(|(key, count)| format!("{key} {count}")).collect()
    }
}

impl Recorder for Book {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        *self.registrations.lock().unwrap() += 1;
        let labels: Vec<_> = key.labels().map(|label| label.value().to_owned()).collect();
        let name = format!("{} {}", key.name(), labels.join(" "));
        Counter::from_arc(Arc::clone(self.counters.lock().unwrap().entry(name).or_default()))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        *self.registrations.lock().unwrap() += 1;
        Histogram::noop()
    }
}

#[test]
fn metrics_count_every_event_and_are_looked_up_once() {
    let book = Book::default();
    metrics::with_local_recorder(&book, || {
        let mut engine = engine(&[faulty("1"), faulty("2"), sound("3")]);
        let before = *book.registrations.lock().unwrap();
        let events = [
            event("a", 1.0),
            event("a", NAN),
            event("b", 1.0),
            event("k", 1.0),
            event("d", NAN),
            event("d", 1.0),
        ];
        for _ in 0..10 {
            score(&mut engine, &events);
        }
        assert_eq!(*book.registrations.lock().unwrap(), before);
    });
    let expected = [
        "serin_fallbacks_total m 2 not_finite 10",
        // Of the canary, and of production, which could not answer for it.
        "serin_predictions_total m 1 production 20",
        "serin_predictions_total m 2 canary 10",
        "serin_predictions_total m 3 variant 20",
        "serin_score_errors_total m 1 not_finite 10",
        "serin_score_errors_total m 2 not_finite 10",
    ];
    assert_eq!(book.counts(), expected);
}

#[test]
fn a_candidate_that_hangs_holds_up_production_no_longer_than_its_deadline_and_in_the_end_not_at_all() {
    let experiments = [canary()];
    let models = [sound("1"), faulty("2")];
    let engine = Engine::new(&deployment(&experiments), "user", &models, &experiments).unwrap();
    let mut engine = engine.with_deadline(Duration::from_millis(200));
    let by_production = ["production 1: 1.5", "canary 1 for 2 after deadline: 1004.5"];
    let batch = [event("k", 1.0), event("a", HANGS)];
    for _ in 0..2 {
        assert_eq!(score(&mut engine, &batch), by_production);
    }
    for _ in 0..3 {
        let answers = score(&mut engine, &[event("k", 1.0), event("a", 2.0)]);
        assert_eq!(answers, ["production 1: 1.5", "canary 1 for 2 after unavailable: 2.5"]);
    }
}
