//! Operators on single values and pairs of them, and casts.

use super::{Builder, FLOATS, NUMBERS, Op};
use crate::onnx::convert::Number;
use crate::onnx::kernel::Kernel;
use crate::onnx::kernel::convert::Cast;
use crate::onnx::kernel::elementwise::{Compare, Logic, Map, Question, Test, Where, Zip};
use crate::onnx::math::{Arithmetic, Comparison, Function};
use crate::onnx::plan::Value;
use crate::onnx::shape::broadcast;
use crate::onnx::tensor::{Buffer, ElementType, Tensor};

pub(super) fn builder(operator: &str) -> Option<Builder> {
    Some(match operator {
        "Abs" | "Ceil" | "Cos" | "Elu" | "Erf" | "Exp" | "Floor" | "Gelu" | "HardSigmoid" | "HardSwish"
        | "LeakyRelu" | "Log" | "Neg" | "Reciprocal" | "Relu" | "Round" | "Selu" | "Sigmoid" | "Sign"
        | "Sin" | "Softplus" | "Softsign" | "Sqrt" | "Tanh" | "ThresholdedRelu" => unary,
        "Add" | "Sub" | "Mul" | "Div" | "Pow" | "PRelu" => binary,
        "Min" | "Max" | "Sum" | "Mean" => variadic,
        "Equal" | "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual" => compare,
        "And" | "Or" | "Xor" => logic,
        "Not" | "IsNaN" | "IsInf" => test,
        "Where" => choose,
        "Cast" | "CastLike" => cast,
        "Clip" => clip,
        _ => return None,
    })
}

fn unary(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    let function = function(op)?;
    let of_integers = matches!(function, Function::Abs | Function::Neg | Function::Sign | Function::Relu);
    op.expect(&value, if of_integers { &NUMBERS } else { &FLOATS })?;
    mapped(op, &value, function).map(|value| vec![value])
}

/// A function of each value.
pub(super) fn mapped(op: &mut Op<'_, '_, '_>, value: &Value, function: Function) -> Result<Value, String> {
    let kernel = Map { functions: vec![function], width: value.width() };
    op.emit(Kernel::Map(kernel), &[value], value.element, value.shape.clone())
}

fn function(op: &Op<'_, '_, '_>) -> Result<Function, String> {
    let parameter = |name, default| op.attributes.float(name, default).map(f64::from);
    Ok(match op.operator {
        "Abs" => Function::Abs,
        "Ceil" => Function::Ceil,
        "Cos" => Function::Cos,
        "Elu" => Function::Elu(parameter("alpha", 1.0)?),
        "Erf" => Function::Erf,
        "Exp" => Function::Exp,
        "Floor" => Function::Floor,
        "Gelu" => match op.attributes.text("approximate", "none")? {
            "none" => Function::Gelu,
            "tanh" => Function::GeluTanh,
            other => return Err(format!("approximate `{other}`, expected none or tanh")),
        },
        "HardSigmoid" => Function::HardSigmoid(parameter("alpha", 0.2)?, parameter("beta", 0.5)?),
        "HardSwish" => Function::HardSwish,
        "LeakyRelu" => Function::LeakyRelu(parameter("alpha", 0.01)?),
        "Log" => Function::Log,
        "Neg" => Function::Neg,
        "Reciprocal" => Function::Reciprocal,
        "Relu" => Function::Relu,
        "Round" => Function::Round,
        "Selu" => Function::Selu(parameter("alpha", 1.673_263_2)?, parameter("gamma", 1.050_701)?),
        "Sigmoid" => Function::Sigmoid,
        "Sign" => Function::Sign,
        "Sin" => Function::Sin,
        "Softplus" => Function::Softplus,
        "Softsign" => Function::Softsign,
        "Sqrt" => Function::Sqrt,
        "Tanh" => Function::Tanh,
        _ => Function::ThresholdedRelu(parameter("alpha", 1.0)?),
    })
}

fn binary(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    if op.version < 7 {
        return Err("broadcasting of operator sets before 7 is not supported".to_owned());
    }
    let (left, mut right) = (op.input(0)?, op.input(1)?);
    let operation = match op.operator {
        "Add" => Arithmetic::Add,
        "Sub" => Arithmetic::Sub,
        "Mul" => Arithmetic::Mul,
        "Div" => Arithmetic::Div,
        "Pow" => Arithmetic::Pow,
        _ => Arithmetic::PRelu,
    };
    if operation == Arithmetic::Pow && right.element != left.element {
        right = converted(op, &right, left.element)?;
    }
    computed(op, operation, &left, &right).map(|value| vec![value])
}

/// Arithmetic on two values.
pub(super) fn computed(
    op: &mut Op<'_, '_, '_>,
    operation: Arithmetic,
    left: &Value,
    right: &Value,
) -> Result<Value, String> {
    op.expect(left, &NUMBERS)?;
    op.expect(right, &[left.element])?;
    if operation == Arithmetic::Div && left.element.is_integer() {
        match op.plan.data(right) {
            Some(Buffer::I64(divisors)) if !divisors.contains(&0) => {}
            _ => return Err("it divides integers by what may be 0, which has no result".to_owned()),
        }
    }
    let shape = broadcast(&left.shape, &right.shape)?;
    let kernel = Zip {
        operation,
        left: op.plan.operand(left, &shape)?,
        right: op.plan.operand(right, &shape)?,
        width: shape.width()?,
        wraps: left.element == ElementType::Int32,
    };
    op.emit(Kernel::Zip(kernel), &[left, right], left.element, shape)
}

fn variadic(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let operation = match op.operator {
        "Min" => Arithmetic::Min,
        "Max" => Arithmetic::Max,
        _ => Arithmetic::Add,
    };
    let count = op.inputs.len();
    let mut result = op.input(0)?;
    op.expect(&result, &NUMBERS)?;
    for at in 1..count {
        let next = op.input(at)?;
        result = computed(op, operation, &result, &next)?;
    }
    if op.operator == "Mean" {
        op.expect(&result, &FLOATS)?;
        let count = number(op, result.element, crate::onnx::convert::from_index(count).f64());
        result = computed(op, Arithmetic::Div, &result, &count)?;
    }
    Ok(vec![result])
}

/// One number as a constant of a type of floats.
fn number(op: &mut Op<'_, '_, '_>, element: ElementType, number: f64) -> Value {
    let data = match element {
        ElementType::Float => Buffer::F32(vec![number.f32()]),
        _ => Buffer::F64(vec![number]),
    };
    op.plan.constant(Tensor::scalar(element, data))
}

fn compare(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let (left, right) = (op.input(0)?, op.input(1)?);
    let comparison = match op.operator {
        "Equal" => Comparison::Equal,
        "Less" => Comparison::Less,
        "LessOrEqual" => Comparison::LessOrEqual,
        "Greater" => Comparison::Greater,
        _ => Comparison::GreaterOrEqual,
    };
    if comparison != Comparison::Equal {
        op.expect(&left, &NUMBERS)?;
    }
    op.expect(&right, &[left.element])?;
    let shape = broadcast(&left.shape, &right.shape)?;
    let kernel = Compare {
        comparison,
        left: op.plan.operand(&left, &shape)?,
        right: op.plan.operand(&right, &shape)?,
        width: shape.width()?,
    };
    op.emit(Kernel::Compare(kernel), &[&left, &right], ElementType::Bool, shape).map(|value| vec![value])
}

fn logic(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let (left, right) = (op.input(0)?, op.input(1)?);
    let table = match op.operator {
        "And" => [false, false, false, true],
        "Or" => [false, true, true, true],
        _ => [false, true, true, false],
    };
    op.expect(&left, &[ElementType::Bool])?;
    op.expect(&right, &[ElementType::Bool])?;
    let shape = broadcast(&left.shape, &right.shape)?;
    let kernel = Logic {
        table,
        left: op.plan.operand(&left, &shape)?,
        right: op.plan.operand(&right, &shape)?,
        width: shape.width()?,
    };
    op.emit(Kernel::Logic(kernel), &[&left, &right], ElementType::Bool, shape).map(|value| vec![value])
}

fn test(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    let question = match op.operator {
        "Not" => Question::Not,
        "IsNaN" => Question::Nan,
        _ => Question::Infinite(
            op.attributes.flag("detect_positive", true)?,
            op.attributes.flag("detect_negative", true)?,
        ),
    };
    op.expect(&value, if op.operator == "Not" { &[ElementType::Bool] } else { &FLOATS })?;
    let kernel = Test { question, width: value.width() };
    op.emit(Kernel::Test(kernel), &[&value], ElementType::Bool, value.shape.clone()).map(|value| vec![value])
}

fn choose(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let (condition, left, right) = (op.input(0)?, op.input(1)?, op.input(2)?);
    op.expect(&condition, &[ElementType::Bool])?;
    op.expect(&right, &[left.element])?;
    let shape = broadcast(&broadcast(&condition.shape, &left.shape)?, &right.shape)?;
    let kernel = Where {
        condition: op.plan.operand(&condition, &shape)?,
        left: op.plan.operand(&left, &shape)?,
        right: op.plan.operand(&right, &shape)?,
        width: shape.width()?,
    };
    let inputs = [&condition, &left, &right];
    op.emit(Kernel::Where(kernel), &inputs, left.element, shape).map(|value| vec![value])
}

fn cast(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    op.attributes.ignore(&["saturate", "round_mode"]);
    let value = op.input(0)?;
    let to = if op.operator == "CastLike" {
        op.input(1)?.element
    } else {
        ElementType::of(op.attributes.integer("to")?.ok_or("it does not say to which type")?)?
    };
    converted(op, &value, to).map(|value| vec![value])
}

/// A value as another type.
pub(super) fn converted(op: &mut Op<'_, '_, '_>, value: &Value, to: ElementType) -> Result<Value, String> {
    if value.element == to {
        return Ok(value.clone());
    }
    if value.element == ElementType::String && to == ElementType::Bool {
        return Err("it casts texts to truth values".to_owned());
    }
    let kernel = Cast { to, width: value.width() };
    let cast = op.emit(Kernel::Cast(kernel), &[value], to, value.shape.clone())?;
    let labels = value.labels.clone().filter(|_| value.element.is_integer() && to.is_integer());
    Ok(Value { labels, ..cast })
}

fn clip(op: &mut Op<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let value = op.input(0)?;
    op.expect(&value, &NUMBERS)?;
    if op.version < 11 {
        let low = op.attributes.float("min", f32::MIN)?;
        let high = op.attributes.float("max", f32::MAX)?;
        op.expect(&value, &FLOATS)?;
        return mapped(op, &value, Function::Clip(f64::from(low), f64::from(high))).map(|value| vec![value]);
    }
    if value.element.is_float() {
        let low = bound(op, 1)?.unwrap_or(f64::NEG_INFINITY);
        let high = bound(op, 2)?.unwrap_or(f64::INFINITY);
        return mapped(op, &value, Function::Clip(low, high)).map(|value| vec![value]);
    }
    let mut result = value;
    for (at, operation) in [(1, Arithmetic::Max), (2, Arithmetic::Min)] {
        if let Some(bound) = op.optional(at) {
            result = computed(op, operation, &result, &bound)?;
        }
    }
    Ok(vec![result])
}

/// A bound of `Clip`, where it is given.
fn bound(op: &Op<'_, '_, '_>, at: usize) -> Result<Option<f64>, String> {
    if op.optional(at).is_none() {
        return Ok(None);
    }
    match op.constant(at, "bound")? {
        Buffer::F32(values) if values.len() == 1 => Ok(Some(values[0].f64())),
        Buffer::F64(values) if values.len() == 1 => Ok(Some(values[0])),
        _ => Err("a bound is not one number of the type of its input".to_owned()),
    }
}
