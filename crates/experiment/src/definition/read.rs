//! Written to checked: the whole definition, with all its faults.

use std::collections::HashSet;

use jiff::Timestamp;
use toml::{Table, Value, de::DeTable};

use super::{
    Arm, Definition, Layer, check_coverage,
    decision::{read_decision, read_rollout},
    limits,
    read_metric::read_metrics,
    section::{NotYet, Section, shown},
};
use crate::{BasisPoints, Bucket, Problem, Problems, Salt, SaltError, targeting::read_rules};

const REQUIRED: [(&str, &str); 9] = [
    ("name", "name the change that is tried, for example \"fraud-13\""),
    ("hypothesis", "say in a sentence what is believed to be true"),
    ("model", "name the logical model whose versions are compared"),
    ("unit", "name the kind of unit that is assigned, for example \"card\""),
    ("salt", "give it the experiment's name"),
    ("coverage", "give the share of units that takes part, for example 0.02"),
    ("exposure_window", "say how long predictions after a unit's first one count, for example \"14d\""),
    ("arm", "write an `[[arm]]` for the control, then one for each version compared with it"),
    ("metric", "write a `[[metric]]` for each thing that is compared"),
];

const NOT_YET: [NotYet; 4] = [
    ("covariate", "leave it out; metrics are compared without a pre-experiment covariate"),
    ("pre_window", "leave it out; metrics are compared without a pre-experiment covariate"),
    ("cuped", "leave it out; metrics are compared without a pre-experiment covariate"),
    ("winsorization", "write `winsorize` in the metric that it is for"),
];

/// Reads a whole definition.
pub(super) fn read_definition(place: &str, text: &str) -> Result<Definition, Problems> {
    let table = read_table(text).map_err(|problems| Problems { place: place.to_owned(), problems })?;
    let mut root = Section::new("experiment", &table);
    let definition = fields(&mut root);
    let problems = root.finish(&NOT_YET);
    match definition {
        Some(definition) if problems.is_empty() => Ok(definition),
        _ => Err(Problems { place: place.to_owned(), problems }),
    }
}

/// TOML text to table. Broken syntax is reported by itself: what follows from it would be guesses.
fn read_table(text: &str) -> Result<Table, Vec<Problem>> {
    let whole = |message: String| vec![Problem { place: "file".to_owned(), message }];
    if text.len() > limits::FILE_BYTES {
        let (length, most) = (text.len(), limits::FILE_BYTES);
        return Err(whole(format!("has {length} bytes, at most {most} are allowed")));
    }
    let (_, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(errors.iter().map(|error| syntax_problem(text, error)).collect());
    }
    text.parse().map_err(|error: toml::de::Error| vec![syntax_problem(text, &error)])
}

fn syntax_problem(text: &str, error: &toml::de::Error) -> Problem {
    let before = error.span().and_then(|span| text.get(..span.start));
    let place = before.map_or("file".to_owned(), |text| format!("line {}", text.matches('\n').count() + 1));
    Problem { place, message: error.message().replace('\n', "; ") }
}

/// Reads every field, whatever becomes of the others. Nothing only if a problem was noted.
fn fields(root: &mut Section<'_>) -> Option<Definition> {
    root.require(&REQUIRED);
    let name = root.identifier("name");
    let hypothesis = root.label("hypothesis", limits::HYPOTHESIS_BYTES);
    let model = root.identifier("model");
    let unit = root.identifier("unit");
    let salt = root.text("salt").and_then(|text| salt(root, text));
    let coverage = read_coverage(root);
    let start = read_start(root);
    let exposure_window = root.window("exposure_window");
    let layer = read_layer(root, model);
    let targeting = read_targeting(root);
    let arms = read_arms(root);
    let metrics = read_metrics(root);
    let decision = read_decision(root);
    let rollout = read_rollout(root);
    if let (Some(salt), Some(layer)) = (&salt, &layer)
        && *salt == layer.salt
    {
        root.fault(format!(
            "`salt` is \"{}\", and so is the layer's; they must differ, for example \"{}-1\"",
            salt.as_str(),
            salt.as_str()
        ));
    }
    if let (Some(arms), Some(coverage)) = (&arms, coverage)
        && let Err(error) = check_coverage(arms, coverage)
    {
        root.fault(format!("`coverage`: {error}"));
    }
    Some(Definition {
        name: name?.into(),
        hypothesis: hypothesis?.to_owned(),
        model: model?.into(),
        unit: unit?.into(),
        salt: salt?,
        coverage: coverage?,
        start: start.ok()?,
        exposure_window: exposure_window?,
        layer: layer?,
        targeting,
        arms: arms?,
        metrics,
        decision,
        rollout,
    })
}

fn salt(section: &mut Section<'_>, text: &str) -> Option<Salt> {
    Salt::new(text).map_err(|error: SaltError| section.fault(format!("`salt`: {error}"))).ok()
}

fn read_coverage(root: &mut Section<'_>) -> Option<BasisPoints> {
    let written = root.number("coverage")?;
    let fault = match BasisPoints::from_fraction(written) {
        Ok(coverage) if coverage.get() > 0 => return Some(coverage),
        Ok(_) => "`coverage` is 0; nobody would take part, and it must be above 0".to_owned(),
        Err(error) => format!("`coverage`: {error}"),
    };
    root.fault(fault);
    None
}

/// The start, if there is one; `Err` if it is no instant, with the fault noted.
fn read_start(root: &mut Section<'_>) -> Result<Option<Timestamp>, ()> {
    let Some(value) = root.value("start") else { return Ok(None) };
    let instant = match value {
        Value::Datetime(written) => written.to_string().parse::<Timestamp>().ok(),
        _ => None,
    };
    if instant.is_none() {
        let message = "it must be a date-time with an offset and no quotes, for example 2026-12-01T00:00:00Z";
        root.fault(format!("`start` is {}; {message}", shown(value)));
    }
    instant.map(Some).ok_or(())
}

fn read_layer(root: &mut Section<'_>, model: Option<&str>) -> Option<Layer> {
    const WHOLE: std::ops::Range<u16> = 0..Bucket::COUNT;
    let Some(table) = root.table("layer") else {
        // A model's name is an identifier, and those are salts.
        return Some(Layer { salt: Salt::new(model?).ok()?, range: WHOLE });
    };
    let mut section = Section::new("layer", table);
    let written = section.text("salt");
    let salt = match written {
        Some(text) => salt(&mut section, text),
        None => model.and_then(|model| Salt::new(model).ok()),
    };
    let range = match section.value("range") {
        Some(value) => read_range(value).or_else(|| {
            let message = "it must be two whole numbers, start and end, with 0 <= start < end <= 10000";
            section.fault(format!("`range` is {}; {message}", shown(value)));
            None
        }),
        None => Some(WHOLE),
    };
    root.absorb(section.finish(&[]));
    Some(Layer { salt: salt?, range: range? })
}

fn read_range(value: &Value) -> Option<std::ops::Range<u16>> {
    let [start, end] = value.as_array()?.as_slice() else { return None };
    let bucket =
        |value: &Value| u16::try_from(value.as_integer()?).ok().filter(|&number| number <= Bucket::COUNT);
    let range = bucket(start)?..bucket(end)?;
    (!range.is_empty()).then_some(range)
}

fn read_targeting(root: &mut Section<'_>) -> Vec<crate::Rule> {
    let tables = root.tables("targeting");
    if tables.len() > limits::MAX_RULES {
        root.fault(format!(
            "`targeting` has {} rules, at most {} are allowed",
            tables.len(),
            limits::MAX_RULES
        ));
    }
    let (rules, problems) = read_rules(&tables);
    root.absorb(problems);
    rules
}

/// The arms, if each of them could be read and their weights sum to the whole.
fn read_arms(root: &mut Section<'_>) -> Option<Vec<Arm>> {
    let tables = root.tables("arm");
    let count = tables.len();
    if root.has("arm") && !(limits::MIN_ARMS..=limits::MAX_ARMS).contains(&count) {
        let (least, most) = (limits::MIN_ARMS, limits::MAX_ARMS);
        root.fault(format!("there must be {least} to {most} arms, the control first; here are {count}"));
    }
    let arms: Option<Vec<Arm>> = tables
        .iter()
        .enumerate()
        .map(|(index, table)| read_arm(root, index, table))
        .collect::<Vec<_>>()
        .into_iter()
        .collect();
    let arms = arms?;
    let mut names = HashSet::new();
    for repeated in arms.iter().filter(|arm| !names.insert(&arm.name)) {
        root.fault(format!("two arms are called \"{}\"; names must differ", repeated.name));
    }
    let sum: u32 = arms.iter().map(|arm| u32::from(arm.weight.get())).sum();
    if count > 0 && sum != u32::from(BasisPoints::ALL.get()) {
        root.fault(format!("the arms' weights sum to {sum}; they must sum to 10000 basis points"));
        return None;
    }
    Some(arms)
}

fn read_arm(root: &mut Section<'_>, index: usize, table: &Table) -> Option<Arm> {
    let mut section = Section::new(place("arm", index, table), table);
    section.require(&[
        ("name", "name the arm, for example \"control\""),
        ("version", "give the version of the model that serves this arm"),
        ("weight", "give the arm's share in basis points, for example 5000"),
    ]);
    let name = section.identifier("name");
    let version = section.identifier("version");
    let weight = section.integer("weight").and_then(|written| {
        let weight = u16::try_from(written).ok().and_then(BasisPoints::new).filter(|weight| weight.get() > 0);
        if weight.is_none() {
            section.fault(format!("`weight` is {written}; it must be from 1 to 9999 basis points"));
        }
        weight
    });
    root.absorb(section.finish(&[]));
    Some(Arm { name: name?.into(), version: version?.into(), weight: weight? })
}

/// What a repeated table is called in a report: by its name if it has one, else by its number.
pub(super) fn place(kind: &str, index: usize, table: &Table) -> String {
    match table.get("name").and_then(Value::as_str) {
        Some(name) => format!("{kind} {}", shown(&Value::from(name))),
        None => format!("{kind} {}", index + 1),
    }
}
