//! Counts that should be even, or split as planned; p-values that are several.

use serde_json::json;
use statistics::{
    SampleRatio,
    sequential::{self, counts as exact},
};

use super::{
    arguments::{AdjustArguments, McnemarArguments, SplitArguments},
    report::{Report, count, p, significant},
};

pub(super) fn mcnemar(arguments: &McnemarArguments) -> anyhow::Result<Report> {
    let (first, second, alpha) = (arguments.only_first, arguments.only_second, arguments.shown.alpha);
    let result = statistics::mcnemar(first, second);
    let log_p = sequential::log_p(exact::mcnemar(first, second, 1.0)?);
    let report = Report::default()
        .line("only the first right", count(first))
        .line("only the second right", count(second));
    let report = match share(first, second, alpha)? {
        Some(text) => report.line("second's share", format!("{text}, {} (mid-p)", p(result.log_mid_p))),
        None => report
            .line("second's share", format!("unknown: the models never differ, {}", p(result.log_mid_p))),
    };
    let sentence = if result.log_mid_p < alpha.get().ln() {
        format!(
            "The {} model is right more often, beyond chance, if events are independent.",
            if first > second { "first" } else { "second" }
        )
    } else {
        "Neither model is shown to be right more often.".to_owned()
    };
    Ok(report
        .line("always valid", format!("{}; holds at every look", p(log_p)))
        .sentence(sentence)
        .member("log_p_exact", result.log_p)
        .member("log_p_mid", result.log_mid_p)
        .member("p_mid", result.p())
        .member("log_p_always_valid", log_p))
}

/// The second model's share of the events on which they differ, with its interval.
fn share(first: u64, second: u64, alpha: statistics::Alpha) -> anyhow::Result<Option<String>> {
    if first + second == 0 {
        return Ok(None);
    }
    let seen = statistics::Proportion { successes: second, failures: first };
    let (low, high) = statistics::clopper_pearson(seen, alpha)?;
    let percent = |share: f64| significant(100.0 * share, 4);
    let value = second as f64 / (first + second) as f64;
    Ok(Some(format!("{} % [{}, {}]", percent(value), percent(low), percent(high))))
}

pub(super) fn split(arguments: &SplitArguments) -> anyhow::Result<Report> {
    let observed = &arguments.observed;
    let even = vec![1.0; observed.len()];
    let weights = if arguments.weights.is_empty() { &even } else { &arguments.weights };
    let result = statistics::sample_ratio(observed, weights)?;
    let log_e = exact::multinomial(observed, weights, 100.0)?;
    let log_p = sequential::log_p(log_e);
    let total: u64 = observed.iter().sum();
    let mut report = Report::default();
    for (index, (&units, expected)) in observed.iter().zip(&result.expected).enumerate() {
        let share = significant(100.0 * units as f64 / total as f64, 4);
        let text = format!("{}, {share} %; {} expected", count(units), significant(*expected, 6));
        report = report.line(format!("arm {}", index + 1), text);
    }
    let test = if result.exact { "exact" } else { "chi-squared" };
    let sentence = if result.is_mismatch() {
        format!(
            "The split is broken (p below {}): no result of this experiment should be read.",
            SampleRatio::ALARM
        )
    } else {
        format!("The split is healthy: an alarm is at p below {}.", SampleRatio::ALARM)
    };
    Ok(report
        .line(
            "one look",
            format!("{} ({test}, statistic {})", p(result.log_p), significant(result.statistic, 4)),
        )
        .line("always valid", format!("{}; holds at every look", p(log_p)))
        .sentence(sentence)
        .member("expected", json!(result.expected))
        .member("statistic", result.statistic)
        .member("df", result.df)
        .member("log_p", result.log_p)
        .member("p", result.p())
        .member("log_e", log_e)
        .member("log_p_always_valid", log_p)
        .member("is_mismatch", result.is_mismatch()))
}

pub(super) fn adjust(arguments: &AdjustArguments) -> Report {
    let log_p: Vec<f64> = arguments.p.iter().map(|p| p.ln()).collect();
    let p = |adjusted: Vec<f64>| -> Vec<f64> { adjusted.into_iter().map(f64::exp).collect() };
    let (holm, discoveries) = (p(statistics::holm(&log_p)), p(statistics::benjamini_hochberg(&log_p)));
    let mut report = Report::default();
    for ((own, holm), discovery) in arguments.p.iter().zip(&holm).zip(&discoveries) {
        let [own, holm, discovery] = [own, holm, discovery].map(|p| significant(*p, 3));
        report = report.line(format!("p = {own}"), format!("Holm {holm}, Benjamini-Hochberg {discovery}"));
    }
    report
        .sentence("Holm keeps the chance of any false alarm, Benjamini-Hochberg the share of false ones among the alarms.")
        .member("p", json!(arguments.p))
        .member("holm", json!(holm))
        .member("benjamini_hochberg", json!(discoveries))
}
