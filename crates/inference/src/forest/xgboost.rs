//! XGBoost's model document, JSON or UBJSON: what `Booster.save_model` has written since 1.0.
//!
//! Keys that are not known are refused: one of them may change what the model computes.

mod columns;
mod objective;
mod tree;

use experiment::Problems;

use super::Iterations;
use super::description::Description;
use super::document::{self, Value};
use super::ensemble::{COLUMNS_MAX, Ensemble, MARGINS_MAX, Precision, SET_WORDS_MAX, Tree};
use crate::error::{complete, shorten};
use objective::Objective;

/// The most faults of one file that are listed.
const LISTED_MAX: usize = 20;

/// Reads a model; faults are reported under `place`.
pub(super) fn read(
    place: &str,
    bytes: &[u8],
    iterations: Iterations,
) -> Result<(Ensemble, Description), Problems> {
    let mut problems = Problems::new(place);
    let document = document::parse(bytes).map_err(|message| problems.push("file", message)).ok();
    let encoding = if document::is_binary(bytes) { "UBJSON" } else { "JSON" };
    let model = document.and_then(|document| model(&document, encoding, iterations, &mut problems));
    complete(model, problems)
}

fn model(
    document: &Value,
    encoding: &str,
    iterations: Iterations,
    problems: &mut Problems,
) -> Option<(Ensemble, Description)> {
    let learner = Learner::read(document).map_err(|(place, fault)| problems.push(place, fault)).ok()?;
    let rounds = learner.rounds().map_err(|fault| problems.push("iterations", fault));
    let trees = trees(&learner, problems)?;
    let rounds = rounds.ok()?;
    let used = learner.used(iterations, rounds.len() - 1);
    let used = used.map_err(|fault| problems.push("iterations", fault)).ok()?;
    let columns = columns::columns(learner.learner, learner.model, learner.columns);
    let (columns, named) = columns.map_err(|fault| problems.push("columns", fault)).ok()?;
    let count = trees.len();
    let mut ensemble = Ensemble {
        columns: learner.columns,
        precision: Precision::Single,
        start: learner.objective.start.clone(),
        trees,
        divisor: None,
        transform: learner.objective.transform,
    };
    ensemble.trees.truncate(rounds[used]);
    let description = Description {
        format: format!("XGBoost {encoding} {}", learner.version),
        objective: learner.objective.name.clone(),
        columns,
        named,
        prediction: learner.objective.prediction,
        outputs: learner.objective.transform.outputs(learner.margins),
        trees: count,
        iterations: rounds.len() - 1,
        best_iterations: learner.best,
        used_iterations: used,
        unassigned: Vec::new(),
    };
    Some((ensemble, description))
}

fn trees(learner: &Learner<'_>, problems: &mut Problems) -> Option<Vec<Tree>> {
    let mut trees = Vec::with_capacity(learner.trees.len());
    let mut budget = SET_WORDS_MAX;
    for (at, value) in learner.trees.iter().enumerate() {
        match tree::read(value, learner.columns, learner.margin(at), learner.weight(at), &mut budget) {
            Ok(tree) => trees.push(tree),
            Err(fault) => problems.push(format!("tree {at}"), fault),
        }
        if problems.problems.len() >= LISTED_MAX {
            problems.push("trees after it", "not read, since so many before are faulty");
            break;
        }
    }
    (trees.len() == learner.trees.len()).then_some(trees)
}

/// A document's outer levels, checked.
struct Learner<'d> {
    learner: &'d Value,
    /// The member `model` of the booster.
    model: &'d Value,
    version: String,
    columns: usize,
    margins: usize,
    objective: Objective,
    trees: &'d [Value],
    /// The margin of each tree.
    groups: Vec<usize>,
    /// What the leaves of each tree are multiplied by; empty where all are 1.
    weights: &'d [f64],
    best: Option<usize>,
}

/// Where, and what.
type Fault = (&'static str, String);

impl<'d> Learner<'d> {
    fn read(document: &'d Value) -> Result<Self, Fault> {
        let at = |place: &'static str| move |fault: String| (place, fault);
        if document.get("Config").is_some() {
            let message = "it is a snapshot of a training, as pickles hold it, not a model; use `save_model`";
            return Err(("file", message.to_owned()));
        }
        let learner = document
            .at("learner")
            .map_err(|_| ("file", "it is no XGBoost model: these have a member `learner`".to_owned()))?;
        known(document, &["learner", "version"]).map_err(at("file"))?;
        known(learner, &LEARNER_KEYS).map_err(at("learner"))?;
        let version = version(document).map_err(at("version"))?;
        let (model, weights) = booster(learner).map_err(at("gradient_booster"))?;
        let parameters = learner.at("learner_model_param").map_err(at("learner"))?;
        let (columns, margins) = shape(parameters).map_err(at("learner_model_param"))?;
        let objective = learner
            .at("objective")
            .and_then(|objective| Objective::read(objective, parameters, margins, version))
            .map_err(at("objective"))?;
        let trees = listed(model).map_err(at("gradient_booster"))?;
        let groups = groups(model, trees.len(), margins).map_err(at("tree_info"))?;
        if !weights.is_empty() && weights.len() != trees.len() {
            return Err(("weight_drop", format!("{} weights for {} trees", weights.len(), trees.len())));
        }
        let best = best(learner).map_err(at("attributes"))?;
        let version = format!("{}.{}.{}", version[0], version[1], version[2]);
        Ok(Self { learner, model, version, columns, margins, objective, trees, groups, weights, best })
    }

    fn margin(&self, tree: usize) -> usize {
        self.groups[tree]
    }

    fn weight(&self, tree: usize) -> f64 {
        self.weights.get(tree).copied().unwrap_or(1.0)
    }

    /// The first tree of each iteration, and behind them the number of all trees.
    fn rounds(&self) -> Result<Vec<usize>, String> {
        let count = self.trees.len();
        let rounds: Vec<usize> = if self.model.get("iteration_indptr").is_some() {
            let numbers = self.model.numbers("iteration_indptr")?;
            let parse =
                |number: &f64| document::whole(*number).ok_or("`iteration_indptr` has no whole numbers");
            numbers.iter().map(parse).collect::<Result<_, _>>()?
        } else {
            // Files before 2.0 do not say it, but all iterations are alike. Still older ones do not say how many trees an
            // iteration has; then all of them are one.
            match self.model.at("gbtree_model_param")?.count("num_parallel_tree") {
                Ok(trees) => (0..=count).step_by(trees.max(1).saturating_mul(self.margins)).collect(),
                Err(_) => vec![0, count],
            }
        };
        match (rounds.first(), rounds.last()) {
            (Some(0), Some(last)) if *last == count && rounds.is_sorted() => Ok(rounds),
            _ => Err(format!("`iteration_indptr` does not ascend from 0 to {count}, the number of trees")),
        }
    }

    fn used(&self, iterations: Iterations, all: usize) -> Result<usize, String> {
        match iterations {
            Iterations::All => Ok(all),
            Iterations::First(count) => super::first(count, all),
            Iterations::Best => match self.best {
                Some(best) => super::first(best, all),
                None => Err("the file has no attribute `best_iteration`: score with all".to_owned()),
            },
        }
    }
}

const LEARNER_KEYS: [&str; 6] =
    ["attributes", "feature_names", "feature_types", "gradient_booster", "learner_model_param", "objective"];

/// Refuses members of an object that are not among `known`.
fn known(object: &Value, known: &[&str]) -> Result<(), String> {
    match object.keys().find(|key| !known.contains(key)) {
        None => Ok(()),
        Some(key) => Err(format!("`{}` is not known, and may change what the model computes", shorten(key))),
    }
}

fn version(document: &Value) -> Result<[usize; 3], String> {
    let numbers = document.numbers("version")?;
    let parts: Option<Vec<usize>> = numbers.iter().map(|number| document::whole(*number)).collect();
    let parts: Option<[usize; 3]> = parts.and_then(|parts| parts.try_into().ok());
    parts.ok_or_else(|| "expected three whole numbers".to_owned())
}

/// The model of the booster, and the weights of its trees.
fn booster(learner: &Value) -> Result<(&Value, &[f64]), String> {
    let outer = learner.at("gradient_booster")?;
    let name = outer.text("name")?;
    let inner = match name {
        "gbtree" => outer,
        "dart" => outer.at("gbtree")?,
        _ => return Err(format!("booster `{}` is not supported, expected gbtree or dart", shorten(name))),
    };
    known(outer, &["name", "model", "gbtree", "weight_drop"])?;
    known(inner, &["name", "model", "weight_drop"])?;
    let model = inner.at("model")?;
    known(model, &["gbtree_model_param", "trees", "tree_info", "iteration_indptr", "cats", "weight_drop"])?;
    // Since 3.3 the weights are in the model.
    let holder = [outer, model].into_iter().find(|holder| holder.get("weight_drop").is_some());
    match holder {
        Some(holder) => Ok((model, holder.numbers("weight_drop")?)),
        None if name == "dart" => Err("`weight_drop` is missing".to_owned()),
        None => Ok((model, &[])),
    }
}

/// The trees, as many as the model says.
fn listed(model: &Value) -> Result<&[Value], String> {
    let trees = model.list("trees")?;
    match model.at("gbtree_model_param")?.count("num_trees")? {
        said if said == trees.len() => Ok(trees),
        said => Err(format!("`num_trees` is {said}, but there are {}", trees.len())),
    }
}

/// The numbers of columns and of margins.
fn shape(parameters: &Value) -> Result<(usize, usize), String> {
    known(parameters, &["base_score", "boost_from_average", "num_class", "num_feature", "num_target"])?;
    let columns = parameters.count("num_feature")?;
    let classes = parameters.count("num_class")?;
    let targets = if parameters.get("num_target").is_some() { parameters.count("num_target")? } else { 1 };
    if columns == 0 || columns > COLUMNS_MAX {
        return Err(format!("`num_feature` is {columns}, expected 1 to {COLUMNS_MAX}"));
    }
    if classes > 1 && targets > 1 {
        return Err(format!("{classes} classes and {targets} targets at once are not supported"));
    }
    match classes.max(targets).max(1) {
        margins if margins <= MARGINS_MAX => Ok((columns, margins)),
        margins => Err(format!("{margins} classes or targets are more than {MARGINS_MAX}")),
    }
}

/// The margin that each tree adds to.
fn groups(model: &Value, trees: usize, margins: usize) -> Result<Vec<usize>, String> {
    let numbers = model.numbers("tree_info")?;
    if numbers.len() != trees {
        return Err(format!("it has {} entries for {trees} trees", numbers.len()));
    }
    let group = |number: &f64| {
        let group = document::whole(*number).filter(|group| *group < margins);
        group.ok_or_else(|| format!("there is no class or target `{number}`"))
    };
    numbers.iter().map(group).collect()
}

/// How many iterations are the best model, where early stopping has left its note.
fn best(learner: &Value) -> Result<Option<usize>, String> {
    let Some(attribute) = learner.get("attributes").and_then(|attributes| attributes.get("best_iteration"))
    else {
        return Ok(None);
    };
    let number = match attribute {
        Value::Text(text) => text.trim().parse::<usize>().ok(),
        Value::Number(number) => document::whole(*number),
        _ => None,
    };
    match number.and_then(|number| number.checked_add(1)) {
        Some(count) => Ok(Some(count)),
        None => Err(format!("`best_iteration` is {}, expected a whole number", attribute.quote())),
    }
}
