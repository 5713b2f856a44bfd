//! An experiment as a deployment records it.

use std::sync::Arc;

use events::{ArmRoute, ExperimentRoute, LayerRoute, TargetingRule, TargetingTest};
use experiment::{Condition, Experiment, Rule, Values};

/// What a deployment says about an experiment that runs as `experiment` defines it. Services that seed or change
/// a deployment write this, and an engine refuses a definition that has become another one since.
pub fn experiment_route(experiment: &Experiment) -> ExperimentRoute {
    let arms = experiment.arms.iter().map(|arm| ArmRoute {
        name: arm.name.as_str().into(),
        version: arm.version.as_str().into(),
        weight: arm.weight.get(),
    });
    ExperimentRoute {
        name: experiment.name.as_str().into(),
        unit: experiment.unit.as_str().into(),
        salt: experiment.salt.as_str().into(),
        coverage: experiment.coverage.get(),
        layer: LayerRoute {
            salt: experiment.layer.salt.as_str().into(),
            start: experiment.layer.range.start,
            end: experiment.layer.range.end,
        },
        targeting: experiment.targeting.iter().flat_map(rules).collect(),
        arms: arms.collect(),
    }
}

/// A rule as the deployment has it; a range becomes its two ends.
fn rules(rule: &Rule) -> Vec<TargetingRule> {
    let rule_of = |test, values| TargetingRule { field: rule.field.as_str().into(), test, values };
    match &rule.condition {
        Condition::In(values) => vec![rule_of(TargetingTest::In, texts(values))],
        Condition::NotIn(values) => vec![rule_of(TargetingTest::NotIn, texts(values))],
        Condition::Between { min, max } => [(TargetingTest::AtLeast, min), (TargetingTest::AtMost, max)]
            .into_iter()
            .filter(|(_, bound)| bound.is_finite())
            .map(|(test, bound)| rule_of(test, vec![bound.to_string().into()]))
            .collect(),
    }
}

fn texts(values: &Values) -> Vec<Arc<str>> {
    match values {
        Values::Texts(texts) => texts.iter().map(|text| text.as_str().into()).collect(),
        Values::Numbers(numbers) => numbers.iter().map(|number| number.to_string().into()).collect(),
        Values::Bools(flags) => flags.iter().map(|flag| flag.to_string().into()).collect(),
    }
}
