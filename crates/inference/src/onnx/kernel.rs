//! What computes a step of a plan, on a block of rows.
//!
//! A kernel reads and writes values row by row, and each row by itself: **invariant:** what it gives for a row has
//! the same bits whatever the other rows are, and however many.

pub(super) mod along;
pub(super) mod arrange;
pub(super) mod convert;
pub(super) mod elementwise;
pub(super) mod linear;
pub(super) mod lookup;
pub(super) mod model;
pub(super) mod normalize;
pub(super) mod trees;

use super::tensor::{Buffer, Element};

/// Where a value is while a block of rows is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Values of the rows.
    Slot(usize),
    /// The same for all rows.
    Constant(usize),
}

/// The inputs of a kernel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inputs<'a> {
    pub(super) sources: &'a [Source],
    pub(super) slots: &'a [Buffer],
    pub(super) constants: &'a [Buffer],
}

impl<'a> Inputs<'a> {
    pub(super) fn buffer(&self, at: usize) -> &'a Buffer {
        match self.sources[at] {
            Source::Slot(slot) => &self.slots[slot],
            Source::Constant(constant) => &self.constants[constant],
        }
    }

    pub(super) fn values<T: Element>(&self, at: usize) -> &'a [T] {
        T::values(self.buffer(at))
    }
}

/// The rows of a block, and which of them turned out to be impossible to compute: those have no result.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    pub(super) count: usize,
    pub(super) invalid: &'a mut [bool],
}

/// The most outputs of a kernel.
pub(super) const OUTPUTS_MAX: usize = 2;

#[derive(Clone, Debug)]
pub(super) enum Kernel {
    Select(arrange::Select),
    Concat(arrange::Concat),
    Pick(arrange::Pick),
    OneHot(arrange::OneHot),
    Cast(convert::Cast),
    Map(elementwise::Map),
    Test(elementwise::Test),
    Zip(elementwise::Zip),
    Compare(elementwise::Compare),
    Logic(elementwise::Logic),
    Where(elementwise::Where),
    Reduce(along::Reduce),
    Softmax(along::Softmax),
    Extreme(along::Extreme),
    Top(along::Top),
    Cumulate(along::Cumulate),
    LayerNorm(normalize::LayerNorm),
    Affine(normalize::Affine),
    Normalizer(normalize::Normalizer),
    Impute(normalize::Impute),
    Binarize(normalize::Binarize),
    Linear(linear::Linear),
    Categories(lookup::Categories),
    Lookup(lookup::Lookup),
    Classify(model::Classify),
    Transform(model::Transform),
    Trees(trees::Trees),
}

impl Kernel {
    /// Computes rows. Outputs are as long as the block has rows at most; what is behind the rows is left alone.
    pub(super) fn run(&self, rows: &mut Rows<'_>, inputs: Inputs<'_>, outputs: &mut [Buffer; OUTPUTS_MAX]) {
        let count = rows.count;
        let [output, second] = outputs;
        match self {
            Self::Select(kernel) => kernel.run(count, inputs, output),
            Self::Concat(kernel) => kernel.run(count, inputs, output),
            Self::Pick(kernel) => kernel.run(rows, inputs, output),
            Self::OneHot(kernel) => kernel.run(count, inputs, output),
            Self::Cast(kernel) => kernel.run(rows, inputs, output),
            Self::Map(kernel) => kernel.run(count, inputs, output),
            Self::Test(kernel) => kernel.run(count, inputs, output),
            Self::Zip(kernel) => kernel.run(count, inputs, output),
            Self::Compare(kernel) => kernel.run(count, inputs, output),
            Self::Logic(kernel) => kernel.run(count, inputs, output),
            Self::Where(kernel) => kernel.run(count, inputs, output),
            Self::Reduce(kernel) => kernel.run(count, inputs, output),
            Self::Softmax(kernel) => kernel.run(count, inputs, output),
            Self::Extreme(kernel) => kernel.run(count, inputs, output),
            Self::Top(kernel) => kernel.run(count, inputs, output, second),
            Self::Cumulate(kernel) => kernel.run(count, inputs, output),
            Self::LayerNorm(kernel) => kernel.run(count, inputs, output),
            Self::Affine(kernel) => kernel.run(count, inputs, output),
            Self::Normalizer(kernel) => kernel.run(count, inputs, output),
            Self::Impute(kernel) => kernel.run(count, inputs, output),
            Self::Binarize(kernel) => kernel.run(count, inputs, output),
            Self::Linear(kernel) => kernel.run(count, inputs, output),
            Self::Categories(kernel) => kernel.run(rows, inputs, output),
            Self::Lookup(kernel) => kernel.run(count, inputs, output),
            Self::Classify(kernel) => kernel.run(count, inputs, output, second),
            Self::Transform(kernel) => kernel.run(count, inputs, output),
            Self::Trees(kernel) => kernel.run(count, inputs, output, second),
        }
    }
}

/// Runs `$body` with the type `$T` of the values of a buffer.
macro_rules! by_type {
    ($buffer:expr, $T:ident => $body:expr) => {
        match $buffer {
            $crate::onnx::tensor::Buffer::F32(_) => {
                type $T = f32;
                $body
            }
            $crate::onnx::tensor::Buffer::F64(_) => {
                type $T = f64;
                $body
            }
            $crate::onnx::tensor::Buffer::I64(_) => {
                type $T = i64;
                $body
            }
            $crate::onnx::tensor::Buffer::Bool(_) => {
                type $T = bool;
                $body
            }
            $crate::onnx::tensor::Buffer::Text(_) => {
                type $T = compact_str::CompactString;
                $body
            }
        }
    };
}

/// Runs `$body` with the type `$T` of the floats of a buffer.
macro_rules! by_float {
    ($buffer:expr, $T:ident => $body:expr) => {
        match $buffer {
            $crate::onnx::tensor::Buffer::F32(_) => {
                type $T = f32;
                $body
            }
            $crate::onnx::tensor::Buffer::F64(_) => {
                type $T = f64;
                $body
            }
            _ => unreachable!("the plan lets nothing but floats come here"),
        }
    };
}

/// Runs `$body` with the type `$T` of the numbers of a buffer.
macro_rules! by_number {
    ($buffer:expr, $T:ident => $body:expr) => {
        match $buffer {
            $crate::onnx::tensor::Buffer::F32(_) => {
                type $T = f32;
                $body
            }
            $crate::onnx::tensor::Buffer::F64(_) => {
                type $T = f64;
                $body
            }
            $crate::onnx::tensor::Buffer::I64(_) => {
                type $T = i64;
                $body
            }
            _ => unreachable!("the plan lets nothing but numbers come here"),
        }
    };
}

pub(super) use {by_float, by_number, by_type};
