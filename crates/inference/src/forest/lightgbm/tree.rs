//! One tree of the text.

use super::super::ensemble::{Child, LEAVES_MAX, Question, Reading, Split, Tree, check_shape};
use super::text::Fields;

/// The keys of a tree. Gains, weights, counts and the shrinkage (which the leaves have in them) are for people.
const KEYS: [&str; 22] = [
    "num_leaves",
    "num_cat",
    "split_feature",
    "split_gain",
    "threshold",
    "decision_type",
    "left_child",
    "right_child",
    "leaf_value",
    "leaf_weight",
    "leaf_count",
    "internal_value",
    "internal_weight",
    "internal_count",
    "cat_boundaries",
    "cat_threshold",
    "is_linear",
    "leaf_const",
    "num_features",
    "leaf_features",
    "leaf_coeff",
    "shrinkage",
];

/// Bits of `decision_type`.
const CATEGORICAL: u8 = 1;
const DEFAULT_LEFT: u8 = 2;

/// Reads a tree that adds to `margin`; its sets of categories are taken from `budget`.
pub(super) fn read(
    fields: &Fields<'_>,
    columns: usize,
    margin: usize,
    budget: &mut usize,
) -> Result<Tree, String> {
    fields.check_keys(&KEYS)?;
    if fields.get("is_linear").is_some_and(|flag| flag != "0") {
        return Err(
            "linear trees (`linear_tree`) are not supported: their leaves are no constants".to_owned()
        );
    }
    let leaf_count = fields.count("num_leaves", LEAVES_MAX)?;
    let leaves: Vec<f64> = fields.numbers("leaf_value", leaf_count)?;
    if let Some(bad) = leaves.iter().find(|leaf| !leaf.is_finite()) {
        return Err(format!("`leaf_value` has `{bad}`"));
    }
    let tree = match leaf_count {
        0 => return Err("`num_leaves` is 0".to_owned()),
        1 => Tree { margin, root: Child::Leaf(0), splits: Vec::new(), leaves },
        _ => Tree {
            margin,
            root: Child::Split(0),
            splits: splits(fields, leaf_count - 1, columns, budget)?,
            leaves,
        },
    };
    check_shape(&tree)?;
    Ok(tree)
}

fn splits(
    fields: &Fields<'_>,
    count: usize,
    columns: usize,
    budget: &mut usize,
) -> Result<Vec<Split>, String> {
    let features: Vec<u32> = fields.numbers("split_feature", count)?;
    let thresholds: Vec<f64> = fields.numbers("threshold", count)?;
    let lefts: Vec<i32> = fields.numbers("left_child", count)?;
    let rights: Vec<i32> = fields.numbers("right_child", count)?;
    let kinds: Vec<u8> = match fields.get("decision_type") {
        Some(_) => fields.numbers("decision_type", count)?,
        None => vec![0; count],
    };
    let sets = Sets::read(fields)?;
    let split = |at: usize| -> Result<Split, String> {
        let column = features[at];
        if column as usize >= columns {
            return Err(format!("split {at}: there is no column {column}"));
        }
        let question = match kinds[at] & CATEGORICAL {
            0 => threshold(thresholds[at]).map_err(|fault| format!("split {at}: {fault}"))?,
            _ => sets.question(thresholds[at], budget).map_err(|fault| format!("split {at}: {fault}"))?,
        };
        let is_set = matches!(question, Question::Set { .. });
        Ok(Split {
            column,
            question,
            // LightGBM sends a missing category right, whatever the file says.
            reading: if is_set {
                Reading::NanMissing
            } else {
                reading(kinds[at]).map_err(|fault| format!("split {at}: {fault}"))?
            },
            missing_left: !is_set && kinds[at] & DEFAULT_LEFT != 0,
            left: child(lefts[at]),
            right: child(rights[at]),
        })
    };
    (0..count).map(split).collect()
}

fn threshold(threshold: f64) -> Result<Question, String> {
    match threshold.is_nan() {
        true => Err("the threshold is NaN".to_owned()),
        false => Ok(Question::Threshold(threshold)),
    }
}

/// The type of missing values, in bits 2 and 3; none above are in use.
fn reading(kind: u8) -> Result<Reading, String> {
    match kind >> 2 {
        0 => Ok(Reading::Plain),
        1 => Ok(Reading::ZeroMissing),
        2 => Ok(Reading::NanMissing),
        _ => Err(format!("`decision_type` {kind} is not known")),
    }
}

/// A child as LightGBM numbers it: leaves below zero, as complements.
fn child(number: i32) -> Child {
    match u32::try_from(number) {
        Ok(split) => Child::Split(split),
        Err(_) => Child::Leaf((!number).unsigned_abs()),
    }
}

/// The sets of categories of a tree: where each begins and ends in the words of all.
struct Sets {
    boundaries: Vec<usize>,
    words: Vec<u32>,
}

impl Sets {
    fn read(fields: &Fields<'_>) -> Result<Self, String> {
        let count = fields.count("num_cat", LEAVES_MAX)?;
        if count == 0 {
            return Ok(Self { boundaries: vec![0], words: Vec::new() });
        }
        let boundaries: Vec<usize> = fields.numbers("cat_boundaries", count + 1)?;
        let length = boundaries.last().copied().unwrap_or_default();
        let words = fields.numbers("cat_threshold", length)?;
        match boundaries.is_sorted() {
            true => Ok(Self { boundaries, words }),
            false => Err("`cat_boundaries` do not ascend".to_owned()),
        }
    }

    /// The question of a categorical split: its "threshold" is the number of its set.
    fn question(&self, threshold: f64, budget: &mut usize) -> Result<Question, String> {
        let set = super::super::document::whole(threshold).filter(|set| set + 1 < self.boundaries.len());
        let set = set.ok_or_else(|| format!("there is no set of categories `{threshold}`"))?;
        let words = &self.words[self.boundaries[set]..self.boundaries[set + 1]];
        *budget = budget.checked_sub(words.len()).ok_or("the sets of categories are too large")?;
        Ok(Question::Set { words: words.to_vec(), members_left: true })
    }
}
