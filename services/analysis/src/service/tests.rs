use std::time::Duration;

use bytes::Bytes;
use events::{Event, OutcomeEvent, Timestamp};
use messaging::{Headers, Output};

use super::*;
use crate::testing::{Fact, Vary, experiment, metric, outcome, served};

/// Nothing here takes seconds; where something hangs, this says so.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what).await.unwrap()
}

async fn broker() -> Broker {
    Broker::open(&messaging::Config::new("memory://")).await.unwrap()
}

fn sources() -> Sources {
    let [predictions, shadow_predictions, outcomes, deployments, reports] =
        ["predictions", "shadow-predictions", "outcomes", "deployments", "reports"].map(Into::into);
    Sources {
        late_outcomes: "late-outcomes".into(),
        predictions,
        shadow_predictions,
        outcomes,
        deployments,
        reports,
        registry: None,
        binding: events::Binding::Kafka,
    }
}

fn no_definitions() -> Definitions {
    Definitions::new(|| (Vec::new(), Vec::new()))
}

fn analysis(interval: Duration, outcomes: &OutcomesConfig) -> Analysis {
    let config = Config { interval: runtime::config::Duration::new(interval), ..Config::default() };
    let experiment = experiment(&["control", "treatment"], &metric("p", "mean", "prediction.p", ""));
    Analysis::new("m".into(), (vec![experiment], no_definitions()), sources(), (config, outcomes)).unwrap()
}

const HOUR: Duration = Duration::from_secs(3_600);

fn output(topic: &str, value: &[u8], headers: Headers) -> Output {
    Output {
        topic: topic.into(),
        partition: None,
        timestamp: 0,
        key: None,
        value: Some(Bytes::copy_from_slice(value)),
        headers,
    }
}

fn record(fact: Fact) -> Output {
    let (topic, value) = match &fact {
        Fact::Prediction(event) if event.role == events::Role::Shadow => {
            ("shadow-predictions", serde_json::to_vec(event))
        }
        Fact::Prediction(event) => ("predictions", serde_json::to_vec(event)),
        Fact::Outcome(event) => ("outcomes", serde_json::to_vec(event)),
    };
    output(topic, &value.unwrap(), Headers::new())
}

async fn append(broker: &Broker, outputs: Vec<Output>) {
    broker.writer().append(outputs).await.unwrap();
}

/// All reports on the topic.
async fn reports(broker: &Broker) -> Vec<serde_json::Value> {
    let mut reader = broker.reader(&["reports".into()], Start::Earliest).await.unwrap();
    let records = reader.read_available(READ_LIMITS).await.unwrap();
    records.iter().map(|record| serde_json::from_slice(record.value.as_ref().unwrap()).unwrap()).collect()
}

fn requested() -> Shutdown {
    let request = Shutdown::new();
    request.request();
    request
}

#[tokio::test]
async fn complete_topics_are_read_to_their_end_and_reported_once() {
    let broker = broker().await;
    for topic in ["predictions", "shadow-predictions", "outcomes"] {
        broker.create_topic(topic, None).await.unwrap();
    }
    let facts = (0..500).flat_map(|n| {
        let (id, unit) = (format!("e{n}"), format!("u{}", n % 50));
        let arm = if n % 2 == 0 { "control" } else { "treatment" };
        [
            Fact::from(served(&id, &unit, 200 + n).arm(arm)),
            served(&id, &unit, 200 + n).shadow("3").into(),
            outcome(&id, "late", 1.0, 300 + n).into(),
        ]
    });
    append(&broker, facts.map(record).collect()).await;
    let run = run(
        analysis(HOUR, &OutcomesConfig::default()),
        broker.clone(),
        Clock::System,
        (requested(), Shutdown::new()),
    );
    let report = soon(run).await.unwrap();
    assert!(report.is_complete);
    assert_eq!(report.joined_events, 500);
    let expected = crate::Counts {
        predictions: 500,
        shadow_predictions: 500,
        outcomes: 500,
        ..crate::Counts::default()
    };
    assert_eq!(report.counts, expected);
    let units: Vec<_> = report.experiments[0].arms.iter().map(|arm| arm.units).collect();
    assert_eq!(units, [25, 25]);
    assert_eq!(reports(&broker).await, [serde_json::to_value(&report).unwrap()]);
}

#[tokio::test]
async fn records_that_cannot_be_read_are_counted_and_passed_over() {
    let broker = broker().await;
    for topic in ["predictions", "shadow-predictions", "outcomes"] {
        broker.create_topic(topic, None).await.unwrap();
    }
    let mut outputs =
        vec![record(served("e", "u", 200).into()), record(outcome("e", "late", 1.0, 201).into())];
    for topic in ["predictions", "shadow-predictions", "outcomes"] {
        for value in [&b"{\"event_id\":"[..], b"{}", b"", b"\xff\x00", b"[1]"] {
            outputs.push(output(topic, value, Headers::new()));
        }
    }
    outputs.push(Output { value: None, ..output("outcomes", b"", Headers::new()) });
    append(&broker, outputs).await;
    let run = run(
        analysis(HOUR, &OutcomesConfig::default()),
        broker,
        Clock::System,
        (requested(), Shutdown::new()),
    );
    let counts = soon(run).await.unwrap().counts;
    assert_eq!((counts.predictions, counts.outcomes, counts.undecodable), (1, 1, 16));
}

#[tokio::test]
async fn topics_may_come_later_and_reports_follow_them() {
    let broker = broker().await;
    let analysis = analysis(Duration::from_millis(1), &OutcomesConfig::default());
    let (progress, shutdown) = (analysis.progress(), Shutdown::new());
    let service =
        tokio::spawn(run(analysis, broker.clone(), Clock::System, (Shutdown::new(), shutdown.clone())));
    broker.create_topic("reports", None).await.unwrap();
    let mut reports = broker.reader(&["reports".into()], Start::Earliest).await.unwrap();
    let facts = [
        served("e", "u", 200).into(),
        served("e", "u", 200).shadow("3").into(),
        outcome("e", "late", 1.0, 201).into(),
    ];
    for (at, fact) in facts.into_iter().enumerate() {
        append(&broker, vec![record(fact)]).await;
        let read = at as u64 + 1;
        soon(async {
            loop {
                let latest = reports.read(READ_LIMITS).await.unwrap().pop().unwrap();
                let report: serde_json::Value =
                    serde_json::from_slice(latest.value.as_ref().unwrap()).unwrap();
                assert_eq!(report["is_complete"], false);
                let count = |name: &str| report["counts"][name].as_u64().unwrap();
                if count("predictions") + count("shadow_predictions") + count("outcomes") == read {
                    break;
                }
            }
        })
        .await;
    }
    assert_eq!(progress.records(), 3);
    shutdown.request();
    let report = soon(service).await.unwrap().unwrap();
    assert_eq!((report.joined_events, report.is_complete), (1, false));
}

#[tokio::test]
async fn a_full_state_ends_the_service_and_names_the_setting() {
    let broker = broker().await;
    broker.create_topic("predictions", None).await.unwrap();
    append(&broker, vec![record(served("a", "u", 0).into()), record(served("b", "u", 0).into())]).await;
    let config = Config { max_events: 1, ..Config::default() };
    let analysis = Analysis::new(
        "m".into(),
        (vec![], no_definitions()),
        sources(),
        (config, &OutcomesConfig::default()),
    )
    .unwrap();
    let error = soon(run(analysis, broker, Clock::System, (requested(), Shutdown::new()))).await.unwrap_err();
    assert!(error.to_string().contains("`analysis.max_events`"), "{error}");
}

#[tokio::test]
async fn outcomes_come_in_the_users_shape_and_in_ours_on_one_topic() {
    let broker = broker().await;
    broker.create_topic("predictions", None).await.unwrap();
    broker.create_topic("outcomes", None).await.unwrap();
    let pairs = |pairs: &[(&str, &str)]| {
        events::Pairs(pairs.iter().map(|(name, at)| ((*name).into(), (*at).into())).collect())
    };
    let mapping = events::OutcomeMapping {
        id: None,
        event: Some("/flight".into()),
        prediction: None,
        unit: None,
        time: Some("/at".into()),
        time_format: events::TimeFormat::default(),
        revision: None,
        values: pairs(&[("late", "/late"), ("delay", "/delay")]),
    };
    let outcomes = OutcomesConfig { event: Some(mapping), ..OutcomesConfig::default() };
    let mut ours = Headers::new();
    ours.push("ce_type", Bytes::from_static(OutcomeEvent::TYPE.as_bytes()));
    let native = serde_json::to_vec(&outcome("b", "late", 0.0, 201)).unwrap();
    append(
        &broker,
        vec![
            record(served("a", "u", 200).into()),
            record(served("b", "u", 200).into()),
            output(
                "outcomes",
                br#"{"flight": "a", "at": "1970-01-01T00:03:21Z", "late": true, "delay": 17}"#,
                Headers::new(),
            ),
            output("outcomes", &native, ours),
        ],
    )
    .await;
    let run = run(analysis(HOUR, &outcomes), broker, Clock::System, (requested(), Shutdown::new()));
    let report = soon(run).await.unwrap();
    assert_eq!((report.counts.outcomes, report.counts.undecodable, report.joined_events), (3, 0, 2));
}

#[test]
fn a_mapping_that_is_wrong_is_refused_whole() {
    let mapping = events::OutcomeMapping {
        id: None,
        event: Some("flight".into()),
        prediction: None,
        unit: None,
        time: Some("at".into()),
        time_format: events::TimeFormat::default(),
        revision: None,
        values: events::Pairs(vec![("late".into(), "late".into())]),
    };
    let outcomes = OutcomesConfig { event: Some(mapping), ..OutcomesConfig::default() };
    let problems =
        Analysis::new("m".into(), (vec![], no_definitions()), sources(), (Config::default(), &outcomes))
            .unwrap_err();
    let bad = problems.iter().filter(|problem| matches!(problem, MappingError::BadPointer { .. })).count();
    assert_eq!(bad, 3, "{problems:?}");
}

#[tokio::test]
async fn an_experiment_that_starts_later_is_analysed_from_its_first_prediction_on() {
    let broker = broker().await;
    let definition = experiment(&["control", "treatment"], &metric("p", "mean", "prediction.p", ""));
    let definitions = Definitions::new(move || (vec![definition.clone()], Vec::new()));
    let config =
        Config { interval: runtime::config::Duration::new(Duration::from_millis(1)), ..Config::default() };
    let outcomes = OutcomesConfig::default();
    let analysis = Analysis::new("m".into(), (vec![], definitions), sources(), (config, &outcomes)).unwrap();
    let (progress, shutdown) = (analysis.progress(), Shutdown::new());
    let service =
        tokio::spawn(run(analysis, broker.clone(), Clock::System, (Shutdown::new(), shutdown.clone())));
    for topic in ["predictions", "deployments"] {
        let partitions = (topic == "deployments").then_some(1);
        broker.create_topic(topic, partitions).await.unwrap();
    }
    append(&broker, vec![record(served("a", "u", 200).arm("control").into())]).await;
    let deployed = events::Deployment {
        model: "m".into(),
        revision: 1,
        created_at: Timestamp::from_micros(0).unwrap(),
        production: "1".into(),
        shadows: Vec::new(),
        experiments: vec![crate::testing::route(10_000)],
    };
    append(&broker, vec![output("deployments", &serde_json::to_vec(&deployed).unwrap(), Headers::new())])
        .await;
    append(&broker, vec![record(served("b", "v", 201).arm("treatment").into())]).await;
    soon(async {
        while progress.records() < 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    shutdown.request();
    let report = soon(service).await.unwrap().unwrap();
    let units: Vec<_> = report.experiments[0].arms.iter().map(|arm| arm.units).collect();
    assert_eq!((units, report.undefined_experiments.len()), (vec![1, 1], 0));
}

#[tokio::test]
async fn what_comes_too_late_goes_to_its_topic_once_whoever_restarts() {
    let broker = broker().await;
    for topic in ["predictions", "outcomes"] {
        broker.create_topic(topic, Some(1)).await.unwrap();
    }
    let definition =
        experiment(&["control", "treatment"], &metric("y", "mean", "outcome.y", "attribution = \"100s\""));
    let corrected = OutcomeEvent { revision: 1, ..outcome("a", "y", 9.0, 210) };
    let facts = [
        served("a", "u", 200).arm("control").into(),
        outcome("a", "y", 1.0, 210).into(),
        outcome("end", "y", 0.0, 100_000).into(),
        corrected.clone().into(),
    ];
    append(&broker, facts.map(record).into()).await;
    let late = || async {
        let mut reader = broker.reader(&["late-outcomes".into()], Start::Earliest).await.unwrap();
        let records = reader.read_available(READ_LIMITS).await.unwrap();
        records
            .iter()
            .map(|record| serde_json::from_slice::<OutcomeEvent>(record.value.as_ref().unwrap()).unwrap())
            .collect::<Vec<_>>()
    };
    for _ in 0..2 {
        let (config, outcomes) = (Config::default(), OutcomesConfig::default());
        let asked = (vec![definition.clone()], no_definitions());
        let analysis = Analysis::new("m".into(), asked, sources(), (config, &outcomes)).unwrap();
        let run = run(analysis, broker.clone(), Clock::System, (requested(), Shutdown::new()));
        let arm = soon(run).await.unwrap().experiments[0].metrics[0].arms[0].clone();
        assert_eq!((arm.late_outcomes, arm.value, arm.restated), (1, Some(1.0), Some(9.0)));
        assert_eq!(late().await, std::slice::from_ref(&corrected));
    }
}
