//! One tree of the document.

use std::collections::BTreeMap;

use super::super::document::{Value, whole};
use super::super::ensemble::{Child, LEAVES_MAX, Question, Reading, Split, Tree, check_shape};
use super::known;

/// The keys of a tree. Gains, weights and parents are for people; the parents follow from the children.
const KEYS: [&str; 17] = [
    "base_weights",
    "categories",
    "categories_nodes",
    "categories_segments",
    "categories_sizes",
    "default_left",
    "id",
    "leaf_child_counts",
    "left_children",
    "loss_changes",
    "parents",
    "right_children",
    "split_conditions",
    "split_indices",
    "split_type",
    "sum_hessian",
    "tree_param",
];

/// How XGBoost writes that there is no child.
const NONE: f64 = -1.0;

/// The first code that is no category: above it, 32-bit floats are not exact.
const CODES_END: usize = 1 << 24;

/// Reads a tree that adds `weight` times its leaves to `margin`; its sets of categories are taken from `budget`.
pub(super) fn read(
    tree: &Value,
    columns: usize,
    margin: usize,
    weight: f64,
    budget: &mut usize,
) -> Result<Tree, String> {
    if tree.get("tree_param").is_some_and(|param| param.count("size_leaf_vector").unwrap_or(0) > 1)
        || tree.get("leaf_weights").is_some()
    {
        return Err("vector leaves (`multi_output_tree`) are not supported".to_owned());
    }
    known(tree, &KEYS)?;
    let nodes = Nodes::read(tree)?;
    let mut sets = sets(tree, nodes.lefts.len(), budget)?;
    let mut builder = Builder {
        nodes: &nodes,
        sets: &mut sets,
        columns,
        weight: single(weight),
        reached: vec![false; nodes.lefts.len()],
        splits: Vec::new(),
        leaves: Vec::new(),
    };
    let root = builder.build()?;
    let tree = Tree { margin, root, splits: builder.splits, leaves: builder.leaves };
    check_shape(&tree)?;
    Ok(tree)
}

/// The arrays of a tree, each with an element for each node.
struct Nodes<'d> {
    lefts: &'d [f64],
    rights: &'d [f64],
    columns: &'d [f64],
    conditions: &'d [f64],
    defaults: &'d [f64],
}

impl<'d> Nodes<'d> {
    fn read(tree: &'d Value) -> Result<Self, String> {
        let count = tree.at("tree_param")?.count("num_nodes")?;
        if count == 0 || count > 2 * LEAVES_MAX {
            return Err(format!("`num_nodes` is {count}, expected 1 to {}", 2 * LEAVES_MAX));
        }
        let array = |key: &str| match tree.numbers(key)? {
            numbers if numbers.len() == count => Ok(numbers),
            numbers => Err(format!("`{key}` has {} numbers, expected {count}", numbers.len())),
        };
        Ok(Self {
            lefts: array("left_children")?,
            rights: array("right_children")?,
            columns: array("split_indices")?,
            conditions: array("split_conditions")?,
            defaults: array("default_left")?,
        })
    }
}

/// The sets of categories, by node.
fn sets(tree: &Value, nodes: usize, budget: &mut usize) -> Result<BTreeMap<usize, Vec<u32>>, String> {
    let mut sets = BTreeMap::new();
    if tree.get("split_type").is_none() {
        return Ok(sets);
    }
    let types = tree.numbers("split_type")?;
    let (all, places) = (tree.numbers("categories")?, tree.numbers("categories_nodes")?);
    let (begins, sizes) = (tree.numbers("categories_segments")?, tree.numbers("categories_sizes")?);
    let categorical = types.iter().filter(|kind| kind.total_cmp(&0.0).is_ne()).count();
    if types.len() != nodes || places.len() != begins.len() || places.len() != sizes.len() {
        return Err("the arrays of categorical splits do not fit together".to_owned());
    }
    for ((place, begin), size) in places.iter().zip(begins).zip(sizes) {
        let segment = whole(*begin)
            .zip(whole(*size))
            .and_then(|(begin, size)| all.get(begin..begin.checked_add(size)?));
        let segment = segment.filter(|segment| !segment.is_empty());
        let segment = segment.ok_or_else(|| format!("node {place}: its categories are not there"))?;
        let place = whole(*place).filter(|place| types.get(*place) == Some(&1.0));
        let place = place.ok_or("`categories_nodes` names a node that is not categorical")?;
        sets.insert(place, bits(segment, budget).map_err(|fault| format!("node {place}: {fault}"))?);
    }
    match sets.len() == categorical {
        true => Ok(sets),
        false => Err(format!("{categorical} nodes are categorical, but {} have categories", sets.len())),
    }
}

fn bits(codes: &[f64], budget: &mut usize) -> Result<Vec<u32>, String> {
    let parse = |code: &f64| whole(*code).filter(|code| *code < CODES_END);
    let codes: Option<Vec<usize>> = codes.iter().map(parse).collect();
    let codes = codes.ok_or("a category is no whole number below 16777216")?;
    let length = codes.iter().max().copied().unwrap_or_default() / 32 + 1;
    *budget = budget.checked_sub(length).ok_or("the sets of categories are too large")?;
    let mut words = vec![0; length];
    for code in codes {
        words[code / 32] |= 1 << (code % 32);
    }
    Ok(words)
}

/// Walks over the nodes that are reached from the root; those that pruning has cut off stay behind.
struct Builder<'n> {
    nodes: &'n Nodes<'n>,
    sets: &'n mut BTreeMap<usize, Vec<u32>>,
    columns: usize,
    weight: f32,
    /// Which nodes a split has led to.
    reached: Vec<bool>,
    splits: Vec<Split>,
    leaves: Vec<f64>,
}

impl Builder<'_> {
    fn build(&mut self) -> Result<Child, String> {
        let root = self.node(0)?;
        // Splits are filled in behind their parents: their children's places are known only then.
        let mut waiting = vec![(root, 0)];
        while let Some((child, node)) = waiting.pop() {
            let Child::Split(at) = child else { continue };
            let (left, right) = (self.place(self.nodes.lefts[node])?, self.place(self.nodes.rights[node])?);
            let children = (self.node(left)?, self.node(right)?);
            let split = &mut self.splits[at as usize];
            (split.left, split.right) = children;
            waiting.extend([(children.0, left), (children.1, right)]);
        }
        Ok(root)
    }

    fn place(&self, number: f64) -> Result<usize, String> {
        let place = whole(number).filter(|place| *place < self.nodes.lefts.len());
        place.ok_or_else(|| format!("there is no node `{number}`, but a split leads to it"))
    }

    /// Adds a node, its children still unknown.
    fn node(&mut self, node: usize) -> Result<Child, String> {
        if std::mem::replace(&mut self.reached[node], true) {
            return Err(format!("node {node} has two parents, or is its own ancestor"));
        }
        let (is_leaf, has_none) = (is_none(self.nodes.lefts[node]), is_none(self.nodes.rights[node]));
        if is_leaf != has_none {
            return Err(format!("node {node} has one child"));
        }
        let condition = single(self.nodes.conditions[node]);
        if condition.is_nan() || (is_leaf && condition.is_infinite()) {
            return Err(format!("node {node}: `split_conditions` is `{condition}`"));
        }
        if is_leaf {
            self.leaves.push(f64::from(condition * self.weight));
            return Ok(Child::Leaf(index(self.leaves.len() - 1)));
        }
        let split = self.split(node, condition)?;
        self.splits.push(split);
        Ok(Child::Split(index(self.splits.len() - 1)))
    }

    fn split(&mut self, node: usize, condition: f32) -> Result<Split, String> {
        let column = self.nodes.columns[node];
        let column = whole(column).filter(|column| *column < self.columns);
        let column = column
            .ok_or_else(|| format!("node {node}: there is no column `{}`", self.nodes.columns[node]))?;
        let question = match self.sets.remove(&node) {
            Some(words) => Question::Set { words, members_left: false },
            None => Question::Threshold(f64::from(condition)),
        };
        let nowhere = Child::Leaf(u32::MAX);
        Ok(Split {
            column: index(column),
            reading: Reading::Single,
            question,
            missing_left: self.nodes.defaults[node] != 0.0,
            left: nowhere,
            right: nowhere,
        })
    }
}

fn is_none(child: f64) -> bool {
    child.total_cmp(&NONE).is_eq()
}

/// A place in a list of at most 2^24.
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// A number of the file as the 32-bit float that it was.
#[expect(clippy::cast_possible_truncation, reason = "XGBoost writes and reads 32-bit floats")]
fn single(number: f64) -> f32 {
    number as f32
}
