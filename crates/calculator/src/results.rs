//! The results of a method, by key.

use serde_json::{Map, Value, json};
use statistics::Unavailable;

use crate::fault::Fault;

/// Results in the making.
#[derive(Debug, Default)]
pub struct Results(Map<String, Value>);

/// What a result can be.
pub(crate) trait Cell {
    fn cell(self) -> Value;
}

impl Cell for f64 {
    fn cell(self) -> Value {
        match self {
            f64::INFINITY => json!("inf"),
            f64::NEG_INFINITY => json!("-inf"),
            nan if nan.is_nan() => json!("nan"),
            // Nobody wants to read -0.
            number => json!(number + 0.0),
        }
    }
}

impl Cell for u64 {
    fn cell(self) -> Value {
        json!(self)
    }
}

impl Cell for u32 {
    fn cell(self) -> Value {
        json!(self)
    }
}

impl Cell for bool {
    fn cell(self) -> Value {
        json!(self)
    }
}

impl Cell for &str {
    fn cell(self) -> Value {
        json!(self)
    }
}

impl<T: Cell> Cell for Option<T> {
    fn cell(self) -> Value {
        self.map_or(Value::Null, Cell::cell)
    }
}

impl<T: Cell> Cell for Vec<T> {
    fn cell(self) -> Value {
        Value::Array(self.into_iter().map(Cell::cell).collect())
    }
}

impl<T: Cell> Cell for (T, T) {
    fn cell(self) -> Value {
        Value::Array(vec![self.0.cell(), self.1.cell()])
    }
}

impl Results {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn with(mut self, key: impl Into<String>, value: impl Cell) -> Self {
        self.0.insert(key.into(), value.cell());
        self
    }

    /// With a p-value under its key, and its logarithm under `log_` and that key.
    pub(crate) fn with_p(self, key: &str, log_p: Option<f64>) -> Self {
        self.with(key, log_p.map(f64::exp)).with(format!("log_{key}"), log_p)
    }

    /// Why some results are null.
    pub(crate) fn because(mut self, reason: Option<Unavailable>) -> Self {
        if let Some(reason) = reason {
            self.0.insert("unavailable".to_owned(), json!(reason.to_string()));
        }
        self
    }

    /// The results.
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }
}

/// What could be had, and why the rest could not; a wrong parameter is a fault.
pub(crate) fn split<T>(result: Result<T, Unavailable>) -> Result<(Option<T>, Option<Unavailable>), Fault> {
    match result {
        Ok(value) => Ok((Some(value), None)),
        Err(wrong @ Unavailable::Parameter { .. }) => Err(wrong.into()),
        Err(reason) => Ok((None, Some(reason))),
    }
}
