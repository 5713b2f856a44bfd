//! Scaling and filling: what stands between raw features and a model.

use super::{Inputs, by_float, by_number};
use crate::onnx::convert::Number;
use crate::onnx::math::Float;
use crate::onnx::tensor::{Buffer, Element};

/// (x - mean) / sqrt(variance + epsilon) over the last values of a row.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct LayerNorm {
    pub(in crate::onnx) groups: usize,
    pub(in crate::onnx) size: usize,
    pub(in crate::onnx) epsilon: f64,
}

impl LayerNorm {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, output: &mut Buffer) {
        by_float!(output, T => self.compute::<T>(rows, inputs.values(0), T::values_mut(output)));
    }

    fn compute<T: Float>(&self, rows: usize, input: &[T], output: &mut [T]) {
        let count = T::from_f64(crate::onnx::convert::from_index(self.size).f64());
        for (input, output) in
            input.chunks_exact(self.size).zip(output.chunks_exact_mut(self.size)).take(rows * self.groups)
        {
            let mean = input.iter().fold(T::ZERO, |sum, x| sum + *x) / count;
            let square = input.iter().fold(T::ZERO, |sum, x| sum + (*x - mean) * (*x - mean)) / count;
            let deviation = (square + T::from_f64(self.epsilon)).sqrt();
            for (output, x) in output.iter_mut().zip(input) {
                *output = (*x - mean) / deviation;
            }
        }
    }
}

/// (x - offset) * scale + shift, each of them by the place in the row.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Affine {
    pub(in crate::onnx) offset: Vec<f64>,
    pub(in crate::onnx) scale: Vec<f64>,
    pub(in crate::onnx) shift: Vec<f64>,
}

impl Affine {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, output: &mut Buffer) {
        by_float!(output, T => self.compute::<T>(rows, inputs.values(0), T::values_mut(output)));
    }

    fn compute<T: Float>(&self, rows: usize, input: &[T], output: &mut [T]) {
        let width = self.offset.len();
        for (input, output) in input.chunks_exact(width).zip(output.chunks_exact_mut(width)).take(rows) {
            for at in 0..width {
                let scaled = (input[at] - T::from_f64(self.offset[at])) * T::from_f64(self.scale[at]);
                output[at] = scaled + T::from_f64(self.shift[at]);
            }
        }
    }
}

/// Values of a row over their norm; as they are where that is 0.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Normalizer {
    pub(in crate::onnx) norm: Norm,
    pub(in crate::onnx) groups: usize,
    pub(in crate::onnx) size: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::onnx) enum Norm {
    /// The largest value, not the largest size, as the standard's text has it.
    Max,
    L1,
    L2,
}

impl Normalizer {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, output: &mut Buffer) {
        let input = inputs.values::<f32>(0).chunks_exact(self.size);
        let output = f32::values_mut(output).chunks_exact_mut(self.size);
        for (input, output) in input.zip(output).take(rows * self.groups) {
            let norm = match self.norm {
                Norm::Max => input.iter().copied().fold(f32::MIN, |a, b| if a > b { a } else { b }),
                Norm::L1 => input.iter().map(|x| x.abs()).sum(),
                Norm::L2 => input.iter().map(|x| x * x).sum::<f32>().sqrt(),
            };
            for (output, x) in output.iter_mut().zip(input) {
                *output = if norm == 0.0 { *x } else { *x / norm };
            }
        }
    }
}

/// Another value in the place of one that stands for "missing".
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Impute {
    /// What stands for "missing"; NaN is found, too.
    pub(in crate::onnx) missing: f64,
    /// By place in the row.
    pub(in crate::onnx) filling: Vec<f64>,
    /// The same for integers, which do not all fit a float.
    pub(in crate::onnx) missing_integer: i64,
    pub(in crate::onnx) filling_integers: Vec<i64>,
}

impl Impute {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, output: &mut Buffer) {
        if let Buffer::I64(output) = output {
            let filled = |value: i64, at: usize| {
                if value == self.missing_integer { self.filling_integers[at] } else { value }
            };
            return self.fill(rows, inputs.values(0), output, filled);
        }
        by_float!(output, T => {
            let missing = T::from_f64(self.missing);
            let is_missing = |value: T| if missing.is_nan() { value.is_nan() } else { value.same(missing) };
            let filled = |value: T, at: usize| if is_missing(value) { T::from_f64(self.filling[at]) } else { value };
            self.fill(rows, inputs.values(0), T::values_mut(output), filled);
        });
    }

    fn fill<T: Copy>(&self, rows: usize, input: &[T], output: &mut [T], filled: impl Fn(T, usize) -> T) {
        let width = self.filling.len();
        for (at, (output, value)) in output.iter_mut().zip(input).take(rows * width).enumerate() {
            *output = filled(*value, at % width);
        }
    }
}

/// 1 for what is above a threshold, 0 for the rest.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Binarize {
    pub(in crate::onnx) threshold: f64,
    pub(in crate::onnx) width: usize,
}

impl Binarize {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, output: &mut Buffer) {
        by_number!(output, T => {
            let length = rows * self.width;
            for (output, value) in T::values_mut(output)[..length].iter_mut().zip(inputs.values::<T>(0)) {
                *output = T::from_f64(f64::from(u8::from(value.f64() > self.threshold)));
            }
        });
    }
}
