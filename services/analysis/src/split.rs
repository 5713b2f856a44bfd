//! Whether units came into the arms in the shares that they should have.

use experiment::{Experiment, Method};
use statistics::sequential::counts::multinomial;

use crate::evaluate::Closed;
use crate::exposure::Exposures;
use crate::report::{Arm, SampleRatio};
use crate::watch::Looks;

/// The weight of the Dirichlet mixture: it finds a split that is some ten percent off, and any other one later.
const CONCENTRATION: f64 = 1_000.0;

/// Checks the split at one look and at all looks so far. All units count, those whose windows are open too: the split is
/// decided when a unit comes in.
pub(crate) fn sample_ratio(
    experiment: &Experiment,
    (arms, exposures): (&[Arm], &Exposures<'_>),
    closed: Closed,
) -> Option<SampleRatio> {
    let observed: Vec<u64> = arms.iter().map(|arm| arm.units).collect();
    let widths: Vec<f64> = (0..arms.len()).map(|arm| experiment.width(arm).fraction()).collect();
    let check = statistics::sample_ratio(&observed, &widths).ok()?;
    let always_valid_log_p = watched(experiment, exposures, &widths, closed);
    let is_mismatch = match experiment.decision.method {
        Method::Fixed => check.is_mismatch(),
        Method::AlwaysValid => always_valid_log_p.exp() < statistics::SampleRatio::ALARM,
    };
    Some(SampleRatio { is_mismatch, expected: check.expected, log_p: check.log_p, always_valid_log_p })
}

fn watched(experiment: &Experiment, exposures: &Exposures<'_>, widths: &[f64], closed: Closed) -> f64 {
    let mut counts = vec![0; widths.len()];
    let mut best = 0.0_f64;
    let mut look = |counts: &[u64]| {
        best = best.max(multinomial(counts, widths, CONCENTRATION).unwrap_or(0.0));
    };
    let mut looks = Looks::of(experiment);
    for unit in exposures.in_order() {
        if looks.before(unit.since.as_micros()).is_some() {
            look(&counts);
        }
        counts[unit.arm] += 1;
    }
    if looks.last(closed.watermark()).is_some() {
        look(&counts);
    }
    statistics::sequential::log_p(best)
}
