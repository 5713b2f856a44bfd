//! Trees of `ai.onnx.ml`: checked to be trees, whatever the file says.

use std::collections::{BTreeSet, HashMap};

use super::classify::{classified, labels, transformed};
use super::elementwise::converted;
use super::{Builder, NUMBERS, Op};
use crate::onnx::convert::{Number, from_index, narrow};
use crate::onnx::kernel::Kernel;
use crate::onnx::kernel::model::{Classify, PostTransform, Rule, Transform};
use crate::onnx::kernel::trees::{Aggregate, Mode, Node, Trees};
use crate::onnx::plan::Value;
use crate::onnx::shape::Shape;
use crate::onnx::tensor::{Buffer, ElementType};

pub(super) fn builder(operator: &str) -> Option<Builder> {
    Some(match operator {
        "TreeEnsemble" => tree_ensemble,
        "TreeEnsembleClassifier" => tree_ensemble_classifier,
        "TreeEnsembleRegressor" => tree_ensemble_regressor,
        _ => return None,
    })
}

/// Nodes and scores of the leaves.
#[derive(Default)]
struct Ensemble {
    roots: Vec<u32>,
    nodes: Vec<Node>,
    scores: Vec<(u32, f64)>,
    members: Vec<f64>,
}

/// Floats that later versions may have as a tensor of doubles.
fn floats(op: &Op<'_, '_, '_>, name: &str) -> Result<Vec<f64>, String> {
    let floats = op.attributes.floats(name)?;
    match op.attributes.tensor(&format!("{name}_as_tensor"))?.map(|tensor| tensor.data) {
        None => Ok(floats.iter().map(|value| value.f64()).collect()),
        Some(Buffer::F64(values)) if floats.is_empty() => Ok(values),
        Some(Buffer::F32(values)) if floats.is_empty() => Ok(values.into_iter().map(f64::from).collect()),
        Some(_) => Err(format!("{name} is there twice, or is not of floats")),
    }
}

/// Integers of each node or leaf, as many as there are of them.
fn integers<'n>(op: &Op<'_, 'n, '_>, name: &str, count: usize) -> Result<&'n [i64], String> {
    let values = op.attributes.integers(name)?;
    if values.len() == count {
        return Ok(values);
    }
    Err(format!("{name} has {} entries, expected {count}", values.len()))
}

fn position(value: i64, size: usize, what: &str) -> Result<u32, String> {
    let position = usize::try_from(value).ok().filter(|position| *position < size);
    position.map(narrow).ok_or_else(|| format!("{what} {value} is not one of {size}"))
}

fn mode(name: &str) -> Result<Mode, String> {
    Ok(match name {
        "LEAF" => Mode::Leaf,
        "BRANCH_LEQ" => Mode::LessOrEqual,
        "BRANCH_LT" => Mode::Less,
        "BRANCH_GTE" => Mode::GreaterOrEqual,
        "BRANCH_GT" => Mode::Greater,
        "BRANCH_EQ" => Mode::Equal,
        "BRANCH_NEQ" => Mode::NotEqual,
        other => return Err(format!("mode `{other}` of a node is not known")),
    })
}

/// Reads the trees of the older operators, whose leaves' scores are in the attributes that begin with `prefix`.
fn ensemble(op: &Op<'_, '_, '_>, prefix: &str, features: usize, targets: usize) -> Result<Ensemble, String> {
    op.attributes.ignore(&["nodes_hitrates", "nodes_hitrates_as_tensor"]);
    let modes = op.attributes.texts("nodes_modes")?;
    let count = modes.len();
    let (trees, ids) = (integers(op, "nodes_treeids", count)?, integers(op, "nodes_nodeids", count)?);
    let feature = integers(op, "nodes_featureids", count)?;
    let (yes, no) = (integers(op, "nodes_truenodeids", count)?, integers(op, "nodes_falsenodeids", count)?);
    let values = floats(op, "nodes_values")?;
    let missing = op.attributes.integers("nodes_missing_value_tracks_true")?;
    if values.len() != count || !(missing.is_empty() || missing.len() == count) {
        return Err("nodes_values or nodes_missing_value_tracks_true are not as many as the nodes".to_owned());
    }
    let mut places = HashMap::new();
    for (place, key) in trees.iter().zip(ids).enumerate() {
        if places.insert(key, narrow(place)).is_some() {
            return Err(format!("node {} of tree {} is there twice", key.1, key.0));
        }
    }
    let mut nodes = Vec::with_capacity(count);
    for at in 0..count {
        let find = |id: &i64| {
            places
                .get(&(&trees[at], id))
                .copied()
                .ok_or_else(|| format!("tree {} has no node {id}", trees[at]))
        };
        let mode = mode(&modes[at])?;
        nodes.push(if mode == Mode::Leaf {
            leaf(0, 0)
        } else {
            Node {
                mode,
                missing: missing.get(at).is_some_and(|missing| *missing != 0),
                feature: position(feature[at], features, "feature")?,
                yes: find(&yes[at])?,
                no: find(&no[at])?,
                value: values[at],
            }
        });
    }
    let mut ensemble = Ensemble { nodes, ..Ensemble::default() };
    ensemble.score(&scores(op, prefix, &places, targets)?)?;
    ensemble.root(trees)?;
    Ok(ensemble)
}

fn leaf(first: u32, count: u32) -> Node {
    Node { mode: Mode::Leaf, missing: false, feature: first, yes: count, no: 0, value: 0.0 }
}

/// The scores of the leaves: at which node, of which target, and how much.
fn scores(
    op: &Op<'_, '_, '_>,
    prefix: &str,
    places: &HashMap<(&i64, &i64), u32>,
    targets: usize,
) -> Result<Vec<(u32, u32, f64)>, String> {
    let weights = floats(op, &format!("{prefix}_weights"))?;
    let list = |name: &str| integers(op, &format!("{prefix}_{name}"), weights.len());
    let (trees, nodes, ids) = (list("treeids")?, list("nodeids")?, list("ids")?);
    let scores = (0..weights.len()).map(|at| {
        let node = places.get(&(&trees[at], &nodes[at]));
        let node = node.ok_or_else(|| format!("tree {} has no node {} for a score", trees[at], nodes[at]))?;
        Ok((*node, position(ids[at], targets, "target")?, weights[at]))
    });
    scores.collect()
}

impl Ensemble {
    /// Gives each leaf its scores, side by side and in the order of the file.
    fn score(&mut self, scores: &[(u32, u32, f64)]) -> Result<(), String> {
        let mut sorted = scores.to_vec();
        sorted.sort_by_key(|(node, _, _)| *node);
        for group in sorted.chunk_by(|left, right| left.0 == right.0) {
            let node = &mut self.nodes[group[0].0 as usize];
            if node.mode != Mode::Leaf {
                return Err("a node that is no leaf has a score".to_owned());
            }
            *node = leaf(narrow(self.scores.len()), narrow(group.len()));
            self.scores.extend(group.iter().map(|(_, target, score)| (*target, *score)));
        }
        Ok(())
    }

    /// Finds the roots: of each tree, the node that no other leads to. All nodes of a tree must hang below its
    /// root, each once; so a walk ends.
    fn root(&mut self, trees: &[i64]) -> Result<(), String> {
        let mut parents = vec![0_u32; self.nodes.len()];
        for node in self.nodes.iter().filter(|node| node.mode != Mode::Leaf) {
            parents[node.yes as usize] += 1;
            parents[node.no as usize] += 1;
        }
        if parents.iter().any(|parents| *parents > 1) {
            return Err("two nodes lead to the same one: not a tree".to_owned());
        }
        self.roots = (0..self.nodes.len()).filter(|at| parents[*at] == 0).map(narrow).collect();
        let all: BTreeSet<i64> = trees.iter().copied().collect();
        let rooted: BTreeSet<i64> = self.roots.iter().map(|root| trees[*root as usize]).collect();
        if rooted != all || self.roots.len() != all.len() || all.is_empty() {
            return Err("a tree has no root, or several, or a cycle".to_owned());
        }
        self.reach_all()
    }

    /// Every node is below a root: where each has one parent at most, that excludes cycles.
    fn reach_all(&self) -> Result<(), String> {
        let mut open = self.roots.clone();
        let mut reached = 0;
        while let Some(at) = open.pop() {
            reached += 1;
            let node = &self.nodes[at as usize];
            if node.mode != Mode::Leaf {
                open.extend([node.yes, node.no]);
            }
        }
        if reached == self.nodes.len() { Ok(()) } else { Err("a tree has a cycle".to_owned()) }
    }
}

/// The input as the floats that thresholds are compared with, and how many columns it has.
fn features(op: &mut Op<'_, '_, '_>) -> Result<Value, String> {
    let value = op.input(0)?;
    op.expect(&value, &NUMBERS)?;
    if value.shape.rank() != 2 || value.shape.batch() != Some(0) {
        return Err(format!("its input has shape {:?}, expected rows of columns", value.shape.padded()));
    }
    if value.element == ElementType::Double { Ok(value) } else { converted(op, &value, ElementType::Float) }
}

/// Puts the trees into the plan: sums of scores, and whether there was any.
fn scored(
    op: &mut Op<'_, '_, '_>,
    value: &Value,
    ensemble: Ensemble,
    (targets, aggregate): (usize, Aggregate),
) -> Result<Vec<Value>, String> {
    op.plan.row_cost += ensemble.nodes.len();
    let Ensemble { roots, nodes, scores, members } = ensemble;
    let trees = Trees { features: value.width(), targets, aggregate, roots, nodes, scores, members };
    let shape = Shape::rows(&[targets]);
    let outputs = vec![(value.element, shape.clone()), (ElementType::Bool, shape)];
    op.plan.emit_all(Kernel::Trees(trees), &[value], outputs)
}

fn tree_ensemble_classifier(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = features(op)?;
    let labels = labels(op, "classlabels_int64s")?;
    let count = labels.len();
    if count < 2 {
        return Err("it has a single class".to_owned());
    }
    let transform = PostTransform::of(op.attributes.text("post_transform", "NONE")?)?;
    let base = floats(op, "base_values")?;
    if !(base.is_empty() || base.len() == count || (base.len() == 1 && count == 2)) {
        return Err(format!("it has {} base values for {count} classes", base.len()));
    }
    let ensemble = ensemble(op, "class", value.width(), count)?;
    let one_class = ensemble.scores.windows(2).all(|pair| pair[0].0 == pair[1].0);
    let rule = Rule::Trees {
        base,
        binary: count == 2 && one_class,
        positive: ensemble.scores.iter().all(|(_, score)| *score >= 0.0),
    };
    let scores = scored(op, &value, ensemble, (count, Aggregate::Sum))?;
    let classify = Classify { labels, scores: count, width: count, transform, rule };
    classified(op, &[&scores[0], &scores[1]], classify)
}

fn tree_ensemble_regressor(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = features(op)?;
    let targets = op.attributes.integer("n_targets")?.unwrap_or(1);
    let targets = usize::try_from(targets).ok().filter(|targets| *targets > 0).ok_or("it has no targets")?;
    Shape::rows(&[targets]).width()?;
    let transform = PostTransform::of(op.attributes.text("post_transform", "NONE")?)?;
    let base = floats(op, "base_values")?;
    if !(base.is_empty() || base.len() == targets) {
        return Err(format!("it has {} base values for {targets} targets", base.len()));
    }
    let ensemble = ensemble(op, "target", value.width(), targets)?;
    let aggregate = op.attributes.text("aggregate_function", "SUM")?;
    let transform = Transform { base, divisor: 1.0, transform, width: targets };
    regressed(op, &value, ensemble, (ElementType::Float, aggregate), transform)
}

fn regressed(
    op: &mut Op<'_, '_, '_>,
    value: &Value,
    ensemble: Ensemble,
    (element, aggregate): (ElementType, &str),
    mut transform: Transform,
) -> Result<Vec<Value>, String> {
    let trees = from_index(ensemble.roots.len()).f64();
    let kind = match aggregate {
        "SUM" | "AVERAGE" => Aggregate::Sum,
        "MIN" => Aggregate::Min,
        "MAX" => Aggregate::Max,
        other => return Err(format!("aggregate_function `{other}`, expected SUM, AVERAGE, MIN or MAX")),
    };
    if aggregate == "AVERAGE" {
        transform.divisor = trees;
    }
    let scores = scored(op, value, ensemble, (transform.width, kind))?;
    transformed(op, &scores[0], element, transform)
}

/// The operator that takes the place of both others from version 5 on.
fn tree_ensemble(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = features(op)?;
    op.attributes.ignore(&["nodes_hitrates"]);
    let targets = op.attributes.integer("n_targets")?.unwrap_or(1);
    let targets = usize::try_from(targets).ok().filter(|targets| *targets > 0).ok_or("it has no targets")?;
    Shape::rows(&[targets]).width()?;
    let numbered = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"];
    let transform = position(op.attributes.integer("post_transform")?.unwrap_or(0), 5, "post_transform")?;
    let transform = PostTransform::of(numbered[transform as usize])?;
    let aggregate =
        position(op.attributes.integer("aggregate_function")?.unwrap_or(1), 4, "aggregate_function")?;
    let ensemble = linked(op, value.width(), targets)?;
    let aggregate = ["AVERAGE", "SUM", "MIN", "MAX"][aggregate as usize];
    let transform = Transform { base: Vec::new(), divisor: 1.0, transform, width: targets };
    regressed(op, &value, ensemble, (value.element, aggregate), transform)
}

/// Nodes that name each other by position, leaves in a list of their own.
fn linked(op: &Op<'_, '_, '_>, features: usize, targets: usize) -> Result<Ensemble, String> {
    let numbers = |name: &str| -> Result<Option<Vec<f64>>, String> {
        match op.attributes.tensor(name)?.map(|tensor| tensor.data) {
            None => Ok(None),
            Some(Buffer::F32(values)) => Ok(Some(values.into_iter().map(f64::from).collect())),
            Some(Buffer::F64(values)) => Ok(Some(values)),
            Some(_) => Err(format!("{name} is not of floats")),
        }
    };
    let splits = numbers("nodes_splits")?.unwrap_or_default();
    let count = splits.len();
    let modes = match op.attributes.tensor_bytes("nodes_modes")? {
        Some(modes) if modes.len() == count => modes,
        _ => return Err(format!("nodes_modes is not of {count} bytes")),
    };
    let weights = numbers("leaf_weights")?.unwrap_or_default();
    let leaf_targets = integers(op, "leaf_targetids", weights.len())?;
    let list = |name| integers(op, name, count);
    let (yes_leaf, yes) = (list("nodes_trueleafs")?, list("nodes_truenodeids")?);
    let (no_leaf, no) = (list("nodes_falseleafs")?, list("nodes_falsenodeids")?);
    let feature = list("nodes_featureids")?;
    let missing = op.attributes.integers("nodes_missing_value_tracks_true")?;
    let mut members = Members::new(numbers("membership_values")?.unwrap_or_default());
    let mut ensemble = Ensemble::default();
    let place = |is_leaf: i64, id: i64| -> Result<u32, String> {
        if is_leaf == 0 {
            return position(id, count, "node");
        }
        Ok(narrow(count) + position(id, weights.len(), "leaf")?)
    };
    for at in 0..count {
        let mode = numbered_mode(modes[at])?;
        ensemble.nodes.push(Node {
            mode,
            missing: missing.get(at).is_some_and(|missing| *missing != 0),
            feature: position(feature[at], features, "feature")?,
            yes: place(yes_leaf[at], yes[at])?,
            no: place(no_leaf[at], no[at])?,
            value: if mode == Mode::Member { members.next(&mut ensemble.members)? } else { splits[at] },
        });
    }
    for (at, (target, weight)) in leaf_targets.iter().zip(&weights).enumerate() {
        ensemble.nodes.push(leaf(narrow(at), 1));
        ensemble.scores.push((position(*target, targets, "target")?, *weight));
    }
    ensemble.grow(op.attributes.integers("tree_roots")?, count)?;
    Ok(ensemble)
}

impl Ensemble {
    /// Takes the given roots. A root may be its own leaf: both of its branches lead to the same one then.
    fn grow(&mut self, roots: &[i64], count: usize) -> Result<(), String> {
        self.roots = roots.iter().map(|root| position(*root, count, "root")).collect::<Result<_, _>>()?;
        let mut seen = vec![false; self.nodes.len()];
        let mut open = self.roots.clone();
        while let Some(at) = open.pop() {
            let node = self.nodes[at as usize];
            if node.mode == Mode::Leaf {
                continue;
            }
            if std::mem::replace(&mut seen[at as usize], true) {
                return Err(format!("node {at} is reached twice: not a tree"));
            }
            open.extend([node.yes, node.no]);
        }
        if self.roots.is_empty() { Err("it has no trees".to_owned()) } else { Ok(()) }
    }
}

fn numbered_mode(mode: u8) -> Result<Mode, String> {
    Ok(match mode {
        0 => Mode::LessOrEqual,
        1 => Mode::Less,
        2 => Mode::GreaterOrEqual,
        3 => Mode::Greater,
        4 => Mode::Equal,
        5 => Mode::NotEqual,
        6 => Mode::Member,
        other => return Err(format!("mode {other} of a node is not known")),
    })
}

/// The lists of the membership nodes, one behind the other with NaN between them.
struct Members {
    lists: std::vec::IntoIter<Vec<f64>>,
}

impl Members {
    fn new(values: Vec<f64>) -> Self {
        let lists: Vec<Vec<f64>> = values.split(|value| value.is_nan()).map(<[f64]>::to_vec).collect();
        Self { lists: lists.into_iter() }
    }

    /// Adds the next list to all members, and says where it is as [`Mode::Member`] has it.
    fn next(&mut self, members: &mut Vec<f64>) -> Result<f64, String> {
        let list =
            self.lists.next().ok_or("membership_values has fewer lists than there are nodes that ask")?;
        let (first, count) = (u64::from(narrow(members.len())), u64::from(narrow(list.len())));
        members.extend(list);
        Ok(f64::from_bits(first | (count << 32)))
    }
}
