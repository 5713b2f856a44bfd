//! Who was exposed to which arm of an experiment, and from when on.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use events::Timestamp;
use experiment::Experiment;

use crate::join::{Facts, Joined, Joiner, Prediction};
use crate::observation::micros;

/// The units of one experiment.
#[derive(Debug, Default)]
pub(crate) struct Exposures<'j> {
    /// By unit, in the order of their ids.
    pub(crate) units: BTreeMap<&'j str, Exposed<'j>>,
    /// Units that were seen in more than one arm; they are in no arm.
    pub(crate) crossovers: u64,
    /// Predictions in an arm that the definition does not have.
    pub(crate) unknown_arms: u64,
}

/// One unit that was exposed to one arm.
#[derive(Debug)]
pub(crate) struct Exposed<'j> {
    /// Place of its arm in the definition.
    pub(crate) arm: usize,
    /// The moment of its first prediction.
    pub(crate) since: Timestamp,
    /// Its predictions within the exposure window, in order, with all that is known of their events.
    pub(crate) predictions: Vec<(&'j Prediction, &'j Joined)>,
    /// What is known of the unit itself.
    pub(crate) about: Option<&'j Facts>,
    is_crossover: bool,
}

impl<'j> Exposures<'j> {
    /// Collects the units of `experiment` from `events`, which come in the order of their times and ids.
    ///
    /// A unit is exposed by its first prediction; those within the exposure window after it count, later ones do
    /// not. Predictions before the experiment's start are none of its own.
    pub(crate) fn collect(
        experiment: &Experiment,
        (joiner, events): (&'j Joiner, &[(&'j str, &'j Joined)]),
    ) -> Self {
        let start = experiment.start.and_then(|start| Timestamp::from_micros(start.as_microsecond()));
        let window = micros(experiment.exposure_window);
        let mut exposures = Self::default();
        for (_, event) in events {
            let Some(prediction) = &event.served else { continue };
            let Some((name, arm)) = &prediction.arm else { continue };
            if **name != *experiment.name || start.is_some_and(|start| prediction.occurred_at < start) {
                continue;
            }
            match experiment.arms.iter().position(|each| *each.name == **arm) {
                Some(arm) => exposures.add(arm, window, prediction, event),
                None => exposures.unknown_arms += 1,
            }
        }
        let all = exposures.units.len();
        exposures.units.retain(|_, unit| !unit.is_crossover);
        exposures.crossovers = (all - exposures.units.len()) as u64;
        for (id, unit) in &mut exposures.units {
            unit.about = joiner.about_unit(&experiment.unit, id);
        }
        exposures
    }

    /// The units in the order of their exposure, those of one moment in the order of their ids. As all have the same
    /// windows, it is the order of their maturity too.
    pub(crate) fn in_order(&self) -> Vec<&Exposed<'j>> {
        let mut units: Vec<_> = self.units.values().collect();
        units.sort_by_key(|unit| unit.since);
        units
    }

    fn add(&mut self, arm: usize, window: i64, prediction: &'j Prediction, event: &'j Joined) {
        let since = prediction.occurred_at;
        let new = || Exposed { arm, since, predictions: Vec::new(), about: None, is_crossover: false };
        let unit = self.units.entry(&prediction.unit).or_insert_with(new);
        unit.is_crossover |= unit.arm != arm;
        if prediction.occurred_at.micros_since(unit.since) <= window {
            unit.predictions.push((prediction, event));
        }
    }
}
