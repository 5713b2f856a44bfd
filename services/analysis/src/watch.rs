//! Always-valid inference: one arm compared with the control at look after look.
//!
//! Looks are at multiples of a span of event time. Which units a look has seen is decided by their maturity alone, so
//! that everyone who reads the topics takes the same looks, whenever they read them.

#[cfg(test)]
mod tests;

use events::Timestamp;
use experiment::{Experiment, MetricKind};
use statistics::sequential::NormalMixture;
use statistics::{Alpha, Estimate};

use crate::measure::interval;
use crate::observation::micros;
use crate::report::AlwaysValid;
use crate::sums::Sums;

/// When looks are taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Looks {
    every: i64,
    /// The look that will see what came last.
    next: Option<i64>,
}

impl Looks {
    pub(crate) fn of(experiment: &Experiment) -> Self {
        Self { every: micros(experiment.decision.look_every).max(1), next: None }
    }

    /// Notes that something comes at `moment`, in order; gives the look that has to be taken before it, if any.
    pub(crate) fn before(&mut self, moment: i64) -> Option<i64> {
        let whole = moment.div_euclid(self.every);
        let look =
            whole.saturating_add(i64::from(moment.rem_euclid(self.every) > 0)).saturating_mul(self.every);
        let due = self.next.filter(|next| *next < look);
        self.next = Some(look);
        due
    }

    /// The last look, if its moment has come.
    pub(crate) fn last(self, watermark: i64) -> Option<i64> {
        self.next.filter(|next| *next <= watermark)
    }
}

/// One comparison under watch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    kind: MetricKind,
    split: [f64; 2],
    mixture: NormalMixture,
    minimum_units: u64,
    looks: u64,
    latest: Option<(i64, Estimate, u64)>,
    /// The largest evidence of all looks, and the difference that was seen at it.
    best: (f64, f64),
}

impl Watch {
    /// A watch on `arm` that has not looked yet.
    pub(crate) fn new(experiment: &Experiment, kind: MetricKind, arm: usize) -> Self {
        let split = [0, arm].map(|arm| experiment.arms[arm].weight.fraction());
        Self {
            kind,
            split,
            mixture: mixture(experiment, kind, split),
            minimum_units: experiment.decision.minimum_units,
            looks: 0,
            latest: None,
            best: (0.0, 0.0),
        }
    }

    /// Looks at the sums of the control and the arm. Before both have the least number of units nothing is seen: an
    /// average of few is not normal.
    pub(crate) fn look(&mut self, at: i64, control: &Sums, treatment: &Sums) {
        if control.units.min(treatment.units) < self.minimum_units {
            return;
        }
        let Ok(seen) = control.watch(self.kind, treatment, (self.split, self.mixture)) else { return };
        self.looks += 1;
        self.latest = Some((at, seen.estimate, control.units + treatment.units));
        if seen.log_e > self.best.0 {
            self.best = (seen.log_e, seen.estimate.value);
        }
    }

    /// What was seen so far.
    pub(crate) fn result(&self) -> Option<AlwaysValid> {
        let (at, estimate, units) = self.latest?;
        let log_p = statistics::sequential::log_p(self.best.0);
        Some(AlwaysValid {
            last_look: Timestamp::from_micros(at),
            looks: self.looks,
            units,
            difference: interval(&estimate),
            log_p,
            p: log_p.exp(),
            evidence_sign: self.best.1.signum(),
        })
    }
}

/// The mixture that is narrowest at the planned number of units. Where two e-values share the bet, the interval has half
/// of alpha; see [`statistics::sequential::conversions_sequential`].
#[expect(clippy::expect_used, reason = "an experiment that exists has been checked")]
#[expect(clippy::cast_precision_loss, reason = "at most a billion units")]
fn mixture(experiment: &Experiment, kind: MetricKind, split: [f64; 2]) -> NormalMixture {
    let decision = &experiment.decision;
    let alpha = if kind == MetricKind::Proportion { decision.alpha / 2.0 } else { decision.alpha };
    let units = decision.planned_units as f64 * (split[0] + split[1]);
    let alpha = Alpha::new(alpha).expect("alpha lies between 0 and 1");
    NormalMixture::tuned_for(units, alpha).expect("there are units, and alpha is small")
}
