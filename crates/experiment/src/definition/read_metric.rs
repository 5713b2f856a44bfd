//! Written to checked: metrics.

use std::collections::HashSet;

use toml::Table;

use super::{
    Absent, Aggregate, Better, Metric, MetricKind, MetricRole, Quantity, Winsorize, limits, metric,
    read::place,
    section::{NotYet, Section, finite_number, shown},
};

const NOT_YET: [NotYet; 6] = [
    ("cuped", "leave it out; the metric is compared without a pre-experiment covariate"),
    ("covariate", "leave it out; the metric is compared without a pre-experiment covariate"),
    ("pre_window", "leave it out; the metric is compared without a pre-experiment covariate"),
    ("winsorization", "write the bounds, `winsorize = [0, 500]`"),
    ("cap", "write the bounds, `winsorize = [0, 500]`"),
    ("quantile", "compare a \"mean\""),
];

/// What `role` says, before its margin is known.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    Primary,
    Secondary,
    Guardrail,
}

/// What `kind` says, before its aggregate is known.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Proportion,
    Mean,
    Count,
    Ratio,
}

/// Reads all `[[metric]]` tables. Those with a fault are missing from the result, their problems are noted.
pub(super) fn read_metrics(root: &mut Section<'_>) -> Vec<Metric> {
    let tables = root.tables("metric");
    let count = tables.len();
    if root.has("metric") && !(1..=limits::MAX_METRICS).contains(&count) {
        root.fault(format!("there must be 1 to {} metrics; here are {count}", limits::MAX_METRICS));
    }
    let read: Vec<_> =
        tables.iter().enumerate().map(|(index, table)| read_metric(root, index, table)).collect();
    let metrics: Vec<_> = read.into_iter().flatten().collect();
    let mut names = HashSet::new();
    for repeated in metrics.iter().filter(|metric| !names.insert(&metric.name)) {
        root.fault(format!("two metrics are called {:?}; names must differ", repeated.name));
    }
    // Only if all could be read: the faulty one may be the primary one.
    if count > 0 && metrics.len() == count && metrics.iter().all(|metric| metric.role != MetricRole::Primary)
    {
        root.fault("no metric has `role` \"primary\"; the one that decides must");
    }
    metrics
}

fn read_metric(root: &mut Section<'_>, index: usize, table: &Table) -> Option<Metric> {
    let mut section = Section::new(place("metric", index, table), table);
    section.require(&[
        ("name", "name what is compared, for example \"loss per card\""),
        ("role", "it can be \"primary\", \"secondary\" or \"guardrail\""),
        ("kind", "it can be \"proportion\", \"mean\", \"count\" or \"ratio\""),
        ("of", "give the quantity, for example \"outcome.loss\""),
        ("better", "it can be \"higher\" or \"lower\""),
    ]);
    let name = section.label("name", limits::LABEL_BYTES);
    let of = read_quantity(&mut section);
    let kind = read_kind(&mut section);
    let role = read_role(&mut section, kind, of.as_ref());
    let better = section.choice("better", &[("higher", Better::Higher), ("lower", Better::Lower)], &[]);
    let absent = read_absent(&mut section, of.as_ref());
    let attribution = section.window("attribution");
    if let Some(of) = &of {
        check_attribution(&mut section, of);
        if let Some(kind @ (MetricKind::Proportion | MetricKind::Count)) = kind.filter(|_| of.is_quality()) {
            section.fault(format!(
                "`kind` is \"{}\", which makes no sense of `{of}`; use \"ratio\" or \"mean\"",
                kind.as_str()
            ));
        }
    }
    let winsorize = read_winsorize(&mut section, kind);
    let minimum_effect = read_minimum_effect(&mut section, role, kind.zip(of.as_ref()));
    root.absorb(section.finish(&NOT_YET));
    let (name, role, kind, of, better) = (name?.into(), role?, kind?, of?, better?);
    Some(Metric { name, role, kind, of, absent, attribution, better, winsorize, minimum_effect })
}

fn read_quantity(section: &mut Section<'_>) -> Option<Quantity> {
    let text = section.text("of")?;
    text.parse().map_err(|error| section.fault(format!("`of`: {error}"))).ok()
}

fn read_kind(section: &mut Section<'_>) -> Option<MetricKind> {
    let kinds = [
        ("proportion", Kind::Proportion),
        ("mean", Kind::Mean),
        ("count", Kind::Count),
        ("ratio", Kind::Ratio),
    ];
    let later = "use \"mean\", \"proportion\", \"count\" or \"ratio\"";
    let kind = section.choice("kind", &kinds, &[("quantile", later)]);
    let later = "use \"sum\", \"mean\", \"first\" or \"last\"";
    let aggregate = section.choice(
        "aggregate",
        &[
            ("sum", Aggregate::Sum),
            ("mean", Aggregate::Mean),
            ("first", Aggregate::First),
            ("last", Aggregate::Last),
        ],
        &[("max", later), ("min", later), ("median", later)],
    );
    if section.has("aggregate") && kind.is_some_and(|kind| kind != Kind::Mean) {
        section.fault("`aggregate` is for `kind` \"mean\"; leave it out");
    }
    kind.map(|kind| match kind {
        Kind::Proportion => MetricKind::Proportion,
        Kind::Mean => MetricKind::Mean(aggregate.unwrap_or_default()),
        Kind::Count => MetricKind::Count,
        Kind::Ratio => MetricKind::Ratio,
    })
}

fn read_role(
    section: &mut Section<'_>,
    kind: Option<MetricKind>,
    of: Option<&Quantity>,
) -> Option<MetricRole> {
    let roles = [("primary", Role::Primary), ("secondary", Role::Secondary), ("guardrail", Role::Guardrail)];
    let role = section.choice("role", &roles, &[]);
    let margin = section.number("margin");
    match role? {
        Role::Guardrail if !section.has("margin") => {
            section
                .fault("`margin` is missing; say which loss is still acceptable, on the scale of the metric");
            None
        }
        Role::Guardrail => {
            let margin = margin?;
            check_margin(
                section,
                margin,
                kind.zip(of).is_some_and(|(kind, of)| metric::is_unit_interval(kind, of)),
            );
            Some(MetricRole::Guardrail { margin })
        }
        Role::Primary | Role::Secondary if section.has("margin") => {
            section.fault("`margin` is for guardrails; leave it out, or make `role` \"guardrail\"");
            None
        }
        Role::Primary => Some(MetricRole::Primary),
        Role::Secondary => Some(MetricRole::Secondary),
    }
}

fn check_margin(section: &mut Section<'_>, margin: f64, is_unit_interval: bool) {
    if margin <= 0.0 {
        section.fault(format!(
            "`margin` is {margin}; it must be above 0, the largest loss that is still acceptable"
        ));
    } else if is_unit_interval && margin > 1.0 {
        section.fault(format!(
            "`margin` is for guardrails on the scale of the metric; {margin} is more than the whole range 0..1"
        ));
    }
}

fn read_winsorize(section: &mut Section<'_>, kind: Option<MetricKind>) -> Option<Winsorize> {
    let written = section.value("winsorize")?;
    if matches!(kind, Some(MetricKind::Proportion | MetricKind::Ratio)) {
        section.fault("`winsorize` is for `kind` \"mean\" and \"count\"; leave it out");
        return None;
    }
    let bounds = written.as_array().and_then(|bounds| match bounds.as_slice() {
        [low, high] => Some(Winsorize { low: finite_number(low)?, high: finite_number(high)? }),
        _ => None,
    });
    let bounds = bounds.filter(|bounds| bounds.low < bounds.high);
    if bounds.is_none() {
        let message = "it must be two numbers, the lower bound and the upper one, for example [0, 500]";
        section.fault(format!("`winsorize` is {}; {message}", shown(written)));
    }
    bounds
}

fn read_minimum_effect(
    section: &mut Section<'_>,
    role: Option<MetricRole>,
    what: Option<(MetricKind, &Quantity)>,
) -> Option<f64> {
    let effect = section.number("minimum_effect")?;
    if matches!(role, Some(MetricRole::Guardrail { .. })) {
        section.fault("`minimum_effect` is not for guardrails; they have a `margin`");
    } else if effect <= 0.0 {
        section.fault(format!(
            "`minimum_effect` is {effect}; it must be above 0, the smallest difference that anybody would mind"
        ));
    } else if effect > 1.0 && what.is_some_and(|(kind, of)| metric::is_unit_interval(kind, of)) {
        section.fault(format!(
            "`minimum_effect` is on the scale of the metric; {effect} is more than the whole range 0..1"
        ));
    }
    Some(effect)
}

fn read_absent(section: &mut Section<'_>, of: Option<&Quantity>) -> Absent {
    let absent = section.choice("absent", &[("zero", Absent::Zero), ("exclude", Absent::Exclude)], &[]);
    match (absent, of) {
        (Some(Absent::Zero), Some(of)) if of.is_quality() => {
            section.fault(format!(
                "`absent` is \"zero\", but without an outcome `{of}` is unknown; use \"exclude\""
            ));
        }
        (Some(Absent::Zero), Some(of)) if of.outcome().is_none() => {
            section.fault("`absent` is \"zero\", but no outcome is used that could be absent; leave it out");
        }
        _ => {}
    }
    absent.unwrap_or_default()
}

fn check_attribution(section: &mut Section<'_>, of: &Quantity) {
    match (section.has("attribution"), of.outcome()) {
        (false, Some(_)) => section
            .fault("`attribution` is missing; say how long after a prediction its outcomes count, for example \"30d\""),
        (true, None) => section.fault(format!("`attribution` is for outcomes, and `{of}` uses none; leave it out")),
        _ => {}
    }
}
