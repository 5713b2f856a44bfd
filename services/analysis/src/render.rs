//! The report as people read it: one page, intervals beside estimates, and a verdict in a sentence.

use std::fmt::Write;

use crate::report::{
    Arm, Comparison, ComparisonResult, ExperimentReport, Interval, MetricArm, MetricReport, PairedReport,
    Report, ShadowReport, Verdict, VerdictKind,
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
        // Writing into a string cannot fail.
        let _: std::fmt::Result = self.0.write_fmt(line);
        self.0.push('\n');
    }

    fn traffic(&mut self, report: &Report) {
        let counts = report.counts;
        self.line(format_args!(
            "Model {}: {} predictions, {} outcomes; {} events joined with an outcome",
            report.model, counts.predictions, counts.outcomes, report.joined_events
        ));
        for (count, what) in [
            (counts.duplicate_predictions, "predictions that came twice; the first one stands"),
            (counts.duplicate_outcomes, "outcomes that came twice"),
            (counts.revised_outcomes, "outcomes corrected by a later revision"),
            (counts.unjoinable_outcomes, "outcomes that are not about an event, and were not joined"),
            (counts.other_models, "predictions of other models"),
            (counts.undecodable, "records that could not be read"),
        ] {
            if count > 0 {
                self.line(format_args!("  {count} {what}"));
            }
        }
        match (report.is_complete, report.watermark) {
            (true, _) => {}
            (false, Some(watermark)) => self.line(format_args!("  up to {watermark}, and still going on")),
            (false, None) => self.line(format_args!("  nothing was seen yet")),
        }
    }

    fn experiment(&mut self, experiment: &ExperimentReport) {
        self.line(format_args!("\nExperiment {}", experiment.name));
        self.line(format_args!("  Is it true that {}?", experiment.hypothesis));
        self.line(format_args!("  Randomized by {}.\n", experiment.unit));
        self.line(format_args!(
            "  {:<12}{:<14}{:>10}{:>13}{:>11}",
            "arm", "version", "units", "predictions", "fallbacks"
        ));
        for Arm { name, version, units, predictions, fallbacks } in &experiment.arms {
            self.line(format_args!("  {name:<12}{version:<14}{units:>10}{predictions:>13}{fallbacks:>11}"));
        }
        self.split(experiment);
        for metric in &experiment.metrics {
            self.metric(metric, experiment);
        }
        self.line(format_args!(""));
        for verdict in &experiment.verdicts {
            self.verdict(verdict);
        }
    }

    fn split(&mut self, experiment: &ExperimentReport) {
        if let Some(ratio) = &experiment.sample_ratio {
            let state = if ratio.is_mismatch { "BROKEN" } else { "healthy" };
            let expected: Vec<_> = ratio.expected.iter().map(|units| format!("{units:.0}")).collect();
            self.line(format_args!(
                "  split {state}: {} expected, p = {}",
                expected.join(" : "),
                probability(ratio.log_p)
            ));
        }
        if experiment.crossovers > 0 {
            self.line(format_args!(
                "  {} units were seen in two arms and count in none",
                experiment.crossovers
            ));
        }
        if experiment.unknown_arms > 0 {
            self.line(format_args!(
                "  {} predictions are in an arm that is not defined",
                experiment.unknown_arms
            ));
        }
    }

    fn metric(&mut self, metric: &MetricReport, experiment: &ExperimentReport) {
        let margin = metric.margin.map(|margin| format!(", margin {margin}")).unwrap_or_default();
        self.line(format_args!("\n  {} ({}{margin}; {} is better)", metric.name, metric.role, metric.better));
        for (arm, sums) in experiment.arms.iter().zip(&metric.arms) {
            let MetricArm { units, events, unusable, immature_units, value } = sums;
            let value = value.map_or_else(|| "none".into(), number);
            let mut basis = format!("{events} events of {units} units");
            if *immature_units > 0 {
                basis += &format!("; {immature_units} still open");
            }
            if *unusable > 0 {
                basis += &format!("; {unusable} unusable");
            }
            self.line(format_args!("    {:<12}{value:>10}   {basis}", arm.name));
        }
        for comparison in &metric.comparisons {
            self.comparison(comparison, experiment.alpha);
        }
    }

    fn comparison(&mut self, comparison: &Comparison, alpha: f64) {
        let Comparison { arm, result } = comparison;
        self.result(arm, "control", result, alpha);
    }

    fn result(&mut self, one: &str, other: &str, result: &ComparisonResult, alpha: f64) {
        match result {
            ComparisonResult::Unavailable { unavailable } => {
                self.line(format_args!("    {one} - {other}: not available, {unavailable}"));
            }
            ComparisonResult::Tested { difference, relative, log_p, adjusted_p, .. } => {
                let level = 100.0 * (1.0 - alpha);
                let relative = relative.as_ref().map(|relative| {
                    let percent = |part: f64| format!("{:+.1}", 100.0 * part);
                    let Interval { value, low, high, .. } = *relative;
                    format!(", or {} % [{}, {}]", percent(value), percent(low), percent(high))
                });
                let adjusted = adjusted_p
                    .filter(|adjusted| (adjusted.ln() - log_p).abs() > 1e-9)
                    .map(|adjusted| format!(", corrected {}", probability(adjusted.ln())));
                self.line(format_args!(
                    "    {one} - {other}: {} [{}, {}] at {level:.0} %{}, p = {}{}",
                    signed(difference.value),
                    signed(difference.low),
                    signed(difference.high),
                    relative.unwrap_or_default(),
                    probability(*log_p),
                    adjusted.unwrap_or_default()
                ));
            }
        }
    }

    fn verdict(&mut self, verdict: &Verdict) {
        let Verdict { arm, verdict, reason, .. } = verdict;
        let says = match verdict {
            VerdictKind::Better => "is better than control",
            VerdictKind::Worse => "is worse than control",
            VerdictKind::Equivalent => "is as good as control",
            VerdictKind::Inconclusive => "cannot be told from control",
        };
        self.line(format_args!("  Verdict: {arm} {says}: {reason}."));
    }

    fn shadow(&mut self, shadow: &ShadowReport) {
        let ShadowReport { version, production, predictions, pairs, metrics } = shadow;
        self.line(format_args!("\nShadow {version}, had it served in place of {production}"));
        self.line(format_args!("  {predictions} events scored, {pairs} of them in pairs with {production}"));
        metrics.iter().for_each(|metric| self.pair(metric, production, version));
        self.line(format_args!(
            "  A shadow says how well it would predict, not what acting on it would change."
        ));
    }

    fn pair(&mut self, metric: &PairedReport, production: &str, version: &str) {
        let PairedReport { name, better, pairs, units, production: of_production, shadow, result } = metric;
        let show = |value: &Option<f64>| value.map_or_else(|| "none".into(), number);
        self.line(format_args!(
            "\n  {name} ({better} is better): {version} {}, {production} {}, on {pairs} events of {units} units",
            show(shadow),
            show(of_production)
        ));
        self.result(version, production, result, 0.05);
    }
}

/// Four significant digits, without the exponent where a person can do without.
fn number(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 {
        "0".into()
    } else if (1e-3..1e6).contains(&magnitude) {
        #[expect(clippy::cast_possible_truncation, reason = "a logarithm between -3 and 6")]
        let decimals = (3 - magnitude.log10().floor() as i32).max(0);
        format!("{value:.*}", usize::try_from(decimals).unwrap_or(0))
    } else {
        format!("{value:.3e}")
    }
}

fn signed(value: f64) -> String {
    let text = number(value);
    if value > 0.0 { format!("+{text}") } else { text }
}

/// A p-value from its logarithm: two digits, however small it is.
fn probability(log_p: f64) -> String {
    let p = log_p.exp();
    if p >= 0.001 {
        return format!("{p:.3}");
    }
    let decades = log_p / std::f64::consts::LN_10;
    let exponent = decades.floor();
    format!("{:.1}e{exponent:.0}", 10_f64.powf(decades - exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_sensible_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.342_41, "0.3424"),
            (-0.011_6, "-0.01160"),
            (12.345_6, "12.35"),
            (123_456.0, "123456"),
            (1.5e-7, "1.500e-7"),
            (2.0e9, "2.000e9"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(signed(0.5), "+0.5000");
    }

    #[test]
    fn probabilities_do_not_underflow() {
        for (log_p, text) in
            [(0.0, "1.000"), (0.05_f64.ln(), "0.050"), (1e-4_f64.ln(), "1.0e-4"), (-2_000.0, "2.6e-869")]
        {
            assert_eq!(probability(log_p), text);
        }
    }
}
