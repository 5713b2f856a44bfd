//! The report as people read it: one page, intervals beside estimates, and a verdict in a sentence.

mod comparison;
mod numbers;
#[cfg(test)]
mod tests;

use comparison::Shown;
use numbers::{count, number, probability};

use crate::report::{
    Arm, Comparison, ExperimentReport, MetricArm, MetricReport, PairedReport, Report, RolloutStep,
    ShadowReport, Verdict, VerdictKind,
};

/// Renders a report as text, about a hundred columns wide.
pub fn render(report: &Report) -> String {
    let mut page = Page::default();
    page.traffic(report);
    report.experiments.iter().for_each(|experiment| page.experiment(experiment));
    report.shadows.iter().for_each(|shadow| page.shadow(shadow));
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.0.push_str(&line.to_string());
        self.0.push('\n');
    }

    fn traffic(&mut self, report: &Report) {
        let counts = report.counts;
        self.line(format_args!(
            "Model {}: {}, {}; {} joined with an outcome",
            report.model,
            count(counts.predictions, "prediction"),
            count(counts.outcomes, "outcome"),
            count(report.joined_events, "event")
        ));
        for (number, what, more) in [
            (counts.duplicate_predictions, "prediction", " that came again; the first stands"),
            (counts.duplicate_outcomes, "outcome", " that came again; the latest revision stands"),
            (counts.revised_outcomes, "outcome", " in a corrected revision"),
            (report.orphan_outcomes, "outcome", " about predictions that nobody has seen"),
            (counts.other_models, "prediction", " by other models"),
            (counts.undecodable, "record", " that could not be read"),
        ] {
            if number > 0 {
                self.line(format_args!("  {}{more}", count(number, what)));
            }
        }
        for name in &report.undefined_experiments {
            self.line(format_args!(
                "  experiment {name} runs, and no definition here fits it: it is not analysed"
            ));
        }
        match (report.is_complete, report.watermark) {
            (true, _) => {}
            (false, Some(watermark)) => self.line(format_args!("  up to {watermark}; more is to come")),
            (false, None) => self.line(format_args!("  nothing was seen so far")),
        }
    }

    fn experiment(&mut self, experiment: &ExperimentReport) {
        self.line(format_args!("\nExperiment {}", experiment.name));
        self.line(format_args!("  Is it true that {}?", experiment.hypothesis));
        self.line(format_args!("  Randomized by {}.\n", experiment.unit));
        let width = name_width(experiment.arms.iter().map(|arm| &arm.name));
        let versions = name_width(experiment.arms.iter().map(|arm| &arm.version));
        self.line(format_args!(
            "  {:<width$}{:<versions$}{:>10}{:>13}{:>11}",
            "arm", "version", "units", "predictions", "fallbacks"
        ));
        for Arm { name, version, units, predictions, fallbacks } in &experiment.arms {
            self.line(format_args!(
                "  {name:<width$}{version:<versions$}{units:>10}{predictions:>13}{fallbacks:>11}"
            ));
        }
        self.split(experiment);
        for metric in &experiment.metrics {
            self.metric(metric, experiment);
        }
        self.line(format_args!(""));
        for verdict in &experiment.verdicts {
            self.verdict(verdict, control(experiment));
        }
        if let Some(RolloutStep { coverage, next, is_allowed, reason }) = &experiment.rollout {
            let may = if *is_allowed { "may go" } else { "should not go yet" };
            let (coverage, next) = (100.0 * coverage, 100.0 * next);
            self.line(format_args!("  Rollout: it {may} from {coverage} % to {next} %: {reason}."));
        }
    }

    fn split(&mut self, experiment: &ExperimentReport) {
        if let Some(ratio) = &experiment.sample_ratio {
            let state = if ratio.is_mismatch { "BROKEN" } else { "healthy" };
            let is_live = experiment.method == "always-valid";
            let log_p = if is_live { ratio.always_valid_log_p } else { ratio.log_p };
            let when = if is_live { " at any time" } else { "" };
            let expected: Vec<_> = ratio
                .expected
                .iter()
                .map(|units| (10.0 * units).round() / 10.0)
                .map(|units| units.to_string())
                .collect();
            self.line(format_args!(
                "  The split is {state}: {} units were expected, p = {}{when}.",
                expected.join(" : "),
                probability(log_p)
            ));
        }
        if experiment.crossovers > 0 {
            let units = count(experiment.crossovers, "unit");
            self.line(format_args!("  Seen in two arms, and so counted in none: {units}."));
        }
        if experiment.unknown_arms > 0 {
            let predictions = count(experiment.unknown_arms, "prediction");
            self.line(format_args!("  In an arm that is not defined: {predictions}."));
        }
    }

    fn metric(&mut self, metric: &MetricReport, experiment: &ExperimentReport) {
        let margin = metric.margin.map(|margin| format!(", margin {margin}")).unwrap_or_default();
        let effect = metric.minimum_effect.map(|effect| format!(", {effect} matters")).unwrap_or_default();
        let MetricReport { name, role, better, .. } = metric;
        self.line(format_args!("\n  {name} ({role}{margin}{effect}; {better} is better)"));
        let width = name_width(experiment.arms.iter().map(|arm| &arm.name));
        for (arm, sums) in experiment.arms.iter().zip(&metric.arms) {
            let MetricArm { units, events, unusable, winsorized_units, immature_units, .. } = sums;
            let MetricArm { late_outcomes, value, restated, .. } = sums;
            let value = value.map_or_else(|| "none".into(), number);
            let mut basis = format!("{} of {}", count(*events, "event"), count(*units, "unit"));
            if *immature_units > 0 {
                basis += &format!("; {} still open", count(*immature_units, "unit"));
            }
            if *late_outcomes > 0 {
                let with_them = restated.map_or_else(|| "none".into(), number);
                basis += &format!("; {} too late, with them {with_them}", count(*late_outcomes, "outcome"));
            }
            if *winsorized_units > 0 {
                basis += &format!("; {} held at a bound", count(*winsorized_units, "unit"));
            }
            if *unusable > 0 {
                basis += &format!("; {} that cannot be used", count(*unusable, "event"));
            }
            self.line(format_args!("    {:<width$}{value:>10}   {basis}", arm.name));
        }
        for Comparison { arm, result } in &metric.comparisons {
            let is_live = experiment.method == "always-valid";
            let arms = (arm.as_str(), control(experiment));
            self.comparison(&Shown { arms, result, alpha: experiment.alpha, is_live });
        }
    }

    fn verdict(&mut self, verdict: &Verdict, control: &str) {
        let Verdict { arm, verdict, reason, .. } = verdict;
        let says = match verdict {
            VerdictKind::Better => "is better than",
            VerdictKind::Worse => "is worse than",
            VerdictKind::Equivalent => "is as good as",
            VerdictKind::Inconclusive => "is not shown to be better or worse than",
        };
        self.line(format_args!("  Verdict: {arm} {says} {control}: {reason}."));
    }

    fn shadow(&mut self, shadow: &ShadowReport) {
        let ShadowReport { version, production, predictions, pairs, metrics } = shadow;
        let scored = count(*predictions, "event");
        if production.is_empty() {
            self.line(format_args!("\nShadow {version}"));
            self.line(format_args!(
                "  {scored} scored, none of them by production alone: there are no pairs."
            ));
            return;
        }
        self.line(format_args!("\nShadow {version}, had it served in place of {production}"));
        self.line(format_args!("  {scored} scored, {pairs} of them by {production} too"));
        metrics.iter().for_each(|metric| self.pair(metric, production, version));
        self.line(format_args!(
            "  A shadow says how well it would predict, not what acting on it would change."
        ));
    }

    fn pair(&mut self, metric: &PairedReport, production: &str, version: &str) {
        let PairedReport { name, better, pairs, units, production: of_production, shadow, result } = metric;
        let show = |value: &Option<f64>| value.map_or_else(|| "none".into(), number);
        self.line(format_args!(
            "\n  {name} ({better} is better): {version} {}, {production} {}, on {} of {}",
            show(shadow),
            show(of_production),
            count(*pairs, "event"),
            count(*units, "unit")
        ));
        self.comparison(&Shown { arms: (version, production), result, alpha: 0.05, is_live: false });
    }
}

/// The arm that all others are compared with.
fn control(experiment: &ExperimentReport) -> &str {
    experiment.arms.first().map_or("control", |arm| &arm.name)
}

/// The width of a column of names, with two spaces after the longest.
fn name_width<'n>(names: impl Iterator<Item = &'n String>) -> usize {
    names.map(|name| name.chars().count() + 2).max().unwrap_or_default().max(12)
}
