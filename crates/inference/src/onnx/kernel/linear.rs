//! Products of rows with a matrix of weights, and what follows them: the bias, and activations.
//!
//! Every value is the sum of its products in the order of the inputs, by fused multiply-adds where the processor has
//! them, in whatever block its row stands. That is why the product is our own: a general one chooses the order by
//! the number of rows. Weights are arranged at load in panels of [`PANEL`] columns, so that a tile of rows times a
//! panel stays in registers; the few columns of a last layer are summed along the inputs instead, in vectors.

use pulp::{Arch, Simd, WithSimd};

use super::Inputs;
use crate::onnx::math::Function;
use crate::onnx::tensor::Buffer;

/// Columns of a panel: two vectors of 512 bits, four of 256.
const PANEL: usize = 32;

/// Floats of a cache line.
const LINE: usize = 16;

/// The most columns for which a panel would be mostly empty.
const NARROW: usize = 4;

/// A matrix of weights with its bias and its activations.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct Linear {
    pub(in crate::onnx) inputs: usize,
    pub(in crate::onnx) outputs: usize,
    /// Vectors of inputs in a row: more than one where the row has further axes.
    pub(in crate::onnx) vectors: usize,
    pub(in crate::onnx) weights: Weights,
    /// Of the type of the weights; zeros where there is none.
    pub(in crate::onnx) bias: Option<Buffer>,
    pub(in crate::onnx) functions: Vec<Function>,
}

#[derive(Clone, Debug)]
pub(in crate::onnx) enum Weights {
    /// Panels of 32-bit floats, from the first place on that is the beginning of a cache line.
    Panels { arch: Arch, panels: Vec<f32>, first: usize },
    /// Few columns, one behind the other.
    Columns { arch: Arch, columns: Vec<f32> },
    /// 64-bit floats as `[inputs, outputs]`.
    Plain(Vec<f64>),
}

impl Weights {
    /// Arranges `[inputs, outputs]` in columns, or in panels, the last one filled up with zeros.
    pub(in crate::onnx) fn arranged(weights: &[f32], inputs: usize, outputs: usize) -> Self {
        if outputs <= NARROW {
            let column = |column| weights.iter().skip(column).step_by(outputs).copied();
            return Self::Columns { arch: Arch::new(), columns: (0..outputs).flat_map(column).collect() };
        }
        let mut panels = vec![0.0; inputs * outputs.next_multiple_of(PANEL) + LINE];
        // A vector that crosses a line takes two loads. A copy of the graph may lie otherwise, and be slower.
        let first = panels.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        for (column, panel) in
            (0..outputs).step_by(PANEL).zip(panels[first..].chunks_exact_mut((inputs * PANEL).max(1)))
        {
            let width = PANEL.min(outputs - column);
            for (input, to) in panel.chunks_exact_mut(PANEL).enumerate() {
                to[..width].copy_from_slice(&weights[input * outputs + column..][..width]);
            }
        }
        Self::Panels { arch: Arch::new(), panels, first }
    }
}

impl Linear {
    pub(super) fn run(&self, rows: usize, inputs: Inputs<'_>, output: &mut Buffer) {
        let rows = rows * self.vectors;
        let length = rows * self.outputs;
        match (&self.weights, output) {
            (Weights::Panels { arch, panels, first }, Buffer::F32(output)) => {
                let panels = &panels[*first..];
                let output = &mut output[..length];
                let relu = self.functions.first() == Some(&Function::Relu);
                arch.dispatch(Product { linear: self, rows, relu, input: inputs.values(0), panels, output });
                for function in self.functions.iter().skip(usize::from(relu)) {
                    function.apply(output);
                }
            }
            (Weights::Columns { arch, columns }, Buffer::F32(output)) => {
                let output = &mut output[..length];
                arch.dispatch(Dots { linear: self, input: inputs.values(0), columns, output });
                for function in &self.functions {
                    function.apply(output);
                }
            }
            (Weights::Plain(weights), Buffer::F64(output)) => {
                self.plain(rows, inputs.values(0), weights, output);
                for function in &self.functions {
                    function.apply(&mut output[..length]);
                }
            }
            _ => unreachable!("the plan gives a product values of the type of its weights"),
        }
    }

    fn plain(&self, rows: usize, input: &[f64], weights: &[f64], output: &mut [f64]) {
        for (row, output) in output.chunks_exact_mut(self.outputs).take(rows).enumerate() {
            output.fill(0.0);
            for (value, weights) in input[row * self.inputs..].iter().zip(weights.chunks_exact(self.outputs))
            {
                for (output, weight) in output.iter_mut().zip(weights) {
                    *output += value * weight;
                }
            }
            if let Some(Buffer::F64(bias)) = &self.bias {
                for (output, bias) in output.iter_mut().zip(bias) {
                    *output += bias;
                }
            }
        }
    }
}

/// The product of 32-bit floats, for each kind of processor.
struct Product<'a> {
    linear: &'a Linear,
    rows: usize,
    relu: bool,
    input: &'a [f32],
    panels: &'a [f32],
    output: &'a mut [f32],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        // Vectors in a panel; a constant for each kind of processor, so that only one of these remains.
        match S::F32_LANES {
            16 => self.all::<S, 2>(simd),
            8 => self.all::<S, 4>(simd),
            4 => self.all::<S, 8>(simd),
            _ => self.all::<S, PANEL>(simd),
        }
    }
}

impl Product<'_> {
    #[inline(always)]
    fn all<S: Simd, const V: usize>(&mut self, simd: S) {
        let depth = self.linear.inputs * PANEL;
        for column in (0..self.linear.outputs).step_by(PANEL) {
            let panel = &self.panels[column * self.linear.inputs..][..depth];
            let mut row = 0;
            // Eight rows of two vectors, or fewer of more, fill the registers.
            while V <= 2 && self.rows - row >= 8 {
                self.tile::<S, 8, V>(simd, row, column, panel);
                row += 8;
            }
            while V <= 4 && self.rows - row >= 3 {
                self.tile::<S, 3, V>(simd, row, column, panel);
                row += 3;
            }
            while row < self.rows {
                self.tile::<S, 1, V>(simd, row, column, panel);
                row += 1;
            }
        }
    }

    /// `R` rows times a panel.
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        panel: &[f32],
    ) {
        let depth = self.linear.inputs;
        let inputs: [&[f32]; R] = std::array::from_fn(|at| &self.input[(row + at) * depth..][..depth]);
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        let (weights, _) = S::as_simd_f32s(panel);
        for (at, weights) in weights.as_chunks::<V>().0.iter().enumerate().take(depth) {
            for r in 0..R {
                let value = simd.splat_f32s(inputs[r][at]);
                for v in 0..V {
                    sums[r][v] = simd.mul_add_e_f32s(value, weights[v], sums[r][v]);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            self.store(simd, row + r, column, sums);
        }
    }

    /// Adds the bias, and puts the sums where they belong.
    #[inline(always)]
    fn store<S: Simd, const V: usize>(&mut self, simd: S, row: usize, column: usize, sums: &[S::f32s; V]) {
        let width = PANEL.min(self.linear.outputs - column);
        let mut values = [0.0_f32; PANEL];
        for (to, sum) in S::as_mut_simd_f32s(&mut values).0.iter_mut().zip(sums) {
            *to = *sum;
        }
        let _ = simd;
        let output = &mut self.output[row * self.linear.outputs + column..][..width];
        if let Some(Buffer::F32(bias)) = &self.linear.bias {
            for (value, bias) in values.iter_mut().zip(&bias[column..]) {
                *value += bias;
            }
        }
        if self.relu {
            values.iter_mut().for_each(|value| *value = if *value < 0.0 { 0.0 } else { *value });
        }
        output.copy_from_slice(&values[..width]);
    }
}

/// The product with few columns, for each kind of processor.
struct Dots<'a> {
    linear: &'a Linear,
    input: &'a [f32],
    columns: &'a [f32],
    output: &'a mut [f32],
}

impl WithSimd for Dots<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Linear { inputs, outputs, bias, .. } = self.linear;
        for (row, output) in self.output.chunks_exact_mut(*outputs).enumerate() {
            let row = &self.input[row * inputs..][..*inputs];
            for (at, output) in output.iter_mut().enumerate() {
                *output = dot(simd, row, &self.columns[at * inputs..][..*inputs]);
                if let Some(Buffer::F32(bias)) = bias {
                    *output += bias[at];
                }
            }
        }
    }
}

/// The sum of products, vector by vector into two sums, and what remains behind them one by one.
#[inline(always)]
fn dot<S: Simd>(simd: S, left: &[f32], right: &[f32]) -> f32 {
    let ((left, left_rest), (right, right_rest)) = (S::as_simd_f32s(left), S::as_simd_f32s(right));
    let mut sums = [simd.splat_f32s(0.0); 2];
    for (at, (left, right)) in left.iter().zip(right).enumerate() {
        sums[at % 2] = simd.mul_add_e_f32s(*left, *right, sums[at % 2]);
    }
    let rest = left_rest.iter().zip(right_rest);
    rest.fold(simd.reduce_sum_f32s(simd.add_f32s(sums[0], sums[1])), |sum, (left, right)| sum + left * right)
}
