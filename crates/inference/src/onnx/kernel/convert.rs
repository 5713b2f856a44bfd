//! Casts from one type to another.

use compact_str::CompactString;

use super::{Inputs, Rows};
use crate::onnx::convert::{Number, Wrap};
use crate::onnx::tensor::{Buffer, ElementType};

/// A cast of all values of a row.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Cast {
    pub(in crate::onnx) to: ElementType,
    pub(in crate::onnx) width: usize,
}

impl Cast {
    pub(super) fn run(&self, rows: &mut Rows<'_>, inputs: Inputs<'_>, output: &mut Buffer) {
        let length = rows.count * self.width;
        match inputs.buffer(0) {
            Buffer::F32(values) => self.cast(&values[..length], output),
            Buffer::F64(values) => self.cast(&values[..length], output),
            Buffer::I64(values) => self.cast(&values[..length], output),
            Buffer::Bool(values) => self.cast(&values[..length], output),
            Buffer::Text(values) => self.parse(&values[..length], output, rows),
        }
    }

    fn cast<T: Number>(&self, values: &[T], output: &mut Buffer) {
        match output {
            Buffer::F32(output) => fill(output, values, |value| value.f32()),
            Buffer::F64(output) => fill(output, values, |value| value.f64()),
            Buffer::I64(output) if self.to == ElementType::Int32 => {
                fill(output, values, |value| i64::wrap(value.i64()));
            }
            Buffer::I64(output) => fill(output, values, |value| value.i64()),
            Buffer::Bool(output) => fill(output, values, |value| value.bool()),
            Buffer::Text(output) => fill(output, values, |value| value.text()),
        }
    }

    /// Reads numbers from texts. A text that is none has no result, and so its row has none.
    fn parse(&self, texts: &[CompactString], output: &mut Buffer, rows: &mut Rows<'_>) {
        let mut failed = |at: usize| rows.invalid[at / self.width] = true;
        match output {
            Buffer::F32(output) => parse(texts, output, &mut failed),
            Buffer::F64(output) => parse(texts, output, &mut failed),
            Buffer::I64(output) => parse(texts, output, &mut failed),
            Buffer::Text(output) => output[..texts.len()].clone_from_slice(texts),
            Buffer::Bool(_) => unreachable!("the plan refuses casts of texts to truth values"),
        }
    }
}

fn fill<T: Copy, O>(output: &mut [O], values: &[T], convert: impl Fn(T) -> O) {
    for (output, value) in output.iter_mut().zip(values) {
        *output = convert(*value);
    }
}

fn parse<T: std::str::FromStr>(texts: &[CompactString], output: &mut [T], failed: &mut impl FnMut(usize)) {
    for (at, (output, text)) in output.iter_mut().zip(texts).enumerate() {
        match text.trim().parse() {
            Ok(value) => *output = value,
            Err(_) => failed(at),
        }
    }
}
