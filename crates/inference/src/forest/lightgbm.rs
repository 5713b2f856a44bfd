//! LightGBM's text format, versions 3 and 4: what `Booster.save_model` writes.
//!
//! A header, the trees, and behind them what was trained with. Keys that are not known are refused: one of them
//! may change what the model computes.

mod columns;
mod objective;
mod text;
mod tree;

use experiment::Problems;

use super::Iterations;
use super::description::Description;
use super::ensemble::{COLUMNS_MAX, Ensemble, MARGINS_MAX, Precision, Tree};
use crate::error::complete;
use objective::Objective;
use text::{Fields, Text};

/// The versions of the format that are read; LightGBM 2.3 and later write them.
const VERSIONS: [&str; 2] = ["v3", "v4"];

/// The most faults of one file that are listed.
const LISTED_MAX: usize = 20;

/// Reads a model; faults are reported under `place`.
pub(super) fn read(
    place: &str,
    bytes: &[u8],
    iterations: Iterations,
) -> Result<(Ensemble, Description), Problems> {
    let mut problems = Problems::new(place);
    let read = Text::parse(bytes).map_err(|(place, message)| problems.push(place, message)).ok();
    let model = read.and_then(|text| model(&text, iterations, &mut problems));
    complete(model, problems)
}

fn model(
    text: &Text<'_>,
    iterations: Iterations,
    problems: &mut Problems,
) -> Option<(Ensemble, Description)> {
    let header = header(&text.header).map_err(|fault| problems.push("header", fault)).ok()?;
    let used = used(text, &header, iterations).map_err(|fault| problems.push("trees", fault));
    let trees = trees(text, &header, problems)?;
    let used = used.ok()?;
    let description = describe(text, &header, used);
    let divisor = header.averages.then(|| count(used));
    let mut ensemble = Ensemble {
        columns: header.columns,
        precision: Precision::Double,
        start: vec![0.0; header.margins],
        trees,
        divisor,
        transform: header.objective.transform,
    };
    ensemble.trees.truncate(used * header.margins);
    Some((ensemble, description))
}

/// A number of iterations as a divisor.
#[expect(clippy::cast_precision_loss, reason = "a file has far fewer than 2^53 trees")]
fn count(iterations: usize) -> f64 {
    iterations as f64
}

/// What the header says, checked.
struct Header<'t> {
    version: &'t str,
    /// Trees of an iteration: one for each margin.
    margins: usize,
    columns: usize,
    names: Vec<&'t str>,
    infos: Vec<&'t str>,
    averages: bool,
    objective: Objective,
}

/// The keys of the header. `label_index`, `monotone_constraints` and `tree_sizes` matter to nobody here.
const HEADER_KEYS: [&str; 12] = [
    "tree",
    "version",
    "num_class",
    "num_tree_per_iteration",
    "label_index",
    "max_feature_idx",
    "objective",
    "average_output",
    "feature_names",
    "monotone_constraints",
    "feature_infos",
    "tree_sizes",
];

fn header<'t>(fields: &Fields<'t>) -> Result<Header<'t>, String> {
    fields.check_keys(&HEADER_KEYS)?;
    let version = fields.at("version")?;
    if !VERSIONS.contains(&version) {
        return Err(format!("version `{version}` is not supported, expected v3 or v4"));
    }
    let classes = fields.count("num_class", MARGINS_MAX)?;
    let margins = match fields.get("num_tree_per_iteration") {
        Some(_) => fields.count("num_tree_per_iteration", MARGINS_MAX)?,
        None => classes,
    };
    let columns = fields.count("max_feature_idx", COLUMNS_MAX - 1)? + 1;
    let words = |key| -> Result<Vec<&'t str>, String> {
        let words: Vec<_> = fields.at(key)?.split(' ').filter(|word| !word.is_empty()).collect();
        match words.len() == columns {
            true => Ok(words),
            false => Err(format!("`{key}` has {} words, but there are {columns} columns", words.len())),
        }
    };
    Ok(Header {
        version,
        margins: if margins == 0 { return Err("`num_class` is 0".to_owned()) } else { margins },
        columns,
        names: words("feature_names")?,
        infos: words("feature_infos")?,
        averages: fields.get("average_output").is_some(),
        objective: Objective::parse(fields.get("objective"), margins)?,
    })
}

/// How many iterations are scored with.
///
/// LightGBM's text does not say which iteration was the best: `save_model` writes the trees up to it and no more,
/// unless it is told otherwise. So the best model is the whole file.
fn used(text: &Text<'_>, header: &Header<'_>, iterations: Iterations) -> Result<usize, String> {
    let trees = text.trees.len();
    if !trees.is_multiple_of(header.margins) {
        return Err(format!("{trees} trees are no whole number of iterations of {} trees", header.margins));
    }
    if let Some(sizes) = text.header.get("tree_sizes") {
        let said = sizes.split_whitespace().count();
        if said != trees {
            return Err(format!("the header lists {said} trees, but the file has {trees}"));
        }
    }
    match iterations {
        Iterations::All | Iterations::Best => Ok(trees / header.margins),
        Iterations::First(count) => super::first(count, trees / header.margins),
    }
}

fn trees(text: &Text<'_>, header: &Header<'_>, problems: &mut Problems) -> Option<Vec<Tree>> {
    let mut trees = Vec::with_capacity(text.trees.len());
    let mut budget = super::ensemble::SET_WORDS_MAX;
    for (at, fields) in text.trees.iter().enumerate() {
        match tree::read(fields, header.columns, at % header.margins, &mut budget) {
            Ok(tree) => trees.push(tree),
            Err(fault) => problems.push(format!("tree {at}"), fault),
        }
        if problems.problems.len() >= LISTED_MAX {
            problems.push("trees after it", "not read, since so many before are faulty");
            break;
        }
    }
    (trees.len() == text.trees.len()).then_some(trees)
}

fn describe(text: &Text<'_>, header: &Header<'_>, used: usize) -> Description {
    let (columns, unassigned) = columns::columns(&header.names, &header.infos, text);
    Description {
        format: format!("LightGBM text {}", header.version),
        objective: header.objective.name.clone(),
        columns,
        named: true,
        prediction: header.objective.prediction,
        outputs: header.objective.transform.outputs(header.margins),
        trees: text.trees.len(),
        iterations: text.trees.len() / header.margins,
        best_iterations: None,
        used_iterations: used,
        unassigned,
    }
}
