//! Functions of single values, and of pairs of values that are broadcast to each other.

use super::{Inputs, by_float, by_number, by_type};
use crate::onnx::convert::Wrap;
use crate::onnx::math::{Arithmetic, Arithmetical, Comparison, Float, Function};
use crate::onnx::tensor::{Buffer, Element};

/// How the values of an operand go with those of the result.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Operand {
    /// How far apart its rows are; 0 where it is a constant.
    pub(in crate::onnx) step: usize,
    pub(in crate::onnx) places: Places,
}

#[derive(Clone, Debug)]
pub(in crate::onnx) enum Places {
    /// One for one.
    Same,
    /// One for all.
    One,
    /// For each value of the result, the place of the operand's.
    Map(Box<[u32]>),
}

impl Operand {
    fn place(&self, at: usize) -> usize {
        match &self.places {
            Places::Same => at,
            Places::One => 0,
            Places::Map(map) => map[at] as usize,
        }
    }
}

/// Computes each value of `rows` rows from the pair of values that belongs to it.
fn zip<T: Element, O>(
    rows: usize,
    (left, a): (&Operand, &[T]),
    (right, b): (&Operand, &[T]),
    output: &mut [O],
    function: impl Fn(&T, &T) -> O,
) {
    let width = output.len() / rows.max(1);
    if width == 0 {
        return;
    }
    for (row, output) in output.chunks_exact_mut(width).enumerate() {
        let (a, b) = (&a[row * left.step..], &b[row * right.step..]);
        match (&left.places, &right.places) {
            (Places::Same, Places::Same) => {
                for ((output, a), b) in output.iter_mut().zip(a).zip(b) {
                    *output = function(a, b);
                }
            }
            (Places::Same, Places::One) => {
                for (output, a) in output.iter_mut().zip(a) {
                    *output = function(a, &b[0]);
                }
            }
            _ => {
                for (at, output) in output.iter_mut().enumerate() {
                    *output = function(&a[left.place(at)], &b[right.place(at)]);
                }
            }
        }
    }
}

/// Arithmetic on two tensors.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Zip {
    pub(in crate::onnx) operation: Arithmetic,
    pub(in crate::onnx) left: Operand,
    pub(in crate::onnx) right: Operand,
    pub(in crate::onnx) width: usize,
    /// That integers are of 32 bits.
    pub(in crate::onnx) wraps: bool,
}

impl Zip {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, output: &mut Buffer) {
        let length = rows * self.width;
        by_number!(output, T => self.compute::<T>(rows, inputs, &mut T::values_mut(output)[..length]));
        if let Buffer::I64(values) = output
            && self.wraps
        {
            values[..length].iter_mut().for_each(|value| *value = i64::wrap(*value));
        }
    }

    /// The operation is chosen outside of the loop, which so becomes one of plain instructions.
    fn compute<T: Element + Arithmetical>(&self, rows: usize, inputs: Inputs<'_>, output: &mut [T]) {
        let left = (&self.left, inputs.values::<T>(0));
        let right = (&self.right, inputs.values::<T>(1));
        macro_rules! each {
            ($($operation:ident),*) => {
                match self.operation {
                    $(Arithmetic::$operation => zip(rows, left, right, output, |a: &T, b: &T| {
                        T::compute(Arithmetic::$operation, *a, *b)
                    }),)*
                }
            };
        }
        each!(Add, Sub, Mul, Div, Pow, Min, Max, PRelu);
    }
}

/// A comparison of two tensors.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Compare {
    pub(in crate::onnx) comparison: Comparison,
    pub(in crate::onnx) left: Operand,
    pub(in crate::onnx) right: Operand,
    pub(in crate::onnx) width: usize,
}

impl Compare {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, output: &mut Buffer) {
        let output = &mut bool::values_mut(output)[..rows * self.width];
        by_type!(inputs.buffer(0), T => {
            let left = (&self.left, inputs.values::<T>(0));
            let right = (&self.right, inputs.values::<T>(1));
            zip(rows, left, right, output, |a, b| self.comparison.holds(a, b));
        });
    }
}

/// Logic on two tensors of truth values.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Logic {
    /// What comes of (false, false), (false, true), (true, false) and (true, true).
    pub(in crate::onnx) table: [bool; 4],
    pub(in crate::onnx) left: Operand,
    pub(in crate::onnx) right: Operand,
    pub(in crate::onnx) width: usize,
}

impl Logic {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, output: &mut Buffer) {
        let output = &mut bool::values_mut(output)[..rows * self.width];
        let left = (&self.left, inputs.values::<bool>(0));
        let right = (&self.right, inputs.values::<bool>(1));
        zip(rows, left, right, output, |a, b| self.table[usize::from(*a) * 2 + usize::from(*b)]);
    }
}

/// A choice between two tensors by a third.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Where {
    pub(in crate::onnx) condition: Operand,
    pub(in crate::onnx) left: Operand,
    pub(in crate::onnx) right: Operand,
    pub(in crate::onnx) width: usize,
}

impl Where {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, output: &mut Buffer) {
        by_type!(output, T => self.choose::<T>(rows, inputs, T::values_mut(output)));
    }

    fn choose<T: Element>(&self, rows: usize, inputs: Inputs<'_>, output: &mut [T]) {
        let (conditions, left, right) =
            (inputs.values::<bool>(0), inputs.values::<T>(1), inputs.values::<T>(2));
        for row in 0..rows {
            for at in 0..self.width {
                let chosen = if conditions[row * self.condition.step + self.condition.place(at)] {
                    &left[row * self.left.step + self.left.place(at)]
                } else {
                    &right[row * self.right.step + self.right.place(at)]
                };
                output[row * self.width + at].clone_from(chosen);
            }
        }
    }
}

/// Functions of single numbers, one after the other.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Map {
    pub(in crate::onnx) functions: Vec<Function>,
    pub(in crate::onnx) width: usize,
}

impl Map {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, output: &mut Buffer) {
        by_number!(output, T => {
            T::values_mut(output)[..rows * self.width]
                .copy_from_slice(&inputs.values::<T>(0)[..rows * self.width]);
        });
        self.apply(rows * self.width, output);
    }

    fn apply(&self, length: usize, output: &mut Buffer) {
        for function in &self.functions {
            match output {
                Buffer::F32(values) => function.apply(&mut values[..length]),
                Buffer::F64(values) => function.apply(&mut values[..length]),
                Buffer::I64(values) => integers(*function, &mut values[..length]),
                _ => unreachable!("the plan lets nothing but numbers come here"),
            }
        }
    }
}

/// The few functions that ONNX has for integers, too.
fn integers(function: Function, values: &mut [i64]) {
    for value in values {
        *value = match function {
            Function::Abs => value.wrapping_abs(),
            Function::Neg => value.wrapping_neg(),
            Function::Sign => value.signum(),
            Function::Relu => (*value).max(0),
            _ => unreachable!("the plan refuses other functions of integers"),
        };
    }
}

/// A question about single values.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Test {
    pub(in crate::onnx) question: Question,
    pub(in crate::onnx) width: usize,
}

#[derive(Clone, Copy, Debug)]
pub(in crate::onnx) enum Question {
    Nan,
    /// Infinite: up, down.
    Infinite(bool, bool),
    Not,
}

impl Test {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, output: &mut Buffer) {
        let output = &mut bool::values_mut(output)[..rows * self.width];
        match self.question {
            Question::Not => ask(inputs.values::<bool>(0), output, |value| !value),
            Question::Nan => {
                by_float!(inputs.buffer(0), T => ask(inputs.values::<T>(0), output, |x| x.is_nan()));
            }
            Question::Infinite(up, down) => by_float!(inputs.buffer(0), T => {
                ask(inputs.values::<T>(0), output, |x| x.is_infinite() && if x > T::ZERO { up } else { down });
            }),
        }
    }
}

fn ask<T: Copy>(values: &[T], output: &mut [bool], question: impl Fn(T) -> bool) {
    for (output, value) in output.iter_mut().zip(values) {
        *output = question(*value);
    }
}
