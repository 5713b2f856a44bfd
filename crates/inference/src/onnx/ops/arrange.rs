//! Operators that move values, or say where they are.

use super::{Builder, Op};
use crate::onnx::convert::from_index;
use crate::onnx::kernel::Kernel;
use crate::onnx::kernel::arrange::{Concat, OneHot, Pick, place};
use crate::onnx::kernel::lookup::Labels;
use crate::onnx::plan::{BATCH, Value};
use crate::onnx::shape::{Dim, Shape, broadcast, broadcast_map, mixes, strides, walk};
use crate::onnx::tensor::{Buffer, ElementType, Tensor, volume};

pub(super) fn builder(operator: &str) -> Option<Builder> {
    Some(match operator {
        "Concat" => concat,
        "Constant" => constant,
        "ConstantOfShape" => constant_of_shape,
        "Dropout" => dropout,
        "Expand" => expand,
        "Flatten" => flatten,
        "Gather" => gather,
        "GatherElements" => gather_elements,
        "Identity" => identity,
        "OneHot" => one_hot,
        "Reshape" => reshape,
        "Shape" => shape,
        "Slice" => slice,
        "Split" => split,
        "Squeeze" => squeeze,
        "Tile" => tile,
        "Transpose" => transpose,
        "Unsqueeze" => unsqueeze,
        _ => return None,
    })
}

fn identity(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    Ok(vec![op.input(0)?])
}

/// Does nothing outside of training.
fn dropout(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    op.attributes.ignore(&["ratio", "seed", "is_test"]);
    if let Some(Buffer::Bool(training)) = op.optional(2).and_then(|flag| op.plan.data(&flag).cloned())
        && training.contains(&true)
    {
        return Err("it is exported for training: export it in evaluation mode".to_owned());
    }
    if op.outputs > 1 {
        return Err("its mask is not supported".to_owned());
    }
    Ok(vec![op.input(0)?])
}

fn constant(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let a = &op.attributes;
    let tensor = if let Some(tensor) = a.tensor("value")? {
        tensor
    } else if a.has("value_float") {
        Tensor::scalar(ElementType::Float, Buffer::F32(vec![a.float("value_float", 0.0)?]))
    } else if let Some(value) = a.integer("value_int")? {
        Tensor::scalar(ElementType::Int64, Buffer::I64(vec![value]))
    } else if a.has("value_floats") {
        Tensor::vector(ElementType::Float, Buffer::F32(a.floats("value_floats")?.to_vec()))
    } else if a.has("value_ints") {
        Tensor::vector(ElementType::Int64, Buffer::I64(a.integers("value_ints")?.to_vec()))
    } else if a.has("value_string") {
        Tensor::scalar(ElementType::String, Buffer::Text(vec![a.text("value_string", "")?.into()]))
    } else {
        Tensor::vector(ElementType::String, Buffer::Text(a.texts("value_strings")?))
    };
    Ok(vec![op.plan.constant(tensor)])
}

/// The sizes of a shape that is being read, [`BATCH`] standing for the batch.
fn sizes(op: &Op<'_, '_, '_>, at: usize) -> Result<Vec<i64>, String> {
    let value = op.input(at)?;
    match op.plan.data(&value) {
        Some(Buffer::I64(sizes)) => Ok(sizes.clone()),
        _ => Err("its shape is computed from the inputs, which is not supported".to_owned()),
    }
}

fn dim(size: i64) -> Result<Dim, String> {
    if size == BATCH {
        return Ok(Dim::Batch);
    }
    usize::try_from(size).map(Dim::Fixed).map_err(|_| format!("size {size} is negative"))
}

fn constant_of_shape(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.attributes.tensor("value")?;
    let value = value.unwrap_or_else(|| Tensor::vector(ElementType::Float, Buffer::F32(vec![0.0])));
    let one = Tensor { dims: Vec::new(), ..value };
    if one.data.len() != 1 {
        return Err(format!("its value has {} values, expected 1", one.data.len()));
    }
    let dims = sizes(op, 0)?.into_iter().map(dim).collect::<Result<Vec<_>, _>>()?;
    let one = op.plan.constant(one);
    spread(op, &one, &Shape(dims)).map(|value| vec![value])
}

/// A value broadcast to a shape that is as large or larger.
fn spread(op: &mut Op<'_, '_, '_>, value: &Value, shape: &Shape) -> Result<Value, String> {
    if shape.0.iter().filter(|dim| **dim == Dim::Batch).count() > 1 {
        return Err(mixes());
    }
    op.plan.charge(shape.width()?)?;
    let places = broadcast_map(&value.shape, shape);
    op.plan.select(value, shape.clone(), places)
}

fn expand(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    let dims = sizes(op, 1)?.into_iter().map(dim).collect::<Result<Vec<_>, _>>()?;
    let shape = broadcast(&value.shape, &Shape(dims))?;
    spread(op, &value, &shape).map(|value| vec![value])
}

fn tile(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    let repeats = op.integers(1, "repeats")?;
    if repeats.len() != value.shape.rank() {
        return Err(format!("it has {} repeats for {} axes", repeats.len(), value.shape.rank()));
    }
    let mut result = value;
    for (axis, repeats) in repeats.into_iter().enumerate().filter(|(_, repeats)| *repeats != 1) {
        let count = usize::try_from(repeats).map_err(|_| format!("{repeats} repeats"))?;
        let axis = result.shape.axis(from_index(axis))?;
        volume(&[count, result.width()])?;
        let places: Vec<usize> = (0..count).flat_map(|_| 0..axis.size).collect();
        result = along(op, &result, axis.position, &places)?;
    }
    Ok(vec![result])
}

/// The values at some places of an axis.
fn along(op: &mut Op<'_, '_, '_>, value: &Value, position: usize, places: &[usize]) -> Result<Value, String> {
    let axis = value.shape.axis(from_index(position))?;
    let mut shape = value.shape.clone();
    shape.0[position] = Dim::Fixed(places.len());
    op.plan.charge(shape.width()?)?;
    let map = (0..axis.outer).flat_map(|outer| {
        places.iter().flat_map(move |place| {
            (0..axis.inner).map(move |inner| (outer * axis.size + place) * axis.inner + inner)
        })
    });
    let map = map.map(crate::onnx::convert::narrow).collect();
    op.plan.select(value, shape, map)
}

fn flatten(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    let rank = value.shape.rank();
    let axis = op.attributes.integer("axis")?.unwrap_or(1);
    let axis = if usize::try_from(axis).is_ok_and(|axis| axis == rank) {
        rank
    } else {
        Shape::position(axis, rank)?
    };
    let part = |dims: &[Dim]| -> Result<Dim, String> {
        let size: usize = Shape(dims.to_vec()).padded().iter().product();
        match dims.contains(&Dim::Batch) {
            true if size == 1 => Ok(Dim::Batch),
            true => Err(mixes()),
            false => Ok(Dim::Fixed(size)),
        }
    };
    let shape = Shape(vec![part(&value.shape.0[..axis])?, part(&value.shape.0[axis..])?]);
    Ok(vec![value.reshaped(shape)])
}

fn reshape(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    let keeps_zero = op.attributes.flag("allowzero", false)?;
    let mut target = if op.version < 5 { op.attributes.integers("shape")?.to_vec() } else { sizes(op, 1)? };
    for (axis, size) in target.iter_mut().enumerate().filter(|(_, size)| **size == 0 && !keeps_zero) {
        *size = match value.shape.0.get(axis) {
            Some(Dim::Batch) => BATCH,
            Some(Dim::Fixed(own)) => from_index(*own),
            None => return Err(format!("axis {axis} of its shape is 0, but its input has none such")),
        };
    }
    let shape = reshaped(&value, &target, op.plan.batch)
        .ok_or_else(|| format!("shape {:?} does not fit {target:?}, or {}", value.shape.padded(), mixes()))?;
    Ok(vec![value.reshaped(shape)])
}

/// The shape that `target` asks for. Of values of rows, one of its sizes is the batch: the one that says so, or -1,
/// or the one that the file was exported with; what is before and behind it must stay there.
fn reshaped(value: &Value, target: &[i64], exported: Option<i64>) -> Option<Shape> {
    let Some(batch) = value.shape.batch() else {
        return fill(value.shape.inner().iter().product(), target).map(|dims| Shape::fixed(&dims));
    };
    let dims = value.shape.padded();
    let (before, behind) = (dims[..batch].iter().product(), dims[batch + 1..].iter().product());
    let fits = |at: usize| {
        let (first, last) = (fill(before, &target[..at])?, fill(behind, &target[at + 1..])?);
        let first = first.into_iter().map(Dim::Fixed);
        Some(Shape(first.chain([Dim::Batch]).chain(last.into_iter().map(Dim::Fixed)).collect()))
    };
    let all = |size: i64| (0..target.len()).filter(move |at| target[*at] == size);
    let candidates = all(BATCH).chain(all(-1)).chain(exported.into_iter().flat_map(all));
    candidates.filter_map(fits).next()
}

/// Sizes with the product `count`, one of which may be -1.
fn fill(count: usize, target: &[i64]) -> Option<Vec<usize>> {
    let known = target
        .iter()
        .filter(|size| **size != -1)
        .try_fold(1_usize, |product, size| product.checked_mul(usize::try_from(*size).ok()?))?;
    let open = target.iter().filter(|size| **size == -1).count();
    let rest = if open == 1 { count.checked_div(known)? } else { 1 };
    let fits = open <= 1 && known.checked_mul(rest)? == count;
    fits.then(|| target.iter().map(|size| usize::try_from(*size).unwrap_or(rest)).collect())
}

fn squeeze(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    let rank = value.shape.rank();
    let axes = match op.integers_since(13, 1, "axes")? {
        Some(axes) => {
            axes.into_iter().map(|axis| Shape::position(axis, rank)).collect::<Result<Vec<_>, _>>()?
        }
        None => (0..rank).filter(|axis| value.shape.0[*axis] == Dim::Fixed(1)).collect(),
    };
    if let Some(axis) = axes.iter().find(|axis| value.shape.0[**axis] != Dim::Fixed(1)) {
        let batch = value.shape.0[*axis] == Dim::Batch;
        return Err(if batch { mixes() } else { format!("axis {axis} is not of size 1") });
    }
    let dims = (0..rank).filter(|axis| !axes.contains(axis)).map(|axis| value.shape.0[axis]);
    let shape = Shape(dims.collect());
    Ok(vec![value.reshaped(shape)])
}

fn unsqueeze(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    let axes = op.integers_since(13, 1, "axes")?.ok_or("it has no axes")?;
    let rank = value.shape.rank() + axes.len();
    let mut positions =
        axes.into_iter().map(|axis| Shape::position(axis, rank)).collect::<Result<Vec<_>, _>>()?;
    positions.sort_unstable();
    positions.dedup();
    if positions.len() + value.shape.rank() != rank {
        return Err("it names an axis twice".to_owned());
    }
    let mut dims = value.shape.0.clone();
    for position in positions {
        dims.insert(position, Dim::Fixed(1));
    }
    Ok(vec![value.reshaped(Shape(dims))])
}

fn transpose(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    let rank = value.shape.rank();
    let axes: Vec<usize> = if op.attributes.has("perm") {
        let axes = op.attributes.integers("perm")?;
        axes.iter().map(|axis| Shape::position(*axis, rank)).collect::<Result<_, _>>()?
    } else {
        (0..rank).rev().collect()
    };
    let mut sorted = axes.clone();
    sorted.sort_unstable();
    if sorted != (0..rank).collect::<Vec<_>>() {
        return Err(format!("perm {axes:?} does not name each of {rank} axes once"));
    }
    permuted(op, &value, &axes).map(|value| vec![value])
}

/// A value with its axes in another order.
pub(super) fn permuted(op: &mut Op<'_, '_, '_>, value: &Value, axes: &[usize]) -> Result<Value, String> {
    let dims = value.shape.padded();
    let strides = strides(&dims);
    let shape = Shape(axes.iter().map(|axis| value.shape.0[*axis]).collect());
    let steps: Vec<usize> = axes.iter().map(|axis| strides[*axis]).collect();
    op.plan.charge(value.width())?;
    let places = walk(&shape.padded(), &steps, 0);
    op.plan.select(value, shape, places)
}

fn shape(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    let rank = from_index(value.shape.rank());
    let bound = |bound: i64| if bound < 0 { bound.saturating_add(rank) } else { bound }.clamp(0, rank);
    let start = bound(op.attributes.integer("start")?.unwrap_or(0));
    let end = bound(op.attributes.integer("end")?.unwrap_or(rank));
    let sizes: Vec<i64> = (start..end)
        .filter_map(|axis| usize::try_from(axis).ok())
        .map(|axis| if let Dim::Fixed(size) = value.shape.0[axis] { from_index(size) } else { BATCH })
        .collect();
    let symbolic = sizes.contains(&BATCH);
    let constant = op.plan.constant(Tensor::vector(ElementType::Int64, Buffer::I64(sizes)));
    Ok(vec![Value { symbolic, ..constant }])
}

fn slice(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let mut value = op.input(0)?;
    let rank = value.shape.rank();
    let (starts, ends, axes, steps) = if op.version < 10 {
        let list = |name| op.attributes.integers(name).map(<[i64]>::to_vec);
        let axes = Some(list("axes")?).filter(|axes| !axes.is_empty());
        (list("starts")?, list("ends")?, axes, None)
    } else {
        let optional = |at, name| op.optional(at).map(|_| op.integers(at, name)).transpose();
        (op.integers(1, "starts")?, op.integers(2, "ends")?, optional(3, "axes")?, optional(4, "steps")?)
    };
    let axes = axes.unwrap_or_else(|| (0..starts.len()).map(from_index).collect());
    let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        return Err("its starts, ends, axes and steps are not equally many".to_owned());
    }
    for at in 0..starts.len() {
        let position = Shape::position(axes[at], rank)?;
        let whole = starts[at] == 0 && ends[at] >= i64::from(i32::MAX) && steps[at] == 1;
        if whole {
            continue;
        }
        let size = value.shape.axis(axes[at])?.size;
        let places = range(starts[at], ends[at], steps[at], size)?;
        value = along(op, &value, position, &places)?;
    }
    Ok(vec![value])
}

/// The places of a slice.
fn range(start: i64, end: i64, step: i64, size: usize) -> Result<Vec<usize>, String> {
    let size = from_index(size);
    let bound =
        |bound: i64, low, high| if bound < 0 { bound.saturating_add(size) } else { bound }.clamp(low, high);
    let magnitude = usize::try_from(step.unsigned_abs()).unwrap_or(usize::MAX);
    let places: Vec<i64> = match step {
        0 => return Err("a step is 0".to_owned()),
        1.. => (bound(start, 0, size)..bound(end, 0, size)).step_by(magnitude).collect(),
        _ => {
            (bound(end, -1, size - 1) + 1..bound(start, -1, size - 1) + 1).rev().step_by(magnitude).collect()
        }
    };
    Ok(places.into_iter().filter_map(|place| usize::try_from(place).ok()).collect())
}

fn split(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    let axis = value.shape.axis(op.attributes.integer("axis")?.unwrap_or(0))?;
    op.attributes.ignore(&["num_outputs"]);
    let sizes = match op.integers_since(13, 1, "split")? {
        Some(sizes) => sizes.iter().map(|size| usize::try_from(*size).unwrap_or(usize::MAX)).collect(),
        None => {
            let part = axis.size.div_ceil(op.outputs.max(1));
            (0..op.outputs).map(|at| part.min(axis.size.saturating_sub(at * part))).collect::<Vec<_>>()
        }
    };
    let total = sizes.iter().try_fold(0_usize, |total, size| total.checked_add(*size));
    if total != Some(axis.size) || sizes.len() < op.outputs {
        return Err(format!(
            "its parts {sizes:?} do not add up to {} values for {} outputs",
            axis.size, op.outputs
        ));
    }
    let mut start = 0;
    let mut parts = Vec::new();
    for size in sizes {
        let places: Vec<usize> = (start..start + size).collect();
        parts.push(along(op, &value, axis.position, &places)?);
        start += size;
    }
    Ok(parts)
}

fn concat(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let axis = op.attributes.integer("axis")?.unwrap_or(1);
    let values = (0..op.inputs.len()).map(|at| op.input(at)).collect::<Result<Vec<_>, _>>()?;
    concatenated(op, values, axis).map(|value| vec![value])
}

/// Values one behind the other along an axis. Constants among values of rows are the same in each row.
pub(super) fn concatenated(
    op: &mut Op<'_, '_, '_>,
    mut values: Vec<Value>,
    axis: i64,
) -> Result<Value, String> {
    let first = values.first().ok_or("it has no inputs")?.clone();
    let position = Shape::position(axis, first.shape.rank())?;
    if values.iter().any(|value| value.element != first.element) {
        return Err("its inputs are of several types".to_owned());
    }
    // A size of 1 beside a batch: such a constant was exported with a batch of one row.
    let batch = values.iter().find_map(|value| value.shape.batch());
    let mut total = 0;
    for value in &mut values {
        if let Some(batch) = batch
            && op.plan.batch == Some(1)
            && value.shape.0.get(batch) == Some(&Dim::Fixed(1))
        {
            value.shape.0[batch] = Dim::Batch;
        }
        let fits = value.shape.rank() == first.shape.rank()
            && (0..first.shape.rank())
                .all(|axis| axis == position || value.shape.0[axis] == first.shape.0[axis]);
        if !fits {
            return Err("its inputs have different sizes beside the axis".to_owned());
        }
        total += value.shape.axis(axis)?.size;
    }
    let mut shape = first.shape.clone();
    shape.0[position] = Dim::Fixed(total);
    shape.width()?;
    let along = first.shape.axis(axis)?;
    let parts = values.iter().map(|value| {
        let size = value.shape.axis(axis).map_or(0, |axis| axis.size);
        (value.step(), size * along.inner)
    });
    let kernel = Kernel::Concat(Concat { outer: along.outer, parts: parts.collect() });
    let inputs: Vec<&Value> = values.iter().collect();
    op.emit(kernel, &inputs, first.element, shape)
}

fn gather(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let (table, positions) = (op.input(0)?, op.input(1)?);
    let axis = op.attributes.integer("axis")?.unwrap_or(0);
    gathered(op, &table, &positions, axis).map(|value| vec![value])
}

fn gathered(op: &mut Op<'_, '_, '_>, table: &Value, positions: &Value, axis: i64) -> Result<Value, String> {
    let axis = table.shape.axis(axis)?;
    if !positions.element.is_integer() || positions.symbolic {
        return Err("its positions are not integers".to_owned());
    }
    let mut dims = table.shape.0.clone();
    dims.splice(axis.position..=axis.position, positions.shape.0.iter().copied());
    let shape = Shape(dims);
    if shape.0.iter().filter(|dim| **dim == Dim::Batch).count() > 1 {
        return gathered_by_row(op, table, positions);
    }
    if let Some(Buffer::I64(fixed)) = op.plan.data(positions) {
        let places: Option<Vec<usize>> = fixed.iter().map(|position| place(*position, axis.size)).collect();
        let places =
            places.ok_or_else(|| format!("a position is outside of the {} values of the axis", axis.size))?;
        let selected = along(op, table, axis.position, &places)?;
        return Ok(selected.reshaped(shape));
    }
    let labels = labels(op, table);
    let kernel = Pick {
        step: table.step(),
        outer: axis.outer,
        size: axis.size,
        inner: axis.inner,
        positions: positions.width(),
        positions_step: positions.step(),
        elements: false,
    };
    let value = op.emit(Kernel::Pick(kernel), &[table, positions], table.element, shape)?;
    Ok(Value { labels, ..value })
}

/// Positions of rows in a table of rows: each row would look into all others.
fn gathered_by_row(_: &mut Op<'_, '_, '_>, _: &Value, _: &Value) -> Result<Value, String> {
    Err(mixes())
}

/// What is in a constant, as labels of what is chosen from it.
pub(super) fn labels(op: &Op<'_, '_, '_>, value: &Value) -> Option<std::sync::Arc<Labels>> {
    let labels = match op.plan.data(value)? {
        Buffer::Text(labels) => Labels::Texts(labels.clone()),
        Buffer::I64(labels) => Labels::Integers(labels.clone()),
        _ => return None,
    };
    Some(std::sync::Arc::new(labels))
}

fn gather_elements(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let (table, positions) = (op.input(0)?, op.input(1)?);
    let axis = table.shape.axis(op.attributes.integer("axis")?.unwrap_or(0))?;
    let alike = table.shape.rank() == positions.shape.rank()
        && (0..table.shape.rank())
            .all(|at| at == axis.position || table.shape.0[at] == positions.shape.0[at]);
    if !positions.element.is_integer() || positions.symbolic || !alike {
        return Err("its positions are not integers, or their sizes differ from the data's beside the axis"
            .to_owned());
    }
    let kernel = Pick {
        step: table.step(),
        outer: axis.outer,
        size: axis.size,
        inner: axis.inner,
        positions: positions.width(),
        positions_step: positions.step(),
        elements: true,
    };
    let shape = positions.shape.clone();
    op.emit(Kernel::Pick(kernel), &[&table, &positions], table.element, shape).map(|value| vec![value])
}

fn one_hot(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let (positions, values) = (op.input(0)?, op.input(2)?);
    let depth = match op.constant(1, "depth")? {
        Buffer::I64(depth) if depth.len() == 1 => usize::try_from(depth[0]).ok(),
        Buffer::F32(depth) if depth.len() == 1 && depth[0] >= 0.0 => {
            usize::try_from(crate::onnx::convert::Number::i64(depth[0])).ok()
        }
        _ => None,
    };
    let depth = depth.filter(|depth| *depth > 0).ok_or("its depth is not one positive number")?;
    if op.plan.data(&values).is_none_or(|values| values.len() != 2) {
        return Err("its values are not two constants".to_owned());
    }
    op.expect(&positions, &super::NUMBERS)?;
    let rank = positions.shape.rank() + 1;
    let axis = Shape::position(op.attributes.integer("axis")?.unwrap_or(-1), rank)?;
    let mut shape = positions.shape.clone();
    shape.0.insert(axis, Dim::Fixed(depth));
    shape.width()?;
    let inner = positions.shape.padded()[axis..].iter().product();
    let kernel = OneHot { depth, positions: positions.width(), positions_step: positions.step(), inner };
    op.emit(Kernel::OneHot(kernel), &[&positions, &values], values.element, shape).map(|value| vec![value])
}
