//! The operators: each checks what a node says, and puts the steps that do it into the plan.

mod arrange;
mod classify;
mod elementwise;
mod encode;
mod network;
mod reduce;
mod trees;

use super::attributes::Attributes;
use super::kernel::Kernel;
use super::plan::{Plan, Value};
use super::shape::Shape;
use super::tensor::{Buffer, ElementType};

/// The domain of classical machine learning.
pub(super) const ML: &str = "ai.onnx.ml";

/// A node on its way into the plan.
#[derive(Debug)]
pub(super) struct Op<'p, 'n, 'b> {
    pub(super) plan: &'p mut Plan,
    pub(super) operator: &'b str,
    /// The version of the operator set.
    pub(super) version: i64,
    pub(super) attributes: Attributes<'n, 'b>,
    /// `None` where an optional input is left out.
    pub(super) inputs: Vec<Option<Value>>,
    /// How many outputs have a name.
    pub(super) outputs: usize,
}

/// What puts an operator into the plan; it returns the node's outputs.
pub(super) type Builder = fn(&mut Op<'_, '_, '_>) -> Result<Vec<Value>, String>;

/// The builder of an operator, if it is supported.
pub(super) fn builder(domain: &str, operator: &str) -> Option<Builder> {
    match domain {
        "" => arrange::builder(operator)
            .or_else(|| elementwise::builder(operator))
            .or_else(|| reduce::builder(operator))
            .or_else(|| network::builder(operator)),
        ML => encode::builder(operator)
            .or_else(|| classify::builder(operator))
            .or_else(|| trees::builder(operator)),
        _ => None,
    }
}

impl Op<'_, '_, '_> {
    /// An input that must be there.
    pub(super) fn input(&self, at: usize) -> Result<Value, String> {
        self.optional(at).ok_or_else(|| format!("it has no input {at}"))
    }

    pub(super) fn optional(&self, at: usize) -> Option<Value> {
        self.inputs.get(at).cloned().flatten()
    }

    /// The values of an input that must be a constant.
    pub(super) fn constant(&self, at: usize, what: &str) -> Result<Buffer, String> {
        let value = self.input(at)?;
        let data = self.plan.data(&value).filter(|_| !value.symbolic);
        data.cloned().ok_or_else(|| format!("its {what} is computed from the inputs, which is not supported"))
    }

    /// The integers of an input that must be a constant.
    pub(super) fn integers(&self, at: usize, what: &str) -> Result<Vec<i64>, String> {
        match self.constant(at, what)? {
            Buffer::I64(values) => Ok(values),
            _ => Err(format!("its {what} is not of integers")),
        }
    }

    /// Integers that are an attribute before a version, and an optional input from it on.
    pub(super) fn integers_since(
        &self,
        version: i64,
        at: usize,
        name: &str,
    ) -> Result<Option<Vec<i64>>, String> {
        if self.version < version {
            let has = self.attributes.has(name);
            return Ok(if has { Some(self.attributes.integers(name)?.to_vec()) } else { None });
        }
        if self.optional(at).is_none() { Ok(None) } else { self.integers(at, name).map(Some) }
    }

    pub(super) fn emit(
        &mut self,
        kernel: Kernel,
        inputs: &[&Value],
        element: ElementType,
        shape: Shape,
    ) -> Result<Value, String> {
        self.plan.emit(kernel, inputs, element, shape)
    }

    /// That an input has one of some types.
    pub(super) fn expect(&self, value: &Value, types: &[ElementType]) -> Result<(), String> {
        if types.contains(&value.element) {
            return Ok(());
        }
        let names: Vec<_> = types.iter().map(|element| element.name()).collect();
        Err(format!("an input is of {}, expected {}", value.element.name(), names.join(", ")))
    }
}

pub(super) const FLOATS: [ElementType; 2] = [ElementType::Float, ElementType::Double];
pub(super) const NUMBERS: [ElementType; 4] =
    [ElementType::Float, ElementType::Double, ElementType::Int64, ElementType::Int32];
