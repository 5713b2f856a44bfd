//! Moving values: slices, gathers, transpositions, concatenations, look-ups by position.

use super::{Inputs, Rows, by_type};
use crate::onnx::convert::Number;
use crate::onnx::tensor::{Buffer, Element};

/// Each value of a row is a value of the same row of the input, at a place that the plan has found.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Select {
    /// How far apart rows of the input are; 0 where it is a constant.
    pub(in crate::onnx) step: usize,
    pub(in crate::onnx) places: Box<[u32]>,
}

impl Select {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, output: &mut Buffer) {
        by_type!(output, T => self.select::<T>(rows, inputs.values(0), T::values_mut(output)));
    }

    fn select<T: Element>(&self, rows: usize, input: &[T], output: &mut [T]) {
        let width = self.places.len();
        if width == 0 {
            return;
        }
        for (row, output) in output.chunks_exact_mut(width).take(rows).enumerate() {
            let input = &input[row * self.step..];
            for (output, place) in output.iter_mut().zip(&self.places) {
                output.clone_from(&input[*place as usize]);
            }
        }
    }
}

/// Rows put together from pieces of the rows of all inputs.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Concat {
    /// How often the pieces of all inputs follow each other.
    pub(in crate::onnx) outer: usize,
    /// Of each input: how far apart its rows are, and how long a piece is.
    pub(in crate::onnx) parts: Vec<(usize, usize)>,
}

impl Concat {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, output: &mut Buffer) {
        by_type!(output, T => self.concat::<T>(rows, inputs, T::values_mut(output)));
    }

    fn concat<T: Element>(&self, rows: usize, inputs: Inputs<'_>, output: &mut [T]) {
        let piece: usize = self.parts.iter().map(|(_, length)| length).sum();
        let mut before = 0;
        for (at, (step, length)) in self.parts.iter().enumerate() {
            let input = inputs.values::<T>(at);
            for row in 0..rows {
                for outer in 0..self.outer {
                    let from = row * step + outer * length;
                    let to = (row * self.outer + outer) * piece + before;
                    output[to..to + length].clone_from_slice(&input[from..from + length]);
                }
            }
            before += length;
        }
    }
}

/// Values of a table at positions that the row says: `Gather` along an axis, `GatherElements`.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Pick {
    /// How far apart rows of the table are; 0 where it is a constant.
    pub(in crate::onnx) step: usize,
    /// Sizes of the table on the axis, and before and behind it.
    pub(in crate::onnx) outer: usize,
    pub(in crate::onnx) size: usize,
    pub(in crate::onnx) inner: usize,
    /// Positions in a row, and how far apart rows of positions are.
    pub(in crate::onnx) positions: usize,
    pub(in crate::onnx) positions_step: usize,
    /// That a position is for one value, and not for all of one place on the axis.
    pub(in crate::onnx) elements: bool,
}

impl Pick {
    pub(super) fn run(&self, rows: &mut Rows<'_>, inputs: Inputs<'_>, output: &mut Buffer) {
        by_type!(output, T => self.pick::<T>(rows, inputs, T::values_mut(output)));
    }

    fn pick<T: Element>(&self, rows: &mut Rows<'_>, inputs: Inputs<'_>, output: &mut [T]) {
        let (table, positions) = (inputs.values::<T>(0), inputs.values::<i64>(1));
        for row in 0..rows.count {
            let (table, positions) = (&table[row * self.step..], &positions[row * self.positions_step..]);
            let valid = if self.elements {
                self.pick_elements(table, positions, &mut output[row * self.positions..])
            } else {
                let width = self.outer * self.positions * self.inner;
                self.pick_places(table, positions, &mut output[row * width..])
            };
            rows.invalid[row] |= !valid;
        }
    }

    /// Whether all positions are on the axis.
    fn pick_places<T: Element>(&self, table: &[T], positions: &[i64], output: &mut [T]) -> bool {
        let mut valid = true;
        for outer in 0..self.outer {
            for (at, position) in positions[..self.positions].iter().enumerate() {
                let Some(place) = place(*position, self.size) else {
                    valid = false;
                    continue;
                };
                let from = (outer * self.size + place) * self.inner;
                let to = (outer * self.positions + at) * self.inner;
                output[to..to + self.inner].clone_from_slice(&table[from..from + self.inner]);
            }
        }
        valid
    }

    fn pick_elements<T: Element>(&self, table: &[T], positions: &[i64], output: &mut [T]) -> bool {
        let mut valid = true;
        let along = self.positions / (self.outer * self.inner).max(1);
        for at in 0..self.positions {
            let (outer, inner) = (at / (along * self.inner), at % self.inner);
            match place(positions[at], self.size) {
                Some(place) => {
                    output[at].clone_from(&table[(outer * self.size + place) * self.inner + inner]);
                }
                None => valid = false,
            }
        }
        valid
    }
}

/// A position as a place among `size`; negative ones count from the end.
pub(in crate::onnx) fn place(position: i64, size: usize) -> Option<usize> {
    let place = usize::try_from(position.unsigned_abs()).ok()?;
    if position < 0 { size.checked_sub(place) } else { Some(place).filter(|place| *place < size) }
}

/// A 1 among 0s, or two other values, at the place that a number says; none where it is out of range.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct OneHot {
    pub(in crate::onnx) depth: usize,
    pub(in crate::onnx) positions: usize,
    pub(in crate::onnx) positions_step: usize,
    /// Values behind the axis.
    pub(in crate::onnx) inner: usize,
}

impl OneHot {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, output: &mut Buffer) {
        by_type!(output, T => self.mark::<T>(rows, inputs, T::values_mut(output)));
    }

    fn mark<T: Element>(&self, rows: usize, inputs: Inputs<'_>, output: &mut [T]) {
        let [off, on] = inputs.values::<T>(1) else { return };
        let width = self.positions * self.depth;
        output[..rows * width].fill(off.clone());
        for row in 0..rows {
            for at in 0..self.positions {
                let position = match inputs.buffer(0) {
                    Buffer::F32(values) => values[row * self.positions_step + at].i64(),
                    Buffer::F64(values) => values[row * self.positions_step + at].i64(),
                    _ => inputs.values::<i64>(0)[row * self.positions_step + at],
                };
                if let Some(place) = place(position, self.depth) {
                    let (outer, inner) = (at / self.inner, at % self.inner);
                    output[row * width + (outer * self.depth + place) * self.inner + inner] = on.clone();
                }
            }
        }
    }
}
