//! What undisturbed runs on the embedded log say of every flight: what every disturbed run has to say too, bit for bit.

use std::collections::HashMap;
use std::sync::LazyLock;

use messaging::Config;
use serde_json::Value;

use crate::config::{Experiments, write};
use crate::events::month;
use crate::run::{GROUPS, serin_with};
use crate::support::process::Running;
use crate::support::wait_for;
use crate::witness::Look;

/// What is said of a flight, by the flight's id.
pub(crate) type Said = HashMap<String, Value>;

/// With the experiment: by production or by the canary.
pub(crate) static SERVED: LazyLock<Said> = LazyLock::new(|| undisturbed("predictions", Experiments::On));

/// Without the experiment: by production alone.
pub(crate) static PRODUCTION: LazyLock<Said> = LazyLock::new(|| undisturbed("predictions", Experiments::Off));

/// By the shadow.
pub(crate) static SHADOW: LazyLock<Said> =
    LazyLock::new(|| undisturbed("shadow-predictions", Experiments::On));

/// What a prediction says, without what differs from run to run: ids, revisions and times.
pub(crate) fn said(prediction: &Value) -> Value {
    let mut said = prediction.clone();
    let fields = said.as_object_mut().unwrap();
    for field in ["prediction_id", "event_id", "revision", "scored_at"] {
        assert!(fields.remove(field).is_some(), "no {field} in {prediction}");
    }
    said
}

fn undisturbed(topic: &str, experiments: Experiments) -> Said {
    let scratch = tempfile::tempdir().unwrap();
    let url = format!("file://{}", scratch.path().join("log").display());
    let mut scorer = Running::start(serin_with(&write(scratch.path(), (&url, "serin"), experiments)));
    scorer.await_log("started");
    let look = Look::at(&Config::new(url));
    let outputs: Vec<_> = month().collect();
    for some in outputs.chunks(1_000) {
        look.runtime.block_on(look.broker.writer().append(some.to_vec())).unwrap();
    }
    for group in GROUPS {
        wait_for(group, || {
            let committed: u64 = look.committed(group)?.iter().sum();
            (committed == outputs.len() as u64).then_some(())
        });
    }
    let predictions = look.read(topic);
    drop(look);
    assert_eq!(predictions.len(), outputs.len());
    scorer.terminate();
    scorer.end().with_code(0);
    let by_flight = |record: &messaging::Record| {
        let prediction: Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
        (prediction["event_id"].as_str().unwrap().to_owned(), said(&prediction))
    };
    predictions.iter().map(by_flight).collect()
}
