use events::Timestamp;

use super::*;
use crate::testing::{experiment, metric, route};

fn defined() -> Experiment {
    experiment(&["control", "treatment"], &metric("p", "mean", "prediction.p", ""))
}

fn deployment(revision: u64, experiments: Vec<ExperimentRoute>) -> Deployment {
    let created_at = Timestamp::from_micros(0).unwrap();
    Deployment {
        model: "m".into(),
        revision,
        created_at,
        production: "1".into(),
        shadows: Vec::new(),
        experiments,
    }
}

fn running(definitions: Vec<Experiment>) -> Running {
    let look_up = move || (definitions.clone(), Vec::new());
    Running::new("m".into(), Vec::new(), Definitions::new(look_up))
}

#[test]
fn what_is_deployed_is_known_and_stays_known() {
    let mut running = running(vec![defined()]);
    assert!(running.experiments().is_empty());
    assert!(running.deploy(&deployment(1, Vec::new())));
    assert!(running.deploy(&deployment(2, vec![route(200)])));
    assert_eq!(running.experiments()[0].coverage.get(), 200);
    assert!(running.deploy(&deployment(3, vec![route(1_000)])));
    assert_eq!(running.experiments()[0].coverage.get(), 1_000, "ramped");
    assert!(running.deploy(&deployment(4, Vec::new())));
    assert_eq!((running.experiments().len(), running.undefined().len()), (1, 0), "stopped");
}

#[test]
fn other_models_and_other_revisions_are_passed_over() {
    let mut running = running(vec![defined()]);
    let other = Deployment { model: "n".into(), ..deployment(1, vec![route(200)]) };
    for (deployment, counts) in [
        (other, false),
        (deployment(2, vec![route(200)]), false),
        (deployment(1, Vec::new()), true),
        (deployment(1, vec![route(200)]), false),
        (deployment(3, vec![route(200)]), false),
    ] {
        assert_eq!(running.deploy(&deployment), counts);
    }
    assert!(running.experiments().is_empty());
}

#[test]
fn what_no_definition_fits_is_named_and_not_analysed() {
    let resalted = ExperimentRoute { salt: "e.2".into(), ..route(200) };
    let mut reversed = route(200);
    reversed.arms.swap(0, 1);
    let unknown = ExperimentRoute { name: "f".into(), ..route(200) };
    for (route, name) in [(resalted, "e"), (reversed, "e"), (unknown, "f")] {
        let mut running = running(vec![defined()]);
        assert!(running.deploy(&deployment(1, vec![route])));
        assert_eq!((running.experiments().len(), running.undefined()), (0, vec![name.to_owned()]));
    }
}

#[test]
fn a_definition_that_comes_later_is_found_by_the_next_deployment() {
    let files = Arc::new(std::sync::Mutex::new(Vec::new()));
    let look_up = Arc::clone(&files);
    let definitions = Definitions::new(move || (look_up.lock().unwrap().clone(), Vec::new()));
    let mut running = Running::new("m".into(), Vec::new(), definitions);
    running.deploy(&deployment(1, vec![route(200)]));
    assert_eq!(running.undefined(), ["e"]);
    files.lock().unwrap().push(defined());
    running.deploy(&deployment(2, vec![route(200)]));
    assert_eq!((running.experiments().len(), running.undefined().len()), (1, 0));
}
