//! From one value of an event to one number of a row.

use events::Value;

use super::Numeric;
use super::category::Lookup;
use crate::manifest::{Absence, DataType, StandIn};

/// Why a cell could not be encoded; the event's [`crate::ScoreError`] without its texts.
pub(super) enum Fault {
    Missing,
    /// Not a fault, but what a one-hot input that knows NaN is told.
    Nan,
    WrongType(&'static str),
    Unknown,
    Infinite(f64),
}

/// A number of a row, as the model computes with it.
pub(crate) trait Number: Copy + Default {
    const ONE: Self;
    const NAN: Self;

    /// The double as this number, unless the model cannot read it.
    fn fit(value: f64) -> Option<Self>;
}

/// Networks: finite 32-bit floats.
impl Number for f32 {
    const ONE: Self = 1.0;
    const NAN: Self = Self::NAN;

    fn fit(value: f64) -> Option<Self> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the model computes with 32-bit floats; range checked"
        )]
        let value = value as Self;
        value.is_finite().then_some(value)
    }
}

/// Trees and graphs: any double. What a column cannot hold, its type has refused before.
impl Number for f64 {
    const ONE: Self = 1.0;
    const NAN: Self = Self::NAN;

    fn fit(value: f64) -> Option<Self> {
        Some(value)
    }
}

/// (value - mean) / scale. Computed as doubles: a large value with a small spread, such as a time in seconds, would
/// lose its digits in 32 bits.
pub(super) fn standardized(value: f64, mean: f64, scale: f64) -> f64 {
    (value - mean) / scale
}

impl Numeric {
    /// The largest whole number that every smaller one is exact beside.
    const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

    /// The number in the type that the trainer held it in.
    fn typed(&self, number: f64) -> Result<f64, Fault> {
        let largest = match self.data_type {
            DataType::Double => return Ok(number),
            DataType::Float => {
                #[expect(clippy::cast_possible_truncation, reason = "rounding is what is asked for")]
                let float = number as f32;
                return if float.is_finite() { Ok(float.into()) } else { Err(Fault::Infinite(number)) };
            }
            DataType::Int64 => Self::WHOLE_MAX,
            DataType::Int32 => f64::from(i32::MAX),
        };
        if number.is_infinite() {
            return Err(Fault::Infinite(number));
        }
        let is_whole = number.trunc().total_cmp(&number).is_eq() && number.abs() <= largest;
        if is_whole { Ok(number) } else { Err(Fault::WrongType("a whole number")) }
    }
}

fn stand_in<N: Number>(fill: StandIn, mean: f64, scale: f64, fault: Fault) -> Result<N, Fault> {
    match fill {
        StandIn::Refuse => Err(fault),
        StandIn::Nan => Ok(N::NAN),
        StandIn::Number(number) => {
            let number = standardized(number, mean, scale);
            N::fit(number).ok_or(Fault::Infinite(number))
        }
    }
}

pub(super) fn number<N: Number>(value: &Value, numeric: &Numeric) -> Result<N, Fault> {
    let number = match value {
        Value::Number(number) => *number,
        Value::Bool(flag) => f64::from(u8::from(*flag)),
        Value::Null => f64::NAN,
        Value::Text(_) => return Err(Fault::WrongType("a number")),
    };
    let (mean, scale) = (numeric.mean, numeric.scale);
    #[expect(clippy::float_cmp, reason = "it is a mark, not a measurement")]
    if number.is_nan() || numeric.missing_value == Some(number) {
        return stand_in(numeric.fill, mean, scale, Fault::Missing);
    }
    let encoded = standardized(numeric.typed(number)?, mean, scale);
    N::fit(encoded).ok_or(Fault::Infinite(number))
}

pub(super) fn boolean<N: Number>(value: &Value, fill: StandIn) -> Result<N, Fault> {
    match value {
        Value::Bool(true) => Ok(N::ONE),
        Value::Bool(false) => Ok(N::default()),
        Value::Null => stand_in(fill, 0.0, 1.0, Fault::Missing),
        Value::Number(number) if number.is_nan() => stand_in(fill, 0.0, 1.0, Fault::Missing),
        Value::Number(number) if (*number - 1.0).abs() == 0.0 => Ok(N::ONE),
        Value::Number(number) if number.abs() == 0.0 => Ok(N::default()),
        _ => Err(Fault::WrongType("a truth value")),
    }
}

/// The place that is hot, if one is; [`Fault::Nan`] where all columns are NaN.
pub(super) fn one_hot(
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
        Absence::Nan => Err(Fault::Nan),
        Absence::Refuse => Err(fault),
    }
}

pub(super) fn ordinal<N: Number>(
    value: &Value,
    values: &Lookup,
    unknown: StandIn,
    missing: StandIn,
) -> Result<N, Fault> {
    match values.place(value) {
        #[expect(clippy::cast_precision_loss, reason = "there are at most 16,384 columns")]
        Ok(place) => N::fit(place as f64).ok_or(Fault::Unknown),
        Err(fault @ Fault::Missing) => stand_in(missing, 0.0, 1.0, fault),
        Err(fault @ Fault::Unknown) => stand_in(unknown, 0.0, 1.0, fault),
        Err(fault) => Err(fault),
    }
}
