//! Who is in which arm: rows, and properties over random definitions.

use proptest::prelude::*;

use super::{LEAST, WHOLE, basis_points, edit, nothing, parse};
use crate::{BasisPoints, CoverageError, Experiment, Salt, SaltError};

#[test]
fn a_salt_is_checked() {
    assert_eq!(Salt::new(""), Err(SaltError::Empty));
    assert_eq!(Salt::new("a\0b"), Err(SaltError::Nul));
    assert_eq!(Salt::new(&"s".repeat(129)), Err(SaltError::TooLong(129)));
    assert_eq!(Salt::new(&"s".repeat(128)).unwrap().as_str().len(), 128);
}

#[test]
fn an_assignment_names_arm_version_and_propensity() {
    let experiment = parse(&edit(LEAST, "coverage = 1\n", "coverage = 0.5\nlayer = { range = [0, 2500] }\n"));
    let assignments: Vec<_> =
        (0..2_000).filter_map(|number| experiment.assign(&format!("unit-{number}"), nothing)).collect();
    assert!(assignments.iter().any(|assignment| assignment.arm == 0));
    assert!(assignments.iter().any(|assignment| assignment.arm == 1));
    for assignment in assignments {
        let arm = &experiment.arms[assignment.arm];
        assert_eq!((assignment.name, assignment.version), (arm.name.as_str(), arm.version.as_str()));
        assert!((assignment.propensity - 0.25 * 0.25).abs() < 1e-15);
    }
}

#[test]
fn propensity_is_that_of_the_floored_width() {
    // A third of 0.02 is 66.66 basis points.
    let arms = "{ name = \"a\", version = \"1\", weight = 3334 }, { name = \"b\", version = \"2\", weight = 3333 }, \
                { name = \"c\", version = \"3\", weight = 3333 }";
    let two =
        "{ name = \"a\", version = \"1\", weight = 5000 }, { name = \"b\", version = \"2\", weight = 5000 }";
    let experiment = parse(&edit(&edit(LEAST, two, arms), "coverage = 1\n", "coverage = 0.02\n"));
    for index in 0..3 {
        assert_eq!(experiment.width(index), basis_points(66));
        assert!((experiment.propensity(index) - 0.0066).abs() < 1e-15);
    }
}

#[test]
fn a_coverage_that_leaves_an_arm_empty_is_refused() {
    let two =
        "{ name = \"a\", version = \"1\", weight = 5000 }, { name = \"b\", version = \"2\", weight = 5000 }";
    let uneven =
        "{ name = \"a\", version = \"1\", weight = 9900 }, { name = \"b\", version = \"2\", weight = 100 }";
    let experiment = parse(&edit(LEAST, two, uneven));
    let error = experiment.with_coverage(basis_points(99)).unwrap_err();
    let arm = "b".into();
    let expected = CoverageError::EmptyArm { coverage: basis_points(99), arm, least: basis_points(100) };
    assert_eq!(error, expected);
    assert_eq!(experiment.with_coverage(basis_points(100)).unwrap().width(1), basis_points(1));
    assert!(experiment.with_coverage(basis_points(0)).is_err());
}

#[test]
fn shares_are_within_binomial_bounds() {
    const UNITS: u32 = 100_000;
    // Four standard deviations: with these four counts, wrong once in 4,000 salts; the salt is fixed.
    let experiment = parse(&edit(
        &edit(LEAST, "coverage = 1\n", "coverage = 0.6\n"),
        "unit = \"user\"\n",
        "unit = \"user\"\nlayer = { range = [1000, 9000] }\n",
    ));
    let mut counts = [0_u32; 2];
    for number in 0..UNITS {
        if let Some(assignment) = experiment.assign(&format!("user-{number}"), nothing) {
            counts[assignment.arm] += 1;
        }
    }
    for (index, count) in counts.into_iter().enumerate() {
        let p = experiment.propensity(index);
        let expected = p * f64::from(UNITS);
        let bound = 4.0 * (expected * (1.0 - p)).sqrt();
        assert!((f64::from(count) - expected).abs() < bound, "{count} units, {expected} ± {bound} expected");
    }
}

/// Any experiment: 2 to 5 arms, any weights, any coverage that serves them, any part of a layer.
fn any_experiment() -> impl Strategy<Value = Experiment> {
    let weights = prop::collection::vec(1_u16..2_000, 1..5).prop_map(|mut weights| {
        weights.push(10_000 - weights.iter().sum::<u16>());
        weights
    });
    let range = (0_u16..9_000, 1_u16..=1_000).prop_map(|(start, length)| (start, start + length));
    (weights, 1_u16..=10_000, prop_oneof![range, Just((0, 10_000))], "[a-z]{1,12}").prop_filter_map(
        "a coverage too small for an arm",
        |(weights, coverage, (start, end), salt)| {
            let arms: String = weights
                .iter()
                .enumerate()
                .map(|(index, weight)| format!("{{ name = \"{index}\", version = \"v{index}\", weight = {weight} }},"))
                .collect();
            let two =
                "{ name = \"a\", version = \"1\", weight = 5000 }, { name = \"b\", version = \"2\", weight = 5000 }";
            let layer = format!("salt = \"{salt}-arms\"\nlayer = {{ range = [{start}, {end}] }}\n");
            let text = edit(&edit(LEAST, two, &arms), "salt = \"least-1\"\n", &layer);
            parse(&text).with_coverage(basis_points(coverage)).ok()
        },
    )
}

fn units() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(any::<String>(), 1..200)
}

proptest! {
    #[test]
    fn the_answer_is_stable(experiment in any_experiment(), units in units()) {
        let again = experiment.clone();
        for unit in &units {
            prop_assert_eq!(experiment.assign(unit, nothing), again.assign(unit, nothing));
        }
    }

    #[test]
    fn ramping_moves_nobody_and_only_adds(experiment in any_experiment(), more in 1_u16..=10_000, units in units()) {
        let coverage = BasisPoints::new(more.max(experiment.coverage.get())).unwrap();
        let ramped = experiment.with_coverage(coverage).unwrap();
        for unit in &units {
            let after = ramped.assign(unit, nothing).map(|assignment| assignment.arm);
            if let Some(before) = experiment.assign(unit, nothing) {
                prop_assert_eq!(after, Some(before.arm));
            }
        }
        prop_assert_eq!(experiment.epoch(), ramped.epoch());
    }

    #[test]
    fn widths_sum_to_no_more_than_coverage(experiment in any_experiment()) {
        let arms = experiment.arms.len();
        let sum: u16 = (0..arms).map(|index| experiment.width(index).get()).sum();
        prop_assert!(sum <= experiment.coverage.get());
        prop_assert!(usize::from(experiment.coverage.get() - sum) < arms);
    }

    #[test]
    fn neighbours_in_a_layer_share_no_unit(split in 1_u16..10_000, units in units()) {
        let neighbour = |name: &str, start: u16, end: u16| {
            let layer = format!("salt = \"{name}-arms\"\nlayer = {{ range = [{start}, {end}] }}\n");
            parse(&edit(&edit(LEAST, "salt = \"least-1\"\n", &layer), "name = \"least\"", &format!("name = \"{name}\"")))
        };
        let (left, right) = (neighbour("left", 0, split), neighbour("right", split, 10_000));
        for unit in &units {
            let taking_part = [&left, &right].into_iter().filter(|experiment| experiment.assign(unit, nothing).is_some());
            // Exactly one: the two cover the layer, and have full coverage.
            prop_assert_eq!(taking_part.count(), 1);
        }
    }

    #[test]
    fn targeting_does_not_change_the_arm(units in units()) {
        let everyone = parse(&edit(&edit(WHOLE, "in = [\"FR\", \"IT\"]", "not_in = [\"XX\"]"), "min = 10", "min = 0"));
        let few = parse(WHOLE);
        let context = |field: &str| match field {
            "country" => Some(crate::ContextValue::Text("FR")),
            _ => Some(crate::ContextValue::Number(20.0)),
        };
        for unit in &units {
            prop_assert_eq!(few.assign(unit, context), everyone.assign(unit, context));
            prop_assert_eq!(few.assign(unit, nothing), None);
        }
    }
}
