//! From the features of events to the numbers and texts that a model computes with.
//!
//! Columns are bound to places once for each list of names that is seen, then whole runs of events are encoded
//! column by column: the kind of a column is looked at once, and nothing is looked up by name. Events are encoded
//! straight into the rows that the model reads; an event that cannot be encoded gets an error of its own.

mod bind;
mod bindings;
mod category;
mod cell;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use compact_str::CompactString;
use events::{Fields, Value};

pub(crate) use self::bind::spell;
pub(crate) use self::bindings::Bindings;
use self::category::Lookup;
pub(crate) use self::cell::Number;
use self::cell::{Fault, boolean, number, one_hot, ordinal, standardized};
use crate::error::{ScoreError, describe};
use crate::manifest::{Absence, DataType, StandIn};

/// (value - mean) / scale as the 32-bit float of a network, unless that is infinite.
pub(crate) fn standardize(value: f64, mean: f64, scale: f64) -> Option<f32> {
    f32::fit(standardized(value, mean, scale))
}

/// How the inputs of a model are written as rows. Immutable and shared.
#[derive(Debug)]
pub(crate) struct Encoder {
    columns: Vec<Column>,
    numbers: usize,
    texts: usize,
}

/// An input of the model, and where in the row its values go.
#[derive(Debug)]
struct Column {
    feature: Arc<str>,
    /// Its first place, and for the categories of a one-hot input all of theirs.
    place: usize,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Number(Numeric),
    Boolean { fill: StandIn },
    OneHot { values: Lookup, places: Vec<usize>, unknown: Absence, missing: Absence },
    Ordinal { values: Lookup, unknown: StandIn, missing: StandIn },
    Text { fill: Option<CompactString> },
}

/// How a number is read.
#[derive(Clone, Copy, Debug)]
struct Numeric {
    fill: StandIn,
    mean: f64,
    scale: f64,
    missing_value: Option<f64>,
    data_type: DataType,
}

/// Rows being written, row-major: numbers, and texts beside them.
pub(crate) struct Rows<'r, N> {
    pub(crate) numbers: &'r mut [N],
    pub(crate) texts: &'r mut [CompactString],
}

impl Encoder {
    /// Numbers in a row.
    pub(crate) fn width(&self) -> usize {
        self.numbers
    }

    /// Texts in a row.
    pub(crate) fn texts(&self) -> usize {
        self.texts
    }

    /// Writes a row for each event, in order. Numbers of rows after the last event become zero, and so may be parts
    /// of a row whose event is refused; its error goes to its place in `errors`, which has a place for each event.
    pub(crate) fn encode<N: Number>(
        &self,
        bindings: &mut Bindings,
        events: &[&Fields],
        rows: Rows<'_, N>,
        errors: &mut [Option<ScoreError>],
    ) {
        rows.numbers.fill(N::default());
        let mut done = 0;
        for run in events.chunk_by(|a, b| Arc::ptr_eq(a.names(), b.names())) {
            let places = bindings.places(run[0].names(), &self.columns);
            let numbers = &mut rows.numbers[done * self.numbers..];
            let texts = &mut rows.texts[done * self.texts..];
            let errors = &mut errors[done..];
            for (column, place) in self.columns.iter().zip(places) {
                let cells = Cells { run, place: *place };
                match &column.kind {
                    Kind::Text { fill } => {
                        // A row has a text, or else this would be no column of it.
                        let rows = texts.chunks_exact_mut(self.texts);
                        column.encode_text(cells, fill.as_ref(), rows, errors);
                    }
                    _ => column.encode(cells, numbers.chunks_exact_mut(self.numbers), errors),
                }
            }
            done += run.len();
        }
    }
}

/// A column of a run of events, which have the feature at the same place, or all lack it.
#[derive(Clone, Copy)]
struct Cells<'e> {
    run: &'e [&'e Fields],
    place: Option<usize>,
}

impl<'e> Cells<'e> {
    fn values(self) -> impl Iterator<Item = &'e Value> {
        let place = self.place;
        self.run.iter().map(move |fields| place.map_or(&Value::Null, |place| &fields.values()[place]))
    }
}

impl Column {
    /// Writes this column of numbers.
    fn encode<'b, N: Number + 'b>(
        &self,
        cells: Cells<'_>,
        rows: impl Iterator<Item = &'b mut [N]>,
        errors: &mut [Option<ScoreError>],
    ) {
        let cells = cells.values().zip(rows).zip(errors).map(|((value, row), error)| (value, row, error));
        // One loop for each kind: what is the same for the whole column is decided once.
        match &self.kind {
            Kind::Number(numeric) => self.each(cells, |value| number(value, numeric)),
            Kind::Boolean { fill } => self.each(cells, |value| boolean(value, *fill)),
            Kind::Ordinal { values, unknown, missing } => {
                self.each(cells, |value| ordinal(value, values, *unknown, *missing));
            }
            Kind::OneHot { values, places, unknown, missing } => {
                for (value, row, error) in cells {
                    match one_hot(value, values, *unknown, *missing) {
                        Ok(Some(hot)) => row[places[hot]] = N::ONE,
                        Ok(None) => {}
                        Err(Fault::Nan) => places.iter().for_each(|place| row[*place] = N::NAN),
                        Err(fault) => self.refuse(&fault, value, error),
                    }
                }
            }
            Kind::Text { .. } => {}
        }
    }

    fn each<'e, 'b, N: Number + 'b>(
        &self,
        cells: impl Iterator<Item = (&'e Value, &'b mut [N], &'b mut Option<ScoreError>)>,
        encode: impl Fn(&Value) -> Result<N, Fault>,
    ) {
        for (value, row, error) in cells {
            match encode(value) {
                Ok(number) => row[self.place] = number,
                Err(fault) => self.refuse(&fault, value, error),
            }
        }
    }

    /// Writes this column of text.
    fn encode_text<'b>(
        &self,
        cells: Cells<'_>,
        fill: Option<&CompactString>,
        rows: impl Iterator<Item = &'b mut [CompactString]>,
        errors: &mut [Option<ScoreError>],
    ) {
        for ((value, row), error) in cells.values().zip(rows).zip(errors) {
            let text = match value {
                Value::Text(text) => Ok(text),
                // NaN is a missing value wherever it stands.
                Value::Number(number) if number.is_nan() => fill.ok_or(Fault::Missing),
                Value::Null => fill.ok_or(Fault::Missing),
                _ => Err(Fault::WrongType("a text")),
            };
            match text {
                Ok(text) => row[self.place].clone_from(text),
                Err(fault) => self.refuse(&fault, value, error),
            }
        }
    }

    /// Notes why the event is refused, unless an earlier column has already said so.
    #[cold]
    fn refuse(&self, fault: &Fault, value: &Value, error: &mut Option<ScoreError>) {
        let feature = Arc::clone(&self.feature);
        error.get_or_insert_with(|| match *fault {
            Fault::Missing | Fault::Nan => ScoreError::MissingFeature { feature },
            Fault::WrongType(expected) => ScoreError::WrongType { feature, expected, found: describe(value) },
            Fault::Unknown => ScoreError::UnknownCategory { feature, found: describe(value) },
            Fault::Infinite(value) => ScoreError::InfiniteFeature { feature, value },
        });
    }
}
