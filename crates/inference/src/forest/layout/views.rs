//! Which views of the columns the splits of a forest read.

use std::collections::{BTreeMap, HashMap};

use super::super::ensemble::{Question, Reading, Split, Tree};
use super::keys::{Categorical, Keys, Member, Numeric, RANKS, View};

/// The views that were asked for so far.
pub(super) struct Views {
    /// By column and reading, the thresholds of all its splits, ascending.
    thresholds: BTreeMap<(u32, Reading), Vec<f64>>,
    numeric: HashMap<NumericView, u32>,
    categorical: HashMap<CategoricalView, u32>,
    count: u32,
}

/// A column's ranks from `base` on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct NumericView {
    column: u32,
    reading: Reading,
    base: u32,
    missing_left: bool,
    is_turned: bool,
}

/// Whether a column's category is in a set.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct CategoricalView {
    column: u32,
    reading: Reading,
    words: Vec<u32>,
    members_left: bool,
    missing_left: bool,
    is_turned: bool,
}

impl Views {
    pub(super) fn new(trees: &[Tree]) -> Self {
        let mut thresholds: BTreeMap<(u32, Reading), Vec<f64>> = BTreeMap::new();
        for split in trees.iter().flat_map(|tree| &tree.splits) {
            if let Question::Threshold(threshold) = split.question {
                thresholds.entry((split.column, split.reading)).or_default().push(positive_zero(threshold));
            }
        }
        for thresholds in thresholds.values_mut() {
            thresholds.sort_unstable_by(f64::total_cmp);
            thresholds.dedup_by(|one, other| one.total_cmp(other).is_eq());
            thresholds.shrink_to_fit();
        }
        Self { thresholds, numeric: HashMap::new(), categorical: HashMap::new(), count: 0 }
    }

    /// The view that a split reads, and the rank above which its keys go to the second arm. `is_turned`: that is its
    /// left one.
    pub(super) fn find(&mut self, split: Split, is_turned: bool) -> (u32, i8) {
        let Split { column, reading, missing_left, .. } = split;
        let (view, rank) = match split.question {
            Question::Threshold(threshold) => {
                let rank = self.rank(column, reading, threshold);
                let base = rank / RANKS * RANKS;
                let view = NumericView { column, reading, base, missing_left, is_turned };
                (*self.numeric.entry(view).or_insert_with(|| next(&mut self.count)), rank - base)
            }
            Question::Set { words, members_left } => {
                let view = CategoricalView { column, reading, words, members_left, missing_left, is_turned };
                (*self.categorical.entry(view).or_insert_with(|| next(&mut self.count)), 0)
            }
        };
        (view, super::keys::rank(rank, is_turned))
    }

    fn rank(&self, column: u32, reading: Reading, threshold: f64) -> u32 {
        let thresholds = self.thresholds.get(&(column, reading)).map_or(&[][..], Vec::as_slice);
        let threshold = positive_zero(threshold);
        let rank = thresholds.partition_point(|other| *other < threshold);
        u32::try_from(rank).unwrap_or(u32::MAX)
    }

    /// How keys are made for all views that were asked for.
    pub(super) fn finish(self) -> Keys {
        let mut numeric: BTreeMap<(u32, Reading), Numeric> = BTreeMap::new();
        for (view, at) in sorted(self.numeric) {
            let entry = numeric.entry((view.column, view.reading)).or_insert_with(|| Numeric {
                column: view.column as usize,
                reading: view.reading,
                thresholds: Vec::new(),
                views: Vec::new(),
            });
            let NumericView { base, missing_left, is_turned, .. } = view;
            entry.views.push(View { at, base, missing_left, is_turned });
        }
        for (key, thresholds) in self.thresholds {
            if let Some(entry) = numeric.get_mut(&key) {
                entry.thresholds = thresholds;
            }
        }
        let mut categorical: BTreeMap<(u32, Reading), Categorical> = BTreeMap::new();
        for (view, at) in sorted(self.categorical) {
            let entry = categorical.entry((view.column, view.reading)).or_insert_with(|| Categorical {
                column: view.column as usize,
                reading: view.reading,
                members: Vec::new(),
            });
            let CategoricalView { words, members_left, missing_left, is_turned, .. } = view;
            entry.members.push(Member::new(at, words, members_left, missing_left, is_turned));
        }
        Keys {
            views: self.count as usize,
            numeric: numeric.into_values().collect(),
            categorical: categorical.into_values().collect(),
        }
    }
}

/// In an order that does not change from load to load.
fn sorted<K: Ord>(map: HashMap<K, u32>) -> Vec<(K, u32)> {
    let mut entries: Vec<_> = map.into_iter().collect();
    entries.sort_unstable();
    entries
}

fn next(count: &mut u32) -> u32 {
    *count += 1;
    *count - 1
}

/// The two zeros are one threshold.
fn positive_zero(threshold: f64) -> f64 {
    threshold + 0.0
}
