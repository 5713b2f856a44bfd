//! Operators along axes.

use super::arrange::permuted;
use super::{Builder, FLOATS, NUMBERS, Op};
use crate::onnx::kernel::Kernel;
use crate::onnx::kernel::along::{Cumulate, Extreme, Reduce, Reduction, Softmax, Top};
use crate::onnx::plan::Value;
use crate::onnx::shape::{Axis, Dim, Shape, mixes};
use crate::onnx::tensor::{Buffer, ElementType};

pub(super) fn builder(operator: &str) -> Option<Builder> {
    Some(match operator {
        "ArgMax" | "ArgMin" => extreme,
        "CumSum" => cumulate,
        "LogSoftmax" | "Softmax" => softmax,
        "TopK" => top,
        _ if reduction(operator).is_some() => reduce,
        _ => return None,
    })
}

fn reduction(operator: &str) -> Option<Reduction> {
    Some(match operator {
        "ReduceL1" => Reduction::L1,
        "ReduceL2" => Reduction::L2,
        "ReduceLogSum" => Reduction::LogSum,
        "ReduceLogSumExp" => Reduction::LogSumExp,
        "ReduceMax" => Reduction::Max,
        "ReduceMean" => Reduction::Mean,
        "ReduceMin" => Reduction::Min,
        "ReduceProd" => Reduction::Prod,
        "ReduceSum" => Reduction::Sum,
        "ReduceSumSquare" => Reduction::SumSquare,
        _ => return None,
    })
}

fn reduce(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    let kind = reduction(op.operator).ok_or("it is no reduction")?;
    let of_integers = matches!(kind, Reduction::Sum | Reduction::Prod | Reduction::Max | Reduction::Min);
    op.expect(&value, if of_integers { &NUMBERS } else { &FLOATS })?;
    let keeps = op.attributes.flag("keepdims", true)?;
    let nothing = op.attributes.flag("noop_with_empty_axes", false)?;
    // `ReduceSum` takes its axes as an input five versions before the others do.
    let since = if kind == Reduction::Sum { 13 } else { 18 };
    let axes = op.integers_since(since, 1, "axes")?.filter(|axes| !axes.is_empty());
    if axes.is_none() && nothing {
        return Ok(vec![value]);
    }
    let rank = value.shape.rank();
    let reduced = match axes {
        Some(axes) => {
            axes.into_iter().map(|axis| Shape::position(axis, rank)).collect::<Result<Vec<_>, _>>()?
        }
        None => (0..rank).collect(),
    };
    reduced_over(op, &value, kind, &reduced, keeps).map(|value| vec![value])
}

fn reduced_over(
    op: &mut Op<'_, '_, '_>,
    value: &Value,
    kind: Reduction,
    axes: &[usize],
    keeps: bool,
) -> Result<Value, String> {
    if axes.iter().any(|axis| value.shape.0[*axis] == Dim::Batch) {
        return Err(mixes());
    }
    let rank = value.shape.rank();
    let (inner, outer): (Vec<usize>, Vec<usize>) = (0..rank).partition(|axis| axes.contains(axis));
    let order: Vec<usize> = outer.iter().chain(&inner).copied().collect();
    let ordered = permuted(op, value, &order)?;
    let dims = value.shape.padded();
    let size: usize = inner.iter().map(|axis| dims[*axis]).product();
    let kernel = Reduce { kind, groups: value.width() / size.max(1), size };
    let shape = (0..rank).filter_map(|axis| match axes.contains(&axis) {
        true => keeps.then_some(Dim::Fixed(1)),
        false => Some(value.shape.0[axis]),
    });
    let shape = Shape(shape.collect());
    op.emit(Kernel::Reduce(kernel), &[&ordered], value.element, shape)
}

/// Before version 13, all axes from `axis` on are one.
fn softmax(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    op.expect(&value, &FLOATS)?;
    let axis = if op.version < 13 {
        let first = Shape::position(op.attributes.integer("axis")?.unwrap_or(1), value.shape.rank())?;
        if value.shape.batch().is_some_and(|batch| batch >= first) {
            return Err(mixes());
        }
        let dims = value.shape.padded();
        let (outer, size) = (dims[..first].iter().product(), dims[first..].iter().product());
        Axis { position: first, size, outer, inner: 1 }
    } else {
        value.shape.axis(op.attributes.integer("axis")?.unwrap_or(-1))?
    };
    let kernel = Softmax { axis, log: op.operator == "LogSoftmax" };
    op.emit(Kernel::Softmax(kernel), &[&value], value.element, value.shape.clone()).map(|value| vec![value])
}

fn extreme(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    op.expect(&value, &NUMBERS)?;
    let axis = value.shape.axis(op.attributes.integer("axis")?.unwrap_or(0))?;
    let keeps = op.attributes.flag("keepdims", true)?;
    let last = op.attributes.flag("select_last_index", false)?;
    let mut shape = value.shape.clone();
    if keeps {
        shape.0[axis.position] = Dim::Fixed(1);
    } else {
        shape.0.remove(axis.position);
    }
    let kernel = Extreme { axis, largest: op.operator == "ArgMax", last };
    op.emit(Kernel::Extreme(kernel), &[&value], ElementType::Int64, shape).map(|value| vec![value])
}

fn top(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    op.expect(&value, &NUMBERS)?;
    let axis = value.shape.axis(op.attributes.integer("axis")?.unwrap_or(-1))?;
    op.attributes.ignore(&["sorted"]);
    let largest = op.attributes.flag("largest", true)?;
    let count = if op.version < 10 {
        op.attributes.integer("k")?.unwrap_or(1)
    } else {
        op.integers(1, "k")?.first().copied().unwrap_or(0)
    };
    let count = usize::try_from(count).ok().filter(|count| (1..=axis.size).contains(count));
    let count = count.ok_or_else(|| format!("its k is not from 1 to {}, the size of the axis", axis.size))?;
    let mut shape = value.shape.clone();
    shape.0[axis.position] = Dim::Fixed(count);
    op.plan.row_cost += value.width() * count;
    let kernel = Kernel::Top(Top { axis, count, largest });
    op.plan.emit_all(kernel, &[&value], vec![(value.element, shape.clone()), (ElementType::Int64, shape)])
}

fn cumulate(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    op.expect(&value, &NUMBERS)?;
    let axis = match op.constant(1, "axis")? {
        Buffer::I64(axis) if axis.len() == 1 => value.shape.axis(axis[0])?,
        _ => return Err("its axis is not one integer".to_owned()),
    };
    let kernel = Cumulate {
        axis,
        exclusive: op.attributes.flag("exclusive", false)?,
        reverse: op.attributes.flag("reverse", false)?,
    };
    op.emit(Kernel::Cumulate(kernel), &[&value], value.element, value.shape.clone()).map(|value| vec![value])
}

/// How many groups the axes from `axis` on form in a row, and how large they are.
pub(super) fn last_axes(value: &Value, axis: i64) -> Result<(usize, usize), String> {
    let first = Shape::position(axis, value.shape.rank())?;
    if value.shape.batch().is_some_and(|batch| batch >= first) {
        return Err(mixes());
    }
    let dims = value.shape.padded();
    Ok((dims[..first].iter().product(), dims[first..].iter().product()))
}
