//! Operators of networks.

use super::elementwise::computed;
use super::reduce::last_axes;
use super::{Builder, FLOATS, Op};
use crate::onnx::convert::Number;
use crate::onnx::kernel::Kernel;
use crate::onnx::kernel::linear::{Linear, Weights};
use crate::onnx::kernel::normalize::{Affine, LayerNorm, Norm, Normalizer};
use crate::onnx::math::Arithmetic;
use crate::onnx::plan::{ROW_COST_MAX, Value};
use crate::onnx::shape::{Dim, Shape};
use crate::onnx::tensor::{Buffer, ElementType, Tensor};

pub(super) fn builder(operator: &str) -> Option<Builder> {
    Some(match operator {
        "BatchNormalization" => batch_normalization,
        "Gemm" => gemm,
        "LayerNormalization" => layer_normalization,
        "LpNormalization" => lp_normalization,
        "MatMul" => mat_mul,
        _ => return None,
    })
}

/// A matrix of weights, `[inputs, outputs]`.
pub(super) struct Matrix {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) data: Buffer,
}

impl Matrix {
    fn of(op: &Op<'_, '_, '_>, value: &Value, transposed: bool) -> Result<Self, String> {
        let data = op.plan.data(value).ok_or("it multiplies two values that depend on the inputs")?;
        op.expect(value, &FLOATS)?;
        let [rows, columns] = value.shape.inner()[..] else {
            return Err(format!("its weights have shape {:?}, expected two axes", value.shape.inner()));
        };
        if !transposed {
            return Ok(Self { inputs: rows, outputs: columns, data: data.clone() });
        }
        let data = match data {
            Buffer::F32(data) => Buffer::F32(transpose(data, rows, columns)),
            Buffer::F64(data) => Buffer::F64(transpose(data, rows, columns)),
            other => other.clone(),
        };
        Ok(Self { inputs: columns, outputs: rows, data })
    }

    fn scale(&mut self, factor: f32) {
        match &mut self.data {
            Buffer::F32(data) => data.iter_mut().for_each(|value| *value *= factor),
            Buffer::F64(data) => data.iter_mut().for_each(|value| *value *= factor.f64()),
            _ => {}
        }
    }
}

/// `[rows, columns]` as `[columns, rows]`.
pub(super) fn transpose<T: Copy>(data: &[T], rows: usize, columns: usize) -> Vec<T> {
    (0..columns).flat_map(|column| (0..rows).map(move |row| data[row * columns + column])).collect()
}

/// Rows times a matrix, along their last axis.
pub(super) fn product(
    op: &mut Op<'_, '_, '_>,
    value: &Value,
    matrix: Matrix,
    bias: Option<Buffer>,
) -> Result<Value, String> {
    if value.shape.0.last() != Some(&Dim::Fixed(matrix.inputs)) {
        return Err(format!(
            "its input has shape {:?}, but its weights are for {} values",
            value.shape.padded(),
            matrix.inputs
        ));
    }
    let vectors = value.width() / matrix.inputs.max(1);
    op.plan.row_cost +=
        vectors.saturating_mul(matrix.inputs).saturating_mul(matrix.outputs.next_multiple_of(32));
    if op.plan.row_cost > ROW_COST_MAX {
        return Err(format!("a row takes more than {ROW_COST_MAX} multiplications"));
    }
    let weights = match &matrix.data {
        Buffer::F32(data) => Weights::arranged(data, matrix.inputs, matrix.outputs),
        Buffer::F64(data) => Weights::Plain(data.clone()),
        _ => return Err("its weights are no floats".to_owned()),
    };
    let mut shape = value.shape.clone();
    shape.0.pop();
    shape.0.push(Dim::Fixed(matrix.outputs));
    let (inputs, outputs) = (matrix.inputs, matrix.outputs);
    let kernel = Linear { inputs, outputs, vectors, weights, bias, functions: Vec::new() };
    op.emit(Kernel::Linear(kernel), &[value], value.element, shape)
}

fn mat_mul(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let (left, right) = (op.input(0)?, op.input(1)?);
    op.expect(&left, &FLOATS)?;
    op.expect(&right, &[left.element])?;
    // A vector is a matrix of one column, and the result has no axis for it.
    if let [size] = right.shape.inner()[..]
        && right.is_constant()
    {
        let column = right.reshaped(Shape::fixed(&[size, 1]));
        let matrix = Matrix::of(op, &column, false)?;
        let value = product(op, &left, matrix, None)?;
        let mut shape = value.shape.clone();
        shape.0.pop();
        return Ok(vec![value.reshaped(shape)]);
    }
    let matrix = Matrix::of(op, &right, false)?;
    product(op, &left, matrix, None).map(|value| vec![value])
}

fn gemm(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let (left, right) = (op.input(0)?, op.input(1)?);
    op.expect(&left, &FLOATS)?;
    op.expect(&right, &[left.element])?;
    op.attributes.ignore(&["broadcast"]);
    if op.attributes.flag("transA", false)? {
        return Err("transA is not supported".to_owned());
    }
    let mut matrix = Matrix::of(op, &right, op.attributes.flag("transB", false)?)?;
    matrix.scale(op.attributes.float("alpha", 1.0)?);
    let beta = op.attributes.float("beta", 1.0)?;
    let Some(mut addend) = op.optional(2) else {
        return product(op, &left, matrix, None).map(|value| vec![value]);
    };
    op.expect(&addend, &[left.element])?;
    #[expect(clippy::float_cmp, reason = "1 is what there is to leave out")]
    if beta != 1.0 {
        let data = match left.element {
            ElementType::Float => Buffer::F32(vec![beta]),
            _ => Buffer::F64(vec![beta.f64()]),
        };
        let beta = op.plan.constant(Tensor::scalar(left.element, data));
        addend = computed(op, Arithmetic::Mul, &addend, &beta)?;
    }
    let product = product(op, &left, matrix, None)?;
    computed(op, Arithmetic::Add, &product, &addend).map(|value| vec![value])
}

/// The floats of a constant input, as many as the axis has.
fn parameters(op: &Op<'_, '_, '_>, at: usize, count: usize) -> Result<Vec<f64>, String> {
    let values = match op.constant(at, "parameters")? {
        Buffer::F32(values) => values.into_iter().map(f64::from).collect(),
        Buffer::F64(values) => values,
        _ => return Err("its parameters are no floats".to_owned()),
    };
    if values.len() != count {
        return Err(format!("input {at} has {} values, expected {count}", values.len()));
    }
    Ok(values)
}

fn batch_normalization(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    op.attributes.ignore(&["momentum", "spatial", "is_test"]);
    if op.attributes.flag("training_mode", false)? || op.outputs > 1 {
        return Err("it is exported for training: export it in evaluation mode".to_owned());
    }
    let value = op.input(0)?;
    op.expect(&value, &FLOATS)?;
    let axis = value.shape.axis(1)?;
    if axis.outer != 1 {
        return Err("its channels are not the first axis of a row".to_owned());
    }
    let epsilon = op.attributes.float("epsilon", 1e-5)?.f64();
    let parameters = |at| parameters(op, at, axis.size);
    let (scale, shift) = (parameters(1)?, parameters(2)?);
    let (mean, variance) = (parameters(3)?, parameters(4)?);
    let scale: Vec<f64> =
        scale.iter().zip(&variance).map(|(scale, variance)| scale / (variance + epsilon).sqrt()).collect();
    // In one step, as it is computed where models are trained: x * scale + (shift - mean * scale).
    let shift: Vec<f64> =
        shift.iter().zip(&mean).zip(&scale).map(|((shift, mean), scale)| shift - mean * scale).collect();
    let spread =
        |values: &[f64]| values.iter().flat_map(|value| vec![*value; axis.inner]).collect::<Vec<_>>();
    let kernel = Affine { offset: vec![0.0; value.width()], scale: spread(&scale), shift: spread(&shift) };
    op.emit(Kernel::Affine(kernel), &[&value], value.element, value.shape.clone()).map(|value| vec![value])
}

fn lp_normalization(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    op.expect(&value, &[ElementType::Float])?;
    let axis = value.shape.axis(op.attributes.integer("axis")?.unwrap_or(-1))?;
    if axis.inner != 1 {
        return Err("it is not along the last axis".to_owned());
    }
    let norm = if op.attributes.integer("p")?.unwrap_or(2) == 1 { Norm::L1 } else { Norm::L2 };
    let kernel = Normalizer { norm, groups: axis.outer, size: axis.size };
    op.emit(Kernel::Normalizer(kernel), &[&value], value.element, value.shape.clone())
        .map(|value| vec![value])
}

fn layer_normalization(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    op.attributes.ignore(&["stash_type"]);
    if op.outputs > 1 {
        return Err("its second output is not supported".to_owned());
    }
    let value = op.input(0)?;
    op.expect(&value, &FLOATS)?;
    let (groups, size) = last_axes(&value, op.attributes.integer("axis")?.unwrap_or(-1))?;
    let epsilon = op.attributes.float("epsilon", 1e-5)?.f64();
    let kernel = Kernel::LayerNorm(LayerNorm { groups, size, epsilon });
    let normal = op.emit(kernel, &[&value], value.element, value.shape.clone())?;
    let scaled = op.input(1)?;
    let mut result = computed(op, Arithmetic::Mul, &normal, &scaled)?;
    if let Some(bias) = op.optional(2) {
        result = computed(op, Arithmetic::Add, &result, &bias)?;
    }
    same_shape(&value.shape, result)
}

fn same_shape(shape: &Shape, value: Value) -> Result<Vec<Value>, String> {
    if value.shape == *shape {
        Ok(vec![value])
    } else {
        Err("its scale and bias do not fit its input".to_owned())
    }
}
