//! Numbers from one type to another, as ONNX's `Cast` has them: this is where digits are lost on purpose.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_lossless,
    reason = "the graph asks for these conversions; they are gathered here"
)]

use compact_str::{CompactString, format_compact};

use super::tensor::{Buffer, ElementType};

/// A number that can become every other.
pub(super) trait Number: Copy + PartialEq + 'static {
    fn f32(self) -> f32;
    fn f64(self) -> f64;
    /// Towards zero; NaN and what is too large have no defined result in ONNX.
    fn i64(self) -> i64;
    fn bool(self) -> bool;
    fn text(self) -> CompactString;
    fn from_f64(value: f64) -> Self;
}

impl Number for f32 {
    fn f32(self) -> f32 {
        self
    }
    fn f64(self) -> f64 {
        self as f64
    }
    fn i64(self) -> i64 {
        self as i64
    }
    fn bool(self) -> bool {
        self != 0.0
    }
    fn text(self) -> CompactString {
        significant(self as f64, 8)
    }
    fn from_f64(value: f64) -> Self {
        value as f32
    }
}

impl Number for f64 {
    fn f32(self) -> f32 {
        self as f32
    }
    fn f64(self) -> f64 {
        self
    }
    fn i64(self) -> i64 {
        self as i64
    }
    fn bool(self) -> bool {
        self != 0.0
    }
    fn text(self) -> CompactString {
        significant(self, 17)
    }
    fn from_f64(value: f64) -> Self {
        value
    }
}

impl Number for i64 {
    fn f32(self) -> f32 {
        self as f32
    }
    fn f64(self) -> f64 {
        self as f64
    }
    fn i64(self) -> i64 {
        self
    }
    fn bool(self) -> bool {
        self != 0
    }
    fn text(self) -> CompactString {
        format_compact!("{self}")
    }
    fn from_f64(value: f64) -> Self {
        value as i64
    }
}

impl Number for bool {
    fn f32(self) -> f32 {
        f32::from(u8::from(self))
    }
    fn f64(self) -> f64 {
        f64::from(u8::from(self))
    }
    fn i64(self) -> i64 {
        i64::from(self)
    }
    fn bool(self) -> bool {
        self
    }
    fn text(self) -> CompactString {
        CompactString::const_new(if self { "1" } else { "0" })
    }
    fn from_f64(value: f64) -> Self {
        value != 0.0
    }
}

/// Cuts an integer to 32 bits, which is what an `int32` of the graph has.
pub(super) trait Wrap {
    fn wrap(value: Self) -> Self;
}

impl Wrap for i64 {
    fn wrap(value: Self) -> Self {
        i64::from(value as i32)
    }
}

/// A position as an integer of the graph.
pub(super) fn from_index(index: usize) -> i64 {
    index as i64
}

/// A position as an entry of an index map; maps have at most [`super::tensor::VALUES_MAX`] entries.
pub(super) fn narrow(index: usize) -> u32 {
    index as u32
}

/// A number in the way of C's `%g`: at most so many significant digits, no trailing zeros, an exponent of at
/// least two digits where it is below -4 or does not fit the digits. ONNX asks for this form.
fn significant(value: f64, digits: usize) -> CompactString {
    if value.is_nan() {
        return CompactString::const_new("NaN");
    }
    if value.is_infinite() {
        return CompactString::const_new(if value > 0.0 { "INF" } else { "-INF" });
    }
    let scientific = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if exponent < -4 || exponent >= digits as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format_compact!("{}e{sign}{:02}", trim(mantissa), exponent.unsigned_abs());
    }
    let decimals = usize::try_from(digits as i32 - 1 - exponent).unwrap_or_default();
    CompactString::from(trim(&format!("{value:.decimals$}")))
}

/// Without zeros behind the point.
fn trim(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// Puts numbers into a buffer from `first` on. Whether all of them are of the type that the graph has there: of
/// integers, that is whether they are whole.
pub(super) fn fill(buffer: &mut Buffer, first: usize, numbers: &[f64], element: ElementType) -> bool {
    match buffer {
        Buffer::F32(values) => put(&mut values[first..], numbers, |number| number as f32),
        Buffer::F64(values) => put(&mut values[first..], numbers, |number| number),
        Buffer::Bool(values) => put(&mut values[first..], numbers, |number| number != 0.0),
        Buffer::I64(values) if element == ElementType::Int32 => {
            put(&mut values[first..], numbers, |number| i64::from(number as i32));
        }
        Buffer::I64(values) => put(&mut values[first..], numbers, |number| number as i64),
        Buffer::Text(_) => {}
    }
    match buffer {
        Buffer::I64(_) => numbers.iter().all(|number| number.fract() == 0.0),
        Buffer::Bool(_) => numbers.iter().all(|number| !number.is_nan()),
        _ => true,
    }
}

fn put<T>(values: &mut [T], numbers: &[f64], convert: impl Fn(f64) -> T) {
    for (value, number) in values.iter_mut().zip(numbers) {
        *value = convert(*number);
    }
}

/// Reads numbers out of a buffer from `first` on.
pub(super) fn read(buffer: &Buffer, first: usize, output: &mut [f64]) {
    match buffer {
        Buffer::F32(values) => get(&values[first..], output),
        Buffer::F64(values) => get(&values[first..], output),
        Buffer::I64(values) => get(&values[first..], output),
        Buffer::Bool(values) => get(&values[first..], output),
        Buffer::Text(_) => output.fill(f64::NAN),
    }
}

fn get<T: Number>(values: &[T], output: &mut [f64]) {
    for (output, value) in output.iter_mut().zip(values) {
        *output = value.f64();
    }
}
