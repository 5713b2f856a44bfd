//! Two arms compared.

use serde_json::json;
use statistics::{
    Alpha, Comparison, Estimate, Proportion, Test, Unavailable,
    bayes::{self, Prior},
    sequential::{self, BURN_IN, NormalMixture},
};

use super::{
    arguments::{MeansArguments, ProportionsArguments, RatesArguments},
    report::{Report, Unit, confidence, count, interval, p, significant},
};

pub(super) fn proportions(arguments: &ProportionsArguments) -> anyhow::Result<Report> {
    let (control, treatment, alpha) = (arguments.control, arguments.treatment, arguments.shown.alpha);
    let result = statistics::two_proportions(control, treatment, alpha)?;
    let of = |arm: Proportion| format!("{} of {}", count(arm.successes), count(arm.units()));
    let report = Report::default()
        .line("control", format!("{}   {}", interval(&result.control, Unit::Percent, false), of(control)))
        .line(
            "treatment",
            format!("{}   {}", interval(&result.treatment, Unit::Percent, false), of(treatment)),
        );
    let report = comparison(report, &result, Unit::Points, alpha);
    let report = watched_shares(report, arguments)?;
    Ok(believed(report, control, treatment)?)
}

pub(super) fn means(arguments: &MeansArguments) -> anyhow::Result<Report> {
    let (control, treatment, alpha) = (arguments.control, arguments.treatment, arguments.shown.alpha);
    let result = statistics::welch(&control, &treatment, alpha)?;
    let report = Report::default()
        .line(
            "control",
            format!("{}   {} units", interval(&result.control, Unit::Plain, false), count(control.n)),
        )
        .line(
            "treatment",
            format!("{}   {} units", interval(&result.treatment, Unit::Plain, false), count(treatment.n)),
        );
    let report = comparison(report, &result, Unit::Plain, alpha);
    let n = (control.n + treatment.n) as f64;
    let mixture = NormalMixture::tuned_for(arguments.planned, alpha)?;
    let difference = result.difference;
    if difference.standard_error == 0.0 {
        return Ok(report);
    }
    let (estimate, log_e) = mixture.watch(difference.value, difference.standard_error, n);
    Ok(watched(report, &estimate, log_e, Unit::Plain))
}

pub(super) fn rates(arguments: &RatesArguments) -> anyhow::Result<Report> {
    let alpha = arguments.shown.alpha;
    let result = statistics::rates(arguments.control, arguments.treatment, alpha)?;
    let (a, b) = (result.comparison.control, result.comparison.treatment);
    let report = Report::default()
        .line(
            "control",
            format!("{}   {} events", interval(&a, Unit::Plain, false), count(arguments.control.events)),
        )
        .line(
            "treatment",
            format!("{}   {} events", interval(&b, Unit::Plain, false), count(arguments.treatment.events)),
        )
        .line(
            "difference",
            format!(
                "{}, {} (exact)",
                interval(&result.comparison.difference, Unit::Plain, true),
                p(result.log_p_exact)
            ),
        );
    Ok(report
        .sentence(reading(&result.comparison.difference, result.log_p_exact, alpha))
        .member("control", json!(a))
        .member("treatment", json!(b))
        .member("difference", json!(result.comparison.difference))
        .member("z", result.comparison.statistic)
        .member("log_p_score", result.comparison.log_p)
        .member("log_p", result.log_p_exact)
        .member("p", result.log_p_exact.exp()))
}

/// The difference and the lift, with what they say.
fn comparison(report: Report, result: &Comparison, unit: Unit, alpha: Alpha) -> Report {
    let test = match result.test {
        Test::Score => "score test",
        Test::FisherExact => "Fisher's exact test, for few of a kind",
        Test::Welch => "Welch's t-test",
        Test::Student => "Student's t-test",
        Test::Delta => "delta method",
    };
    let lift = match &result.relative {
        Ok(lift) => interval(lift, Unit::Percent, true),
        Err(reason) => format!("none: {reason}"),
    };
    report
        .line(
            "difference",
            format!("{}, {} ({test})", interval(&result.difference, unit, true), p(result.log_p)),
        )
        .line("lift", lift)
        .sentence(reading(&result.difference, result.log_p, alpha))
        .member("alpha", alpha.get())
        .member("control", json!(result.control))
        .member("treatment", json!(result.treatment))
        .member("difference", json!(result.difference))
        .member("relative", result.relative.as_ref().map_or_else(reason, |lift| json!(lift)))
        .member("test", json!(result.test))
        .member("statistic", result.statistic)
        .member("df", json!(result.df))
        .member("log_p", result.log_p)
        .member("p", result.p())
}

fn reason(reason: &Unavailable) -> serde_json::Value {
    json!({ "unavailable": reason.to_string() })
}

/// What a p-value says, and does not say.
fn reading(difference: &Estimate, log_p: f64, alpha: Alpha) -> String {
    let confidence = confidence(alpha);
    if log_p < alpha.get().ln() {
        let direction = if difference.value > 0.0 { "higher" } else { "lower" };
        return format!(
            "The treatment is {direction}, beyond chance (alpha {}), if this was the one look that was planned. Intervals: {confidence}.",
            alpha.get()
        );
    }
    format!(
        "No difference is shown; that is not a proof that there is none: the interval holds what cannot be excluded. Intervals: {confidence}."
    )
}

fn watched_shares(report: Report, arguments: &ProportionsArguments) -> Result<Report, Unavailable> {
    let (control, treatment) = (arguments.control, arguments.treatment);
    let mixture = NormalMixture::tuned_for(arguments.planned, arguments.shown.alpha)?;
    let result = sequential::proportions_sequential(control, treatment, mixture)?;
    if !result.is_burnt_in {
        return Ok(report
            .line("always valid", format!("not yet: fewer than {BURN_IN} events are expected in an arm")));
    }
    Ok(watched(report, &result.estimate, result.log_e, Unit::Points))
}

/// The interval for those who look again and again.
fn watched(report: Report, estimate: &Estimate, log_e: f64, unit: Unit) -> Report {
    let log_p = sequential::log_p(log_e);
    report
        .line("always valid", format!("{}, {}; holds at every look", interval(estimate, unit, true), p(log_p)))
        .member(
            "always_valid",
            json!({ "low": estimate.low, "high": estimate.high, "log_e": log_e, "log_p": log_p, "p": log_p.exp() }),
        )
}

/// What to believe, with a flat prior.
fn believed(report: Report, control: Proportion, treatment: Proportion) -> Result<Report, Unavailable> {
    let result = bayes::beta_binomial(control, treatment, Prior { successes: 1.0, failures: 1.0 })?;
    let chance = result.log_treatment_higher.exp();
    let text = format!(
        "{} % that the treatment is higher; taking it costs {} points on average if it is not, keeping the control {}",
        significant(100.0 * chance, 4),
        significant(100.0 * result.loss_of_treatment, 3),
        significant(100.0 * result.loss_of_control, 3),
    );
    Ok(report.line("chance", text).member(
        "bayes",
        json!({
            "chance_to_win": chance, "log_chance_to_win": result.log_treatment_higher,
            "expected_loss_treatment": result.loss_of_treatment, "expected_loss_control": result.loss_of_control,
        }),
    ))
}
