//! What a model's file says of itself, for whoever has to feed it.

/// What the file of a tree ensemble says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// The format with its version, in the file's own words: `LightGBM text v4`, `XGBoost JSON 3.2.0`.
    pub format: String,
    /// The objective, as the file has it.
    pub objective: String,
    /// The columns of a row, in order.
    pub columns: Vec<Column>,
    /// Whether the names of the columns are the file's. Otherwise they are `f0`, `f1` and so on, as XGBoost
    /// calls what nobody named.
    pub named: bool,
    /// What a row of predictions is.
    pub prediction: Prediction,
    /// How many numbers a row of predictions has.
    pub outputs: usize,
    /// How many trees the file has.
    pub trees: usize,
    /// How many iterations (rounds of boosting) the file has.
    pub iterations: usize,
    /// The best iteration's number plus one, where the file says it: that many iterations are the best model.
    pub best_iterations: Option<usize>,
    /// How many iterations are scored with.
    pub used_iterations: usize,
    /// Categories that the file lists without saying whose they are.
    pub unassigned: Vec<Vec<Category>>,
}

/// A column of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
}

/// What a column holds. Everywhere NaN stands for a missing value.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnKind {
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// A truth value: 0 or 1.
    Flag,
    /// The code of a category: its place in this list; `None` where the file does not list them.
    Category(Option<Vec<Category>>),
}

/// A category, as the trainer's data frame had it.
#[derive(Clone, Debug, PartialEq)]
pub enum Category {
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// A truth value.
    Flag(bool),
}

/// What a row of predictions is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prediction {
    /// The probability of the positive class; several where there are several targets.
    Probability,
    /// A probability for each class, summing to 1.
    Probabilities,
    /// The number of a class.
    Class,
    /// A quantity on the scale of the label; several where there are several targets.
    Value,
    /// A margin, which the objective does not transform: a score to rank by, or log-odds.
    Score,
}
