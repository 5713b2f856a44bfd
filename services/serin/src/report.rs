//! `serin experiment report`: how an experiment stands now.

use std::collections::BTreeMap;
use std::io::Write;

use analysis::{ComparisonResult, ExperimentReport, Interval, MetricReport};
use anyhow::{Context, bail};
use messaging::Broker;
use runtime::{Output, Shutdown};

use crate::cli::{ExperimentReportArguments, ReportFormat};
use crate::config::Config;

/// Joins what is on the topics now, and prints what it says of one experiment. Nothing is published, and windows that
/// are open stay open: more is to come.
pub(crate) async fn run(
    arguments: ExperimentReportArguments,
    environment: BTreeMap<String, String>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let config = Config::open(&arguments.config.config, &environment)?;
    let analysis = config.analysis()?;
    let url = &config.broker.url;
    let broker = Broker::connect(&config.broker).await.with_context(|| format!("cannot reach {url}"))?;
    let report = analysis::look(analysis, &broker, &shutdown).await;
    broker.close().await;
    let mut report = report?;
    let names: Vec<_> = report.experiments.iter().map(|each| each.name.clone()).collect();
    report.experiments.retain(|each| each.name == arguments.name);
    report.undefined_experiments.retain(|name| *name == arguments.name);
    report.shadows.clear();
    let Some(experiment) = report.experiments.first() else {
        bail!("nothing is analysed of experiment \"{}\" (analysed: {})", arguments.name, names.join(", "));
    };
    let mut out = Output::stdout();
    match arguments.format {
        ReportFormat::Table => write!(out, "{}", analysis::render(&report))?,
        ReportFormat::Json => {
            serde_json::to_writer_pretty(&mut out, experiment)?;
            writeln!(out)?;
        }
        ReportFormat::Csv => lines(experiment).try_for_each(|line| writeln!(out, "{line}"))?,
    }
    Ok(out.flush()?)
}

const COLUMNS: &str = "experiment,metric,role,kind,better,arm,version,units,immature_units,events,value,difference,low,\
                       high,p,always_valid_low,always_valid_high,always_valid_p,adjusted_p,chance_to_win,expected_loss,\
                       verdict,rule";

/// The header, and a line for each metric and arm.
fn lines(experiment: &ExperimentReport) -> impl Iterator<Item = String> {
    let rows = experiment.metrics.iter().flat_map(move |metric| {
        (0..experiment.arms.len()).map(move |arm| {
            let fields: Vec<_> = row(experiment, metric, arm).iter().map(|field| quoted(field)).collect();
            fields.join(",")
        })
    });
    std::iter::once(COLUMNS.to_owned()).chain(rows)
}

/// The fields of a metric in an arm. The control, which is compared with nothing, has fewer.
fn row(experiment: &ExperimentReport, metric: &MetricReport, at: usize) -> Vec<String> {
    let (arm, sums) = (&experiment.arms[at], &metric.arms[at]);
    let mut fields: Vec<String> =
        [&*experiment.name, &metric.name, metric.role, metric.kind, metric.better, &arm.name, &arm.version]
            .map(str::to_owned)
            .into();
    fields.extend([sums.units, sums.immature_units, sums.events].map(|count| count.to_string()));
    fields.push(shown(sums.value));
    let compared = at.checked_sub(1).map(|treatment| &metric.comparisons[treatment].result);
    fields.extend(comparison(compared).map(shown));
    let verdict = at.checked_sub(1).map(|treatment| &experiment.verdicts[treatment]);
    fields.push(verdict.map_or_else(String::new, |verdict| verdict.verdict.as_str().to_owned()));
    fields.push(verdict.map_or_else(String::new, |verdict| verdict.rule.to_owned()));
    fields
}

fn comparison(compared: Option<&ComparisonResult>) -> [Option<f64>; 10] {
    let Some(ComparisonResult::Tested { difference, p, always_valid, bayesian, adjusted_p, .. }) = compared
    else {
        return [None; 10];
    };
    let Interval { value, low, high, .. } = *difference;
    let always = always_valid.as_ref();
    [
        Some(value),
        Some(low),
        Some(high),
        Some(*p),
        always.map(|always| always.difference.low),
        always.map(|always| always.difference.high),
        always.map(|always| always.p),
        *adjusted_p,
        bayesian.map(|bet| bet.chance_to_win),
        bayesian.map(|bet| bet.expected_loss),
    ]
}

fn shown(number: Option<f64>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

/// A field as RFC 4180 has it: in quotes where it has a comma, a quote or a line break.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        for (field, written) in
            [("loss", "loss"), ("loss, \u{20ac}", "\"loss, \u{20ac}\""), ("a \"b\"", "\"a \"\"b\"\"\"")]
        {
            assert_eq!(quoted(field), written);
        }
        assert_eq!(comparison(None).map(shown).concat(), "");
        // Four numbers of an arm, ten of a comparison, seven names and two words of a verdict.
        assert_eq!(COLUMNS.split(',').count(), 4 + 10 + 7 + 2);
    }
}
