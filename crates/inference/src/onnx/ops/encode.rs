//! Operators of `ai.onnx.ml` that make numbers out of features.

use super::arrange::{concatenated, labels};
use super::elementwise::converted;
use super::{Builder, FLOATS, NUMBERS, Op};
use crate::onnx::convert::{Number, narrow};
use crate::onnx::kernel::Kernel;
use crate::onnx::kernel::arrange::{Pick, place};
use crate::onnx::kernel::lookup::{Categories, Keys, Labels, Lookup};
use crate::onnx::kernel::normalize::{Affine, Binarize, Impute, Norm, Normalizer};
use crate::onnx::plan::Value;
use crate::onnx::shape::{Dim, Shape, mixes};
use crate::onnx::tensor::{Buffer, ElementType};

pub(super) fn builder(operator: &str) -> Option<Builder> {
    Some(match operator {
        "ArrayFeatureExtractor" => array_feature_extractor,
        "Binarizer" => binarizer,
        "CategoryMapper" => category_mapper,
        "FeatureVectorizer" => feature_vectorizer,
        "Imputer" => imputer,
        "LabelEncoder" => label_encoder,
        "Normalizer" => normalizer,
        "OneHotEncoder" => one_hot_encoder,
        "Scaler" => scaler,
        "ZipMap" => zip_map,
        _ => return None,
    })
}

/// A value for each place of a row: as many as there are, or one for all.
fn spread<T: Copy>(values: &[T], size: usize, width: usize, what: &str) -> Result<Vec<T>, String> {
    match values {
        [one] => Ok(vec![*one; width]),
        all if all.len() == size => Ok(all.iter().copied().cycle().take(width).collect()),
        all => Err(format!("it has {} {what} for {size} columns", all.len())),
    }
}

/// The size of the last axis, which columns are counted along.
fn columns(value: &Value) -> Result<usize, String> {
    match value.shape.0.last() {
        Some(Dim::Fixed(size)) => Ok(*size),
        // One column, without an axis of its own.
        Some(Dim::Batch) => Ok(1),
        None => Err("its input has no axes".to_owned()),
    }
}

fn imputer(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    op.expect(&value, &NUMBERS)?;
    let (size, width) = (columns(&value)?, value.width());
    let a = &op.attributes;
    let (floats, integers) = (a.floats("imputed_value_floats")?, a.integers("imputed_value_int64s")?);
    let missing = a.float("replaced_value_float", 0.0)?;
    let missing_integer = a.integer("replaced_value_int64")?.unwrap_or(0);
    let wanted = if value.element.is_float() { floats.len() } else { integers.len() };
    if wanted == 0 {
        return Err(format!("it has no values of type {} to fill in", value.element.name()));
    }
    let filling = if floats.is_empty() { vec![0.0; width] } else { spread(floats, size, width, "values")? };
    let filling_integers =
        if integers.is_empty() { vec![0; width] } else { spread(integers, size, width, "values")? };
    let kernel = Impute {
        missing: missing.f64(),
        filling: filling.into_iter().map(f64::from).collect(),
        missing_integer,
        filling_integers,
    };
    op.emit(Kernel::Impute(kernel), &[&value], value.element, value.shape.clone()).map(|value| vec![value])
}

fn scaler(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    op.expect(&value, &NUMBERS)?;
    let value = converted(op, &value, ElementType::Float)?;
    let (size, width) = (columns(&value)?, value.width());
    let wide = |values: &[f32], what| -> Result<Vec<f64>, String> {
        Ok(spread(values, size, width, what)?.into_iter().map(f64::from).collect())
    };
    let offset = wide(op.attributes.floats("offset")?, "offsets")?;
    let scale = wide(op.attributes.floats("scale")?, "scales")?;
    // Adding a negative zero changes nothing, not even the sign of a zero.
    let kernel = Affine { offset, scale, shift: vec![-0.0; width] };
    op.emit(Kernel::Affine(kernel), &[&value], ElementType::Float, value.shape.clone())
        .map(|value| vec![value])
}

fn normalizer(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    op.expect(&value, &NUMBERS)?;
    let norm = match op.attributes.text("norm", "MAX")? {
        "MAX" => Norm::Max,
        "L1" => Norm::L1,
        "L2" => Norm::L2,
        other => return Err(format!("norm `{other}`, expected MAX, L1 or L2")),
    };
    if value.shape.rank() != 2 || value.shape.batch() == Some(1) {
        return Err(format!("its input has shape {:?}, expected two axes", value.shape.padded()));
    }
    let value = converted(op, &value, ElementType::Float)?;
    let size = columns(&value)?;
    let kernel = Normalizer { norm, groups: value.width() / size.max(1), size };
    op.emit(Kernel::Normalizer(kernel), &[&value], ElementType::Float, value.shape.clone())
        .map(|value| vec![value])
}

fn binarizer(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    op.expect(&value, &NUMBERS)?;
    let threshold = op.attributes.float("threshold", 0.0)?.f64();
    let kernel = Binarize { threshold, width: value.width() };
    op.emit(Kernel::Binarize(kernel), &[&value], value.element, value.shape.clone()).map(|value| vec![value])
}

fn one_hot_encoder(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    let (texts, integers) = (op.attributes.texts("cats_strings")?, op.attributes.integers("cats_int64s")?);
    let zeros = op.attributes.flag("zeros", true)?;
    let keys = match (texts.is_empty(), integers.is_empty()) {
        (false, true) => Buffer::Text(texts),
        (true, false) => Buffer::I64(integers.to_vec()),
        _ => return Err("it has no categories, or texts and integers at once".to_owned()),
    };
    if (value.element == ElementType::String) != matches!(keys, Buffer::Text(_)) {
        return Err(format!("its input is of {}, which its categories are not", value.element.name()));
    }
    let count = keys.len();
    let mut shape = value.shape.clone();
    shape.0.push(Dim::Fixed(count));
    shape.width()?;
    let kernel = Categories { keys: Keys::new(&keys), count, width: value.width(), zeros };
    op.emit(Kernel::Categories(kernel), &[&value], ElementType::Float, shape).map(|value| vec![value])
}

/// A list of keys or values, by which of the attributes has it.
fn list(op: &Op<'_, '_, '_>, name: &str) -> Result<Option<(ElementType, Buffer)>, String> {
    let a = &op.attributes;
    let mut found = Vec::new();
    let texts = a.texts(&format!("{name}_strings"))?;
    let integers = a.integers(&format!("{name}_int64s"))?;
    let floats = a.floats(&format!("{name}_floats"))?;
    if !texts.is_empty() {
        found.push((ElementType::String, Buffer::Text(texts)));
    }
    if !integers.is_empty() {
        found.push((ElementType::Int64, Buffer::I64(integers.to_vec())));
    }
    if !floats.is_empty() {
        found.push((ElementType::Float, Buffer::F32(floats.to_vec())));
    }
    if let Some(tensor) = a.tensor(&format!("{name}_tensor"))? {
        found.push((tensor.element, tensor.data));
    }
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(format!("it has {name} of several types")),
    }
}

fn label_encoder(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    if op.version < 2 {
        return old_label_encoder(op, "classes_strings");
    }
    let value = op.input(0)?;
    let (key_type, keys) = list(op, "keys")?.ok_or("it has no keys")?;
    let (element, mut values) = list(op, "values")?.ok_or("it has no values")?;
    if keys.len() != values.len() {
        return Err(format!("it has {} keys and {} values", keys.len(), values.len()));
    }
    op.expect(&value, &[key_type])?;
    let a = &op.attributes;
    let default = a.tensor("default_tensor")?.map(|tensor| tensor.data);
    let (text, integer) = (a.text("default_string", "_Unused")?, a.integer("default_int64")?.unwrap_or(-1));
    let float = a.float("default_float", -0.0)?;
    match (&mut values, default) {
        (Buffer::Text(values), None) => values.push(text.into()),
        (Buffer::I64(values), None) => values.push(integer),
        (Buffer::F32(values), None) => values.push(float),
        (Buffer::F64(values), None) => values.push(-0.0),
        (Buffer::Text(values), Some(Buffer::Text(default))) if default.len() == 1 => values.extend(default),
        (Buffer::I64(values), Some(Buffer::I64(default))) if default.len() == 1 => values.extend(default),
        (Buffer::F32(values), Some(Buffer::F32(default))) if default.len() == 1 => values.extend(default),
        (Buffer::F64(values), Some(Buffer::F64(default))) if default.len() == 1 => values.extend(default),
        _ => return Err("its default is not one value of the type of its values".to_owned()),
    }
    lookup(op, &value, &keys, (element, values))
}

fn lookup(
    op: &mut Op<'_, '_, '_>,
    value: &Value,
    keys: &Buffer,
    (element, values): (ElementType, Buffer),
) -> Result<Vec<Value>, String> {
    // Only from version 4 on does NaN find a key that is NaN.
    let keys = Keys::new(keys);
    let keys = if op.version < 4 { keys.without_nan() } else { keys };
    let kernel = Lookup { keys, values, width: value.width() };
    op.emit(Kernel::Lookup(kernel), &[value], element, value.shape.clone()).map(|value| vec![value])
}

/// The first version: texts to their places, or places to texts.
fn old_label_encoder(op: &mut Op<'_, '_, '_>, name: &str) -> Result<Vec<Value>, String> {
    let texts = op.attributes.texts(name)?;
    let places: Vec<i64> = (0..texts.len()).map(crate::onnx::convert::from_index).collect();
    translate(op, texts, places)
}

/// Texts to integers or integers to texts, whichever the input is.
fn translate(
    op: &mut Op<'_, '_, '_>,
    mut texts: Vec<compact_str::CompactString>,
    mut integers: Vec<i64>,
) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    op.expect(&value, &[ElementType::String, ElementType::Int64])?;
    if texts.len() != integers.len() {
        return Err(format!("it has {} texts and {} integers", texts.len(), integers.len()));
    }
    let text = op.attributes.text("default_string", "_Unused")?;
    let integer = op.attributes.integer("default_int64")?.unwrap_or(-1);
    if value.element == ElementType::String {
        let keys = Buffer::Text(texts);
        integers.push(integer);
        return lookup(op, &value, &keys, (ElementType::Int64, Buffer::I64(integers)));
    }
    let keys = Buffer::I64(integers);
    texts.push(text.into());
    lookup(op, &value, &keys, (ElementType::String, Buffer::Text(texts)))
}

fn category_mapper(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let texts = op.attributes.texts("cats_strings")?;
    let integers = op.attributes.integers("cats_int64s")?.to_vec();
    translate(op, texts, integers)
}

fn feature_vectorizer(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let sizes = op.attributes.integers("inputdimensions")?.to_vec();
    let mut values = Vec::new();
    for at in 0..op.inputs.len() {
        let value = op.input(at)?;
        op.expect(&value, &NUMBERS)?;
        let size = columns(&value)?;
        if sizes.get(at).is_some_and(|wanted| usize::try_from(*wanted) != Ok(size)) {
            return Err(format!("input {at} has {size} columns, but inputdimensions says {}", sizes[at]));
        }
        values.push(converted(op, &value, ElementType::Float)?);
    }
    concatenated(op, values, -1).map(|value| vec![value])
}

fn array_feature_extractor(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let (table, positions) = (op.input(0)?, op.input(1)?);
    op.expect(&positions, &[ElementType::Int64])?;
    let axis = table.shape.axis(-1)?;
    if let Some(Buffer::I64(fixed)) = op.plan.data(&positions) {
        let places: Option<Vec<usize>> = fixed.iter().map(|at| place(*at, axis.size)).collect();
        let places = places.ok_or_else(|| format!("a position is outside of its {} columns", axis.size))?;
        let mut shape = table.shape.clone();
        shape.0[axis.position] = Dim::Fixed(places.len());
        if shape.rank() == 1 {
            shape.0.insert(0, Dim::Fixed(1));
        }
        let map = (0..axis.outer)
            .flat_map(|outer| places.iter().map(move |place| narrow(outer * axis.size + place)));
        let map = map.collect();
        return op.plan.select(&table, shape, map).map(|value| vec![value]);
    }
    if table.shape.batch().is_some() || axis.outer != 1 {
        return Err(mixes());
    }
    let labels: Option<std::sync::Arc<Labels>> = labels(op, &table);
    let count = positions.width();
    let kernel = Pick {
        step: 0,
        outer: 1,
        size: axis.size,
        inner: 1,
        positions: count,
        positions_step: count,
        elements: false,
    };
    // `[1, positions]`; the batch is among the positions.
    let mut shape = vec![Dim::Fixed(1), Dim::Batch];
    if count > 1 {
        shape.push(Dim::Fixed(count));
    }
    let value = op.emit(Kernel::Pick(kernel), &[&table, &positions], table.element, Shape(shape))?;
    Ok(vec![Value { labels, ..value }])
}

/// A list of maps from label to probability at the end of a graph: here the probabilities, which know their labels.
fn zip_map(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    op.expect(&value, &FLOATS)?;
    let texts = op.attributes.texts("classlabels_strings")?;
    let integers = op.attributes.integers("classlabels_int64s")?.to_vec();
    let labels = if texts.is_empty() { Labels::Integers(integers) } else { Labels::Texts(texts) };
    if labels.len() != value.width() {
        return Err(format!("it has {} labels for {} values", labels.len(), value.width()));
    }
    Ok(vec![Value { labels: Some(std::sync::Arc::new(labels)), ..value }])
}
