//! Linear models of `ai.onnx.ml`.

use super::elementwise::converted;
use super::network::{Matrix, product, transpose};
use super::{Builder, NUMBERS, Op};
use crate::onnx::kernel::Kernel;
use crate::onnx::kernel::lookup::Labels;
use crate::onnx::kernel::model::{Classify, PostTransform, Rule, Transform};
use crate::onnx::plan::Value;
use crate::onnx::shape::{Dim, Shape};
use crate::onnx::tensor::{Buffer, ElementType};

pub(super) fn builder(operator: &str) -> Option<Builder> {
    Some(match operator {
        "LinearClassifier" => linear_classifier,
        "LinearRegressor" => linear_regressor,
        _ => return None,
    })
}

/// The scores of a linear model, as a batch of rows of them.
fn scores(op: &mut Op<'_, '_, '_>, count: usize) -> Result<Value, String> {
    let value = op.input(0)?;
    op.expect(&value, &NUMBERS)?;
    let value = converted(op, &value, ElementType::Float)?;
    if value.shape.rank() != 2 || value.shape.batch() != Some(0) {
        return Err(format!("its input has shape {:?}, expected rows of columns", value.shape.padded()));
    }
    let coefficients = op.attributes.floats("coefficients")?;
    let intercepts = op.attributes.floats("intercepts")?;
    let inputs = value.width();
    if coefficients.len() != count * inputs || !(intercepts.is_empty() || intercepts.len() == count) {
        return Err(format!(
            "it has {} coefficients and {} intercepts, expected {count} for each of {inputs} columns",
            coefficients.len(),
            intercepts.len(),
        ));
    }
    let data = Buffer::F32(transpose(coefficients, count, inputs));
    let bias = (!intercepts.is_empty()).then(|| Buffer::F32(intercepts.to_vec()));
    product(op, &value, Matrix { inputs, outputs: count, data }, bias)
}

fn linear_classifier(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    op.attributes.ignore(&["multi_class"]);
    let transform = PostTransform::of(op.attributes.text("post_transform", "NONE")?)?;
    let labels = labels(op, "classlabels_ints")?;
    let count = op.attributes.floats("intercepts")?.len();
    if !(count == labels.len() || (count == 1 && labels.len() == 2)) {
        return Err(format!("it has {count} intercepts for {} classes", labels.len()));
    }
    let scores = scores(op, count)?;
    let width = labels.len();
    classified(op, &[&scores], Classify { labels, scores: count, width, transform, rule: Rule::Linear })
}

/// The labels of a classifier.
pub(super) fn labels(op: &Op<'_, '_, '_>, integers: &str) -> Result<Labels, String> {
    let texts = op.attributes.texts("classlabels_strings")?;
    let integers = op.attributes.integers(integers)?.to_vec();
    let labels = if texts.is_empty() { Labels::Integers(integers) } else { Labels::Texts(texts) };
    if labels.len() == 0 { Err("it has no class labels".to_owned()) } else { Ok(labels) }
}

/// The label and the probabilities of a row.
pub(super) fn classified(
    op: &mut Op<'_, '_, '_>,
    inputs: &[&Value],
    classify: Classify,
) -> Result<Vec<Value>, String> {
    let labels = std::sync::Arc::new(classify.labels.clone());
    let element = match &*labels {
        Labels::Texts(_) => ElementType::String,
        Labels::Integers(_) => ElementType::Int64,
    };
    let outputs =
        vec![(element, Shape(vec![Dim::Batch])), (ElementType::Float, Shape::rows(&[classify.width]))];
    let mut values = op.plan.emit_all(Kernel::Classify(classify), inputs, outputs)?;
    values[0].labels = Some(labels);
    Ok(values)
}

fn linear_regressor(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let transform = PostTransform::of(op.attributes.text("post_transform", "NONE")?)?;
    let targets = op.attributes.integer("targets")?.unwrap_or(1);
    let targets = usize::try_from(targets).ok().filter(|targets| *targets > 0);
    let targets = targets.ok_or("it has no targets")?;
    let scores = scores(op, targets)?;
    let transform = Transform { base: Vec::new(), divisor: 1.0, transform, width: targets };
    transformed(op, &scores, ElementType::Float, transform)
}

/// Scores with what is added to them, after a division, and then transformed.
pub(super) fn transformed(
    op: &mut Op<'_, '_, '_>,
    scores: &Value,
    element: ElementType,
    transform: Transform,
) -> Result<Vec<Value>, String> {
    if element == ElementType::Double && transform.transform != PostTransform::None {
        return Err("its post_transform of doubles is not supported".to_owned());
    }
    op.emit(Kernel::Transform(transform), &[scores], element, scores.shape.clone()).map(|value| vec![value])
}
