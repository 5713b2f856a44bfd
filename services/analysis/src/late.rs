//! Outcomes that came, or were corrected, after their unit had matured: too late for the tests, which never take
//! anything back.

use std::collections::BTreeMap;

use compact_str::CompactString;
use events::{OutcomeEvent, Subject, Timestamp, Unit};
use experiment::Experiment;

use crate::evaluate::{Closed, Question};
use crate::exposure::Exposures;
use crate::join::{Fact, Facts, Joiner};
use crate::observation::micros;
use crate::watermark::Watermarks;

/// Late outcomes, each in the revision that stands now, by id and revision.
pub(crate) type Late = BTreeMap<(CompactString, u64), OutcomeEvent>;

/// All that came too late for an experiment.
pub(crate) fn late_outcomes(joiner: &Joiner, question: &Question, watermarks: &Watermarks) -> Late {
    let mut late = Late::new();
    for experiment in &question.experiments {
        collect(experiment, joiner, Closed::new(watermarks, question.grace), &mut late);
    }
    late
}

fn collect(experiment: &Experiment, joiner: &Joiner, closed: Closed, late: &mut Late) {
    let events = joiner.in_order();
    let exposures = Exposures::collect(experiment, (joiner, &events));
    for metric in &experiment.metrics {
        let Some(name) = metric.of.outcome() else { continue };
        let window = micros(experiment.exposure_window).saturating_add(metric.attribution.map_or(0, micros));
        let mature = |since| {
            closed.is_over(since, window).then(|| Standing { name, until: closed.moment(since, window) })
        };
        for (id, event) in &events {
            let unit = event.served.as_ref().and_then(|served| exposures.units.get(served.unit.as_str()));
            if let Some(standing) = unit.and_then(|unit| mature(unit.since)) {
                standing.add(&event.outcomes, &Subject::Event((*id).into()), late);
            }
        }
        for (id, unit) in &exposures.units {
            if let Some((facts, standing)) = unit.about.zip(mature(unit.since)) {
                let unit = Unit { kind: experiment.unit.clone(), id: (*id).into() };
                standing.add(facts, &Subject::Unit(unit), late);
            }
        }
    }
}

/// The facts of one metric as a unit's maturity found them.
struct Standing<'m> {
    name: &'m str,
    until: Timestamp,
}

impl Standing<'_> {
    fn add(&self, facts: &Facts, subject: &Subject, late: &mut Late) {
        let of_metric = facts.iter().filter(|fact| fact.metric == self.name);
        for fact in of_metric.filter(|fact| fact.standing(self.until) != Some(fact.last())) {
            let event = event(fact, subject);
            late.insert((event.outcome_id.clone(), event.revision), event);
        }
    }
}

fn event(fact: &Fact, subject: &Subject) -> OutcomeEvent {
    let last = fact.last();
    OutcomeEvent {
        outcome_id: fact.id.clone(),
        subject: subject.clone(),
        metric: fact.metric.clone(),
        value: last.value,
        occurred_at: last.occurred_at,
        revision: last.revision,
    }
}
