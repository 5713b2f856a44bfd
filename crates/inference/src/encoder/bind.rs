//! Inputs bound to the columns of an artifact: by name where it has names, else in order.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use events::Value;
use experiment::Problems;

use super::{Column, Encoder, Kind, Lookup, Numeric};
use crate::error::{closest, shorten};
use crate::manifest::{Categories, DataType, Input, InputKind, StandIn};
use crate::signature::{ColumnKind, Signature};

/// The most columns that are listed as fed by nobody.
const LISTED_MAX: usize = 8;

impl Encoder {
    /// An encoder of inputs for a network, which reads them in order.
    pub(crate) fn in_order(inputs: &[Input]) -> Self {
        let mut numbers = 0;
        let columns = inputs
            .iter()
            .map(|input| {
                let first = numbers;
                numbers += input.width();
                Column::new(input, (first..numbers).collect(), DataType::Double)
            })
            .collect();
        Self { columns, numbers, texts: 0 }
    }

    /// An encoder of inputs for an artifact that says which columns it has. Every column must be fed, and by one
    /// input; faults are reported under `place`.
    pub(crate) fn by_name(inputs: &[Input], signature: &Signature, place: &str) -> Result<Self, Problems> {
        let mut binder = Binder::new(signature, place);
        let columns: Vec<_> = inputs.iter().map(|input| binder.bind(input)).collect();
        binder.finish()?;
        let columns = columns.into_iter().flatten().collect();
        Ok(Self { columns, numbers: signature.numbers(), texts: signature.texts() })
    }
}

struct Binder<'s> {
    signature: &'s Signature,
    /// The columns by their names.
    places: HashMap<&'s str, usize>,
    /// For each column its place among those of numbers, or those of text.
    ranks: Vec<usize>,
    /// For each column the feature that feeds it.
    fed: Vec<Option<Arc<str>>>,
    problems: Problems,
}

impl<'s> Binder<'s> {
    fn new(signature: &'s Signature, place: &str) -> Self {
        let (mut numbers, mut texts) = (0, 0);
        let rank = |column: &crate::signature::Column| {
            let count = if column.kind == ColumnKind::Text { &mut texts } else { &mut numbers };
            *count += 1;
            *count - 1
        };
        let ranks = signature.columns.iter().map(rank).collect();
        let places = signature.columns.iter().enumerate().map(|(at, column)| (&*column.name, at)).collect();
        let fed = vec![None; signature.columns.len()];
        Self { signature, places, ranks, fed, problems: Problems::new(place) }
    }

    /// The column of an input; `None` where it fits none of the artifact's.
    fn bind(&mut self, input: &Input) -> Option<Column> {
        let names = self.names(input);
        let found: Vec<_> = names.iter().map(|name| self.feed(name, input)).collect();
        let found: Vec<usize> = found.into_iter().collect::<Option<_>>()?;
        let data_type = found.first().and_then(|at| match self.signature.columns[*at].kind {
            ColumnKind::Number(data_type) => Some(data_type),
            _ => None,
        });
        let places = found.iter().map(|at| self.ranks[*at]).collect();
        Some(Column::new(input, places, data_type.unwrap_or(DataType::Double)))
    }

    /// The names of the columns that an input feeds.
    fn names(&self, input: &Input) -> Vec<String> {
        let InputKind::OneHot { values, .. } = &input.kind else {
            return vec![input.column.as_ref().unwrap_or(&input.feature).to_string()];
        };
        let default = format!("{}={{}}", input.feature);
        let pattern = input.column.as_deref().unwrap_or(&default);
        values.iter().map(|value| pattern.replacen("{}", &spell(value), 1)).collect()
    }

    /// Notes that an input feeds the column of this name, and gives the column's place.
    fn feed(&mut self, name: &str, input: &Input) -> Option<usize> {
        let Some(at) = self.places.get(name).copied() else {
            let message = self.unknown(name);
            self.fault(input, message);
            return None;
        };
        if let Some(other) = self.fed[at].replace(Arc::clone(&input.feature)) {
            let message = format!(
                "the column `{}` is fed by the feature \"{}\" already",
                shorten(name),
                shorten(&other)
            );
            self.fault(input, message);
            return None;
        }
        if let Some(message) = misfit(&input.kind, &self.signature.columns[at].kind) {
            self.fault(input, format!("the column `{}` {message}", shorten(name)));
            return None;
        }
        Some(at)
    }

    fn unknown(&self, name: &str) -> String {
        let free = self.signature.columns.iter().zip(&self.fed).filter(|(_, fed)| fed.is_none());
        let meant = closest(name, free.map(|(column, _)| &*column.name));
        let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
        format!("the artifact has no column `{}`{meant}", shorten(name))
    }

    fn fault(&mut self, input: &Input, message: String) {
        self.problems.push(format!("input \"{}\"", shorten(&input.feature)), message);
    }

    /// All that was found wrong, columns that nobody feeds among it.
    fn finish(mut self) -> Result<(), Problems> {
        let hungry: Vec<_> = self
            .signature
            .columns
            .iter()
            .zip(&self.fed)
            .filter(|(_, fed)| fed.is_none())
            .map(|(column, _)| format!("`{}`", shorten(&column.name)))
            .collect();
        if !hungry.is_empty() {
            let listed = hungry[..hungry.len().min(LISTED_MAX)].join(", ");
            let more = hungry.len().saturating_sub(LISTED_MAX);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let message = format!("no input feeds {listed}{more} of the artifact's {}", self.fed.len());
            self.problems.push("columns", message);
        }
        self.problems.into_result()
    }
}

/// Why an input cannot feed a column of this kind.
fn misfit(input: &InputKind, column: &ColumnKind) -> Option<String> {
    match (input, column) {
        (InputKind::Text { .. }, ColumnKind::Text) => None,
        (InputKind::Text { .. }, _) => Some("holds numbers; \"text\" is for columns of text".to_owned()),
        (_, ColumnKind::Text) => Some("holds text: `kind` must be \"text\"".to_owned()),
        (InputKind::Ordinal { values, .. }, ColumnKind::Category(own)) if !own.is_empty() => {
            differs(values, own)
        }
        _ => None,
    }
}

/// The first place at which the manifest's categories are not the artifact's own.
fn differs(values: &Categories, own: &[Value]) -> Option<String> {
    if values.len() == own.len() && values.iter().eq(own) {
        return None;
    }
    let at = values.iter().zip(own).position(|(value, own)| value != own);
    let at = at.unwrap_or(values.len().min(own.len()));
    let side = |value: Option<&Value>| value.map_or("nothing".to_owned(), crate::error::describe);
    Some(format!(
        "has {} categories of its own, and `values` has {}: the first difference is at place {at}, {} against {}",
        own.len(),
        values.len(),
        side(own.get(at)),
        side(values.iter().nth(at))
    ))
}

/// A category as it stands in the name of a column.
pub(crate) fn spell(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null => String::new(),
    }
}

impl Column {
    /// The column of an input, whose values go to `places`, and whose numbers are of this type unless it says
    /// otherwise.
    fn new(input: &Input, places: Vec<usize>, column_type: DataType) -> Self {
        let place = places.first().copied().unwrap_or_default();
        Self { feature: Arc::clone(&input.feature), place, kind: Kind::new(&input.kind, places, column_type) }
    }
}

impl Kind {
    fn new(kind: &InputKind, places: Vec<usize>, column_type: DataType) -> Self {
        match kind {
            InputKind::Number { fill, mean, scale, missing_value, data_type } => {
                let data_type = data_type.unwrap_or(column_type);
                let is_whole = matches!(data_type, DataType::Int32 | DataType::Int64);
                // A whole number cannot be NaN, whatever the default.
                let fill = if is_whole && *fill == StandIn::Nan { StandIn::Refuse } else { *fill };
                let (mean, scale, missing_value) = (*mean, *scale, *missing_value);
                Self::Number(Numeric { fill, mean, scale, missing_value, data_type })
            }
            InputKind::Boolean { fill } => Self::Boolean { fill: *fill },
            InputKind::OneHot { values, unknown, missing } => {
                Self::OneHot { values: Lookup::new(values), places, unknown: *unknown, missing: *missing }
            }
            InputKind::Ordinal { values, unknown, missing } => {
                Self::Ordinal { values: Lookup::new(values), unknown: *unknown, missing: *missing }
            }
            InputKind::Text { fill } => Self::Text { fill: fill.as_deref().map(Into::into) },
        }
    }
}
