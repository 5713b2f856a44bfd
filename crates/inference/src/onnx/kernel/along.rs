//! Computations along an axis of a row: reductions, softmax, the largest values, running sums.

use super::{Inputs, by_float, by_number};
use crate::onnx::convert::from_index;
use crate::onnx::math::{Arithmetic, Arithmetical, Float};
use crate::onnx::shape::Axis;
use crate::onnx::tensor::{Buffer, Element};

/// A number out of each group of neighbours.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Reduce {
    pub(in crate::onnx) kind: Reduction,
    /// Groups in a row, and values in a group.
    pub(in crate::onnx) groups: usize,
    pub(in crate::onnx) size: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::onnx) enum Reduction {
    L1,
    L2,
    LogSum,
    LogSumExp,
    Max,
    Mean,
    Min,
    Prod,
    Sum,
    SumSquare,
}

impl Reduce {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, output: &mut Buffer) {
        if let Buffer::I64(output) = output {
            return self.each(rows, inputs.values(0), output, |values| self.integers(values));
        }
        by_float!(output, T => {
            self.each(rows, inputs.values::<T>(0), T::values_mut(output), |values| self.floats(values));
        });
    }

    fn each<T>(&self, rows: usize, input: &[T], output: &mut [T], reduce: impl Fn(&[T]) -> T) {
        for (at, output) in output.iter_mut().take(rows * self.groups).enumerate() {
            *output = reduce(&input[at * self.size..][..self.size]);
        }
    }

    fn floats<T: Float + Arithmetical>(&self, values: &[T]) -> T {
        let sum = |function: &dyn Fn(T) -> T| values.iter().fold(T::ZERO, |sum, x| sum + function(*x));
        let extreme =
            |operation| values.iter().copied().reduce(|a, b| T::compute(operation, a, b)).unwrap_or(T::ZERO);
        match self.kind {
            Reduction::L1 => sum(&T::abs),
            Reduction::L2 => sum(&|x| x * x).sqrt(),
            Reduction::LogSum => sum(&|x| x).ln(),
            Reduction::LogSumExp => {
                let largest = extreme(Arithmetic::Max);
                let base = if largest.is_infinite() { T::ZERO } else { largest };
                base + sum(&|x| (x - base).exp()).ln()
            }
            Reduction::Max => extreme(Arithmetic::Max),
            Reduction::Mean => sum(&|x| x) / T::from_f64(from_index(self.size) as f64),
            Reduction::Min => extreme(Arithmetic::Min),
            Reduction::Prod => values.iter().fold(T::ONE, |product, x| product * *x),
            Reduction::Sum => sum(&|x| x),
            Reduction::SumSquare => sum(&|x| x * x),
        }
    }

    fn integers(&self, values: &[i64]) -> i64 {
        match self.kind {
            Reduction::Sum => values.iter().fold(0, |sum, x| sum.wrapping_add(*x)),
            Reduction::Prod => values.iter().fold(1, |product, x| product.wrapping_mul(*x)),
            Reduction::Max => values.iter().copied().max().unwrap_or_default(),
            Reduction::Min => values.iter().copied().min().unwrap_or_default(),
            _ => unreachable!("the plan refuses other reductions of integers"),
        }
    }
}

/// exp(x) over its sum along an axis, or the logarithm of that.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Softmax {
    pub(in crate::onnx) axis: Axis,
    pub(in crate::onnx) log: bool,
}

impl Softmax {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, output: &mut Buffer) {
        by_float!(output, T => self.compute::<T>(rows, inputs.values(0), T::values_mut(output)));
    }

    fn compute<T: Float>(&self, rows: usize, input: &[T], output: &mut [T]) {
        let Axis { size, inner, .. } = self.axis;
        for line in lines(&self.axis, rows) {
            let places = || (0..size).map(|at| line + at * inner);
            let largest = places().map(|at| input[at]).fold(T::LEAST, |a, b| if b > a { b } else { a });
            let mut sum = T::ZERO;
            for at in places() {
                output[at] = (input[at] - largest).exp();
                sum = sum + output[at];
            }
            for at in places() {
                output[at] = if self.log { input[at] - largest - sum.ln() } else { output[at] / sum };
            }
        }
    }
}

/// The first places of all lines along an axis.
fn lines(axis: &Axis, rows: usize) -> impl Iterator<Item = usize> + use<> {
    let Axis { size, inner, outer, .. } = *axis;
    (0..rows * outer).flat_map(move |outer| (0..inner).map(move |inner_at| outer * size * inner + inner_at))
}

/// Where the largest or the smallest value along an axis is.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Extreme {
    pub(in crate::onnx) axis: Axis,
    pub(in crate::onnx) largest: bool,
    /// That of equal values it is the last one that counts.
    pub(in crate::onnx) last: bool,
}

impl Extreme {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, output: &mut Buffer) {
        let output = i64::values_mut(output);
        by_number!(inputs.buffer(0), T => {
            let input = inputs.values::<T>(0);
            for (line, output) in lines(&self.axis, rows).zip(output) {
                *output = self.find(|at| input[line + at * self.axis.inner]);
            }
        });
    }

    fn find<T: PartialOrd + Copy>(&self, value: impl Fn(usize) -> T) -> i64 {
        let mut found = 0;
        for at in 1..self.axis.size {
            let (best, next) = (value(found), value(at));
            let better = if self.largest { next > best } else { next < best };
            if better || (self.last && next == best) {
                found = at;
            }
        }
        from_index(found)
    }
}

/// The so many largest or smallest values along an axis, best first, and their places.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Top {
    pub(in crate::onnx) axis: Axis,
    pub(in crate::onnx) count: usize,
    pub(in crate::onnx) largest: bool,
}

impl Top {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, values: &mut Buffer, places: &mut Buffer) {
        let places = i64::values_mut(places);
        by_number!(inputs.buffer(0), T => {
            self.compute::<T>(rows, inputs.values(0), T::values_mut(values), places);
        });
    }

    fn compute<T: PartialOrd + Copy>(&self, rows: usize, input: &[T], values: &mut [T], places: &mut [i64]) {
        let Axis { size, inner, .. } = self.axis;
        for line in lines(&self.axis, rows) {
            let (outer, inner_at) = (line / (size * inner), line % inner);
            let mut before = None;
            for rank in 0..self.count {
                let found = self.next(size, before, |at| input[line + at * inner]);
                let to = (outer * self.count + rank) * inner + inner_at;
                values[to] = input[line + found * inner];
                places[to] = from_index(found);
                before = Some(found);
            }
        }
    }

    /// The best place of those that come behind `before`: needs no list of places, and the count is small.
    fn next<T: PartialOrd + Copy>(
        &self,
        size: usize,
        before: Option<usize>,
        value: impl Fn(usize) -> T,
    ) -> usize {
        let ahead = |left: usize, right: usize| {
            let (a, b) = (value(left), value(right));
            let better = if self.largest { a > b } else { a < b };
            let tie = a == b;
            better || (tie && left < right)
        };
        let open = (0..size).filter(|at| before.is_none_or(|before| ahead(before, *at)));
        open.reduce(|best, at| if ahead(at, best) { at } else { best }).unwrap_or_default()
    }
}

/// Sums of all values up to each along an axis.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Cumulate {
    pub(in crate::onnx) axis: Axis,
    /// That a value itself is not in its sum.
    pub(in crate::onnx) exclusive: bool,
    /// From the end.
    pub(in crate::onnx) reverse: bool,
}

impl Cumulate {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, output: &mut Buffer) {
        by_number!(output, T => self.compute::<T>(rows, inputs.values(0), T::values_mut(output)));
    }

    fn compute<T: Arithmetical + Default>(&self, rows: usize, input: &[T], output: &mut [T]) {
        let Axis { size, inner, .. } = self.axis;
        for line in lines(&self.axis, rows) {
            let mut sum = T::default();
            for at in 0..size {
                let place = line + if self.reverse { size - 1 - at } else { at } * inner;
                let with = T::compute(Arithmetic::Add, sum, input[place]);
                output[place] = if self.exclusive { sum } else { with };
                sum = with;
            }
        }
    }
}
