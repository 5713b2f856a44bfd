//! The sums of one metric in one arm, and what two arms' sums say.

use events::Timestamp;
use experiment::{Aggregate, Better, Metric, MetricKind};
use statistics::bayes::{Prior, beta_binomial, normal_posterior};
use statistics::sequential::{
    NormalMixture, Sequential, conversions_sequential, means_sequential, ratios_sequential,
};
use statistics::{Alpha, Comoments, Moments, Proportion, Unavailable};

use crate::exposure::Exposed;
use crate::join::{Facts, Version};
use crate::observation::{Asked, Observation, observe};

/// Sums of one metric in one arm, over units in the order of their maturity.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
    /// One value a unit: a mean, a sum, or a count.
    values: Moments,
    /// Sum and number of events a unit.
    ratio: Comoments,
    /// Units with any value that is not zero, and those with none.
    proportion: Proportion,
    pub(crate) units: u64,
    pub(crate) events: u64,
    pub(crate) unusable: u64,
    pub(crate) winsorized: u64,
    pub(crate) immature: u64,
    /// Facts that came, or were corrected, after their unit had matured.
    pub(crate) late: u64,
}

/// What one unit's observations add up to.
#[derive(Clone, Copy, Debug, Default)]
struct Total {
    sum: f64,
    events: u32,
    /// Values that are not zero.
    happened: u32,
    first: f64,
    last: f64,
}

impl Total {
    fn push(&mut self, value: f64, happened: u32) {
        if self.events == 0 {
            self.first = value;
        }
        self.last = value;
        self.sum += value;
        self.events += 1;
        self.happened += happened;
    }

    /// The unit's number in a mean or a count.
    fn number(&self, kind: MetricKind) -> f64 {
        match kind {
            MetricKind::Mean(Aggregate::Mean) => self.sum / f64::from(self.events),
            MetricKind::Mean(Aggregate::First) => self.first,
            MetricKind::Mean(Aggregate::Last) => self.last,
            MetricKind::Count => f64::from(self.happened),
            MetricKind::Mean(Aggregate::Sum) | MetricKind::Proportion | MetricKind::Ratio => self.sum,
        }
    }
}

/// The facts about a unit by the prediction that they fall to: the last one before them, if they are in time. Nothing
/// where there are none, as is usual.
fn falling_to(unit: &Exposed<'_>, asked: &Asked<'_>) -> Vec<Vec<Version>> {
    let (Some(facts), Some(name)) = (unit.about, asked.of.outcome()) else { return Vec::new() };
    let mut standing: Vec<_> = facts
        .iter()
        .filter(|fact| fact.metric == name)
        .filter_map(|fact| Some((fact.standing(asked.until)?, &fact.id)))
        .collect();
    standing.sort_by_key(|(version, id)| (version.occurred_at, *id));
    let mut falling = vec![Vec::new(); unit.predictions.len()];
    for (version, _) in standing {
        let at = version.occurred_at;
        let before = unit.predictions.partition_point(|(prediction, _)| prediction.occurred_at <= at);
        let Some(place) = before.checked_sub(1) else { continue };
        if asked.is_in_time(unit.predictions[place].0.occurred_at, at) {
            falling[place].push(version);
        }
    }
    falling
}

/// Facts of the metric that stand otherwise now than they did.
fn late(unit: &Exposed<'_>, asked: &Asked<'_>) -> u64 {
    let Some(name) = asked.of.outcome() else { return 0 };
    let of_events = unit.predictions.iter().flat_map(|(_, event)| event.outcomes.iter());
    let facts = of_events.chain(unit.about.into_iter().flat_map(Facts::iter));
    let late = facts.filter(|fact| fact.metric == name && fact.standing(asked.until) != Some(fact.last()));
    late.count() as u64
}

impl Sums {
    /// Adds a unit whose windows have closed, with what was known of it at `until`.
    pub(crate) fn add(&mut self, metric: &Metric, unit: &Exposed<'_>, until: Timestamp) {
        let (of, absent, attribution) = (&metric.of, metric.absent, metric.attribution);
        let asked = Asked { of, absent, attribution, until };
        let of_unit = falling_to(unit, &asked);
        let mut total = Total::default();
        for (at, (prediction, event)) in unit.predictions.iter().enumerate() {
            let own = of_unit.get(at).map_or(&[][..], |facts| facts);
            match observe(&asked, prediction, event, own) {
                Observation::Value(value) => total.push(value, u32::from(value != 0.0)),
                Observation::Several(sum, happened) => total.push(sum, happened),
                Observation::Absent => {}
                Observation::Unusable => self.unusable += 1,
            }
        }
        self.late += late(unit, &asked);
        if total.events == 0 {
            return;
        }
        self.units += 1;
        self.events += u64::from(total.events);
        match metric.kind {
            MetricKind::Proportion => self.proportion.push(total.happened > 0),
            MetricKind::Mean(_) | MetricKind::Count => {
                let number = total.number(metric.kind);
                let held = metric.winsorize.map_or(number, |bounds| bounds.hold(number));
                self.winsorized += u64::from(held.to_bits() != number.to_bits());
                self.values.push(held);
            }
            MetricKind::Ratio => self.ratio.push(total.sum, f64::from(total.events)),
        }
    }

    /// The arm's estimate.
    pub(crate) fn value(&self, kind: MetricKind) -> Option<f64> {
        if self.units == 0 {
            return None;
        }
        match kind {
            MetricKind::Proportion => self.proportion.share(),
            MetricKind::Mean(_) | MetricKind::Count => Some(self.values.mean),
            MetricKind::Ratio => Some(self.ratio.mean_y / self.ratio.mean_x),
        }
    }

    /// These units against those of a treatment, at one look.
    pub(crate) fn compare(
        &self,
        kind: MetricKind,
        treatment: &Self,
        alpha: Alpha,
    ) -> Result<statistics::Comparison, Unavailable> {
        match kind {
            MetricKind::Proportion => {
                statistics::two_proportions(self.proportion, treatment.proportion, alpha)
            }
            MetricKind::Mean(_) | MetricKind::Count => {
                statistics::welch(&self.values, &treatment.values, alpha)
            }
            MetricKind::Ratio => statistics::ratio(&self.ratio, &treatment.ratio, alpha),
        }
    }

    /// The same at one of many looks.
    pub(crate) fn watch(
        &self,
        kind: MetricKind,
        treatment: &Self,
        (split, mixture): ([f64; 2], NormalMixture),
    ) -> Result<Sequential, Unavailable> {
        match kind {
            MetricKind::Proportion => {
                conversions_sequential(self.proportion, treatment.proportion, split, mixture)
            }
            MetricKind::Mean(_) | MetricKind::Count => {
                means_sequential(&self.values, &treatment.values, mixture)
            }
            MetricKind::Ratio => ratios_sequential(&self.ratio, &treatment.ratio, mixture),
        }
    }

    /// The chance that the treatment is the better one, and what taking it would cost on average, with priors that
    /// know nothing: uniform for a proportion, flat for a difference.
    pub(crate) fn bet(
        &self,
        (kind, better): (MetricKind, Better),
        treatment: &Self,
        difference: &statistics::Estimate,
    ) -> Option<(f64, f64)> {
        if kind == MetricKind::Proportion {
            let prior = Prior { successes: 1.0, failures: 1.0 };
            let posterior = beta_binomial(self.proportion, treatment.proportion, prior).ok()?;
            return Some(match better {
                Better::Higher => (posterior.log_treatment_higher.exp(), posterior.loss_of_treatment),
                Better::Lower => (posterior.log_control_higher.exp(), posterior.loss_of_control),
            });
        }
        let gain = if better == Better::Higher { difference.value } else { -difference.value };
        let flat = (0.0, f64::INFINITY);
        let posterior = normal_posterior((gain, difference.standard_error), flat, Alpha::USUAL).ok()?;
        Some((posterior.log_chance_to_win.exp(), posterior.loss_of_treatment))
    }
}
