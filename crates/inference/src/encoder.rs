//! From the features of events to the numbers that a model computes with.
//!
//! Columns are bound to places once for each list of names that is seen, then whole runs of events are encoded
//! column by column: the kind of a column is looked at once, and nothing is looked up by name. Events are encoded
//! straight into the block that the model reads; an event that cannot be encoded gets an error of its own.

mod category;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use events::{FieldNames, Fields, Value};

use self::category::Lookup;
use crate::error::{ScoreError, describe};
use crate::manifest::{Absence, Input, InputKind};

/// Lists of names whose columns stay bound. Producers have a handful; a stream whose every event has other names
/// binds again and again, in bounded memory.
const BINDINGS_MAX: usize = 64;

/// How the inputs of a model are written as a row of 32-bit floats. Immutable and shared.
#[derive(Debug)]
pub(crate) struct Encoder {
    columns: Vec<Column>,
    width: usize,
}

/// An input of the model, and where in the row its numbers begin.
#[derive(Debug)]
struct Column {
    feature: Arc<str>,
    start: usize,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Number { fill: Option<f32>, mean: f64, scale: f64 },
    OneHot { values: Lookup, unknown: Absence, missing: Absence },
    Ordinal { values: Lookup, unknown: Option<f32>, missing: Option<f32> },
}

/// Why a cell could not be encoded; the event's [`ScoreError`] without its texts.
enum Fault {
    Missing,
    WrongType(&'static str),
    Unknown,
    Infinite(f64),
}

/// (value - mean) / scale as the model's float, unless that is infinite. Computed as doubles: a large value with
/// a small spread, such as a time in seconds, would lose its digits in 32 bits.
pub(crate) fn standardize(value: f64, mean: f64, scale: f64) -> Option<f32> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the model computes with 32-bit floats; range checked"
    )]
    let standardized = ((value - mean) / scale) as f32;
    standardized.is_finite().then_some(standardized)
}

impl Encoder {
    pub(crate) fn new(inputs: &[Input]) -> Self {
        let mut width = 0;
        let columns = inputs
            .iter()
            .map(|input| {
                let start = width;
                width += input.width();
                Column { feature: Arc::clone(&input.feature), start, kind: Kind::new(&input.kind) }
            })
            .collect();
        Self { columns, width }
    }

    /// Floats in a row.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Writes a row of `block` (row-major, [`Encoder::width`] floats each) for each event, in order. Rows after
    /// the last event become zero, and so may be parts of a row whose event is refused; its error goes to its
    /// place in `errors`, which has a place for each event.
    pub(crate) fn encode(
        &self,
        bindings: &mut Bindings,
        events: &[&Fields],
        block: &mut [f32],
        errors: &mut [Option<ScoreError>],
    ) {
        block.fill(0.0);
        let mut done = 0;
        for run in events.chunk_by(|a, b| Arc::ptr_eq(a.names(), b.names())) {
            let places = bindings.places(run[0].names(), &self.columns);
            let rows = &mut block[done * self.width..];
            let errors = &mut errors[done..];
            for (column, place) in self.columns.iter().zip(places) {
                column.encode(*place, run, rows.chunks_exact_mut(self.width), errors);
            }
            done += run.len();
        }
    }
}

impl Column {
    /// Writes this column for a run of events that have the feature at the same place, or all lack it.
    fn encode<'b>(
        &self,
        place: Option<usize>,
        run: &[&Fields],
        rows: impl Iterator<Item = &'b mut [f32]>,
        errors: &mut [Option<ScoreError>],
    ) {
        let cells = run.iter().zip(rows).zip(errors).map(|((fields, row), error)| {
            let value = place.map_or(&Value::Null, |place| &fields.values()[place]);
            (value, &mut row[self.start..], error)
        });
        // One loop for each kind: what is the same for the whole column is decided once.
        match &self.kind {
            Kind::Number { fill, mean, scale } => {
                for (value, row, error) in cells {
                    match number(value, *fill, *mean, *scale) {
                        Ok(number) => row[0] = number,
                        Err(fault) => self.refuse(&fault, value, error),
                    }
                }
            }
            Kind::OneHot { values, unknown, missing } => {
                for (value, row, error) in cells {
                    match one_hot(value, values, *unknown, *missing) {
                        Ok(Some(hot)) => row[hot] = 1.0,
                        Ok(None) => {}
                        Err(fault) => self.refuse(&fault, value, error),
                    }
                }
            }
            Kind::Ordinal { values, unknown, missing } => {
                for (value, row, error) in cells {
                    match ordinal(value, values, *unknown, *missing) {
                        Ok(number) => row[0] = number,
                        Err(fault) => self.refuse(&fault, value, error),
                    }
                }
            }
        }
    }

    /// Notes why the event is refused, unless an earlier column has already said so.
    #[cold]
    fn refuse(&self, fault: &Fault, value: &Value, error: &mut Option<ScoreError>) {
        let feature = Arc::clone(&self.feature);
        error.get_or_insert_with(|| match *fault {
            Fault::Missing => ScoreError::MissingFeature { feature },
            Fault::WrongType(expected) => ScoreError::WrongType { feature, expected, found: describe(value) },
            Fault::Unknown => ScoreError::UnknownCategory { feature, found: describe(value) },
            Fault::Infinite(value) => ScoreError::InfiniteFeature { feature, value },
        });
    }
}

fn number(value: &Value, fill: Option<f32>, mean: f64, scale: f64) -> Result<f32, Fault> {
    let number = match value {
        Value::Number(number) => *number,
        Value::Bool(flag) => f64::from(u8::from(*flag)),
        Value::Null => f64::NAN,
        Value::Text(_) => return Err(Fault::WrongType("a number")),
    };
    if number.is_nan() {
        return fill.ok_or(Fault::Missing);
    }
    standardize(number, mean, scale).ok_or(Fault::Infinite(number))
}

fn one_hot(
    value: &Value,
    values: &Lookup,
    unknown: Absence,
    missing: Absence,
) -> Result<Option<usize>, Fault> {
    let (absence, fault) = match values.place(value) {
        Ok(place) => return Ok(Some(place)),
        Err(fault @ Fault::Missing) => (missing, fault),
        Err(fault @ Fault::Unknown) => (unknown, fault),
        Err(fault) => return Err(fault),
    };
    match absence {
        Absence::Zeros => Ok(None),
        Absence::Refuse => Err(fault),
    }
}

fn ordinal(value: &Value, values: &Lookup, unknown: Option<f32>, missing: Option<f32>) -> Result<f32, Fault> {
    match values.place(value) {
        #[expect(clippy::cast_precision_loss, reason = "there are at most 16,384 columns")]
        Ok(place) => Ok(place as f32),
        Err(fault @ Fault::Missing) => missing.ok_or(fault),
        Err(fault @ Fault::Unknown) => unknown.ok_or(fault),
        Err(fault) => Err(fault),
    }
}

impl Kind {
    fn new(kind: &InputKind) -> Self {
        match kind {
            InputKind::Number { fill, mean, scale } => {
                // The manifest has checked that it is finite.
                let fill = fill.and_then(|fill| standardize(fill, *mean, *scale));
                Self::Number { fill, mean: *mean, scale: *scale }
            }
            InputKind::OneHot { values, unknown, missing } => {
                Self::OneHot { values: Lookup::new(values), unknown: *unknown, missing: *missing }
            }
            InputKind::Ordinal { values, unknown, missing } => {
                Self::Ordinal { values: Lookup::new(values), unknown: *unknown, missing: *missing }
            }
        }
    }
}

/// Where the columns of one encoder are in events of the shapes seen last. Of one thread, and of one encoder.
#[derive(Debug, Default)]
pub(crate) struct Bindings {
    known: Vec<Binding>,
    /// The one used last: nearly always the next one too.
    last: usize,
}

#[derive(Debug)]
struct Binding {
    /// Held, not only looked at: while it lives, no other list can have its address.
    names: Arc<FieldNames>,
    /// For each column its place in the event, where the event has it.
    places: Vec<Option<usize>>,
}

impl Bindings {
    fn places(&mut self, names: &Arc<FieldNames>, columns: &[Column]) -> &[Option<usize>] {
        let is_it = |binding: &Binding| Arc::ptr_eq(&binding.names, names);
        if !self.known.get(self.last).is_some_and(is_it) {
            self.last = self.known.iter().position(is_it).unwrap_or_else(|| self.bind(names, columns));
        }
        &self.known[self.last].places
    }

    fn bind(&mut self, names: &Arc<FieldNames>, columns: &[Column]) -> usize {
        if self.known.len() >= BINDINGS_MAX {
            self.known.clear();
        }
        let places = columns.iter().map(|column| names.position(&column.feature)).collect();
        self.known.push(Binding { names: Arc::clone(names), places });
        self.known.len() - 1
    }
}
