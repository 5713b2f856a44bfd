//! The messages of an ONNX file that are of interest, borrowed from its bytes.
//!
//! Field numbers and meanings are those of `onnx.proto`. What would change the computation and is not supported
//! (functions, sparse or external tensors, subgraphs) is refused here or where it is used; what does not
//! (documentation, metadata, shapes of values in between) is passed over.

use super::wire::{Fields, Value};

/// The most nodes of a graph.
pub(super) const NODES_MAX: usize = 20_000;
/// The most tensors, inputs and outputs of a graph, each.
const VALUES_MAX: usize = 20_000;
/// The most attributes of a node, and the most names of values that it reads or writes.
const PER_NODE_MAX: usize = 4_096;

/// A file: which versions of which operator sets its graph is written in.
#[derive(Debug, Default)]
pub(super) struct Model<'b> {
    pub(super) opsets: Vec<(&'b str, i64)>,
    pub(super) graph: Graph<'b>,
}

#[derive(Debug, Default)]
pub(super) struct Graph<'b> {
    pub(super) nodes: Vec<Node<'b>>,
    pub(super) tensors: Vec<Tensor<'b>>,
    pub(super) inputs: Vec<Port<'b>>,
    pub(super) outputs: Vec<Port<'b>>,
}

#[derive(Debug, Default)]
pub(super) struct Node<'b> {
    pub(super) name: &'b str,
    pub(super) operator: &'b str,
    pub(super) domain: &'b str,
    pub(super) inputs: Vec<&'b str>,
    pub(super) outputs: Vec<&'b str>,
    pub(super) attributes: Vec<(&'b str, Attribute<'b>)>,
}

/// The value of an attribute.
#[derive(Clone, Debug)]
pub(super) enum Attribute<'b> {
    Float(f32),
    Integer(i64),
    Text(&'b [u8]),
    Tensor(Tensor<'b>),
    Floats(Vec<f32>),
    Integers(Vec<i64>),
    Texts(Vec<&'b [u8]>),
    /// A graph, a sparse tensor, or what later versions may add.
    Other,
}

/// A constant, with its numbers where the file has them.
#[derive(Clone, Debug, Default)]
pub(super) struct Tensor<'b> {
    pub(super) name: &'b str,
    pub(super) element: i64,
    pub(super) dims: Vec<i64>,
    pub(super) raw: Option<&'b [u8]>,
    pub(super) floats: Vec<f32>,
    pub(super) doubles: Vec<f64>,
    pub(super) integers: Vec<i64>,
    pub(super) texts: Vec<&'b [u8]>,
    pub(super) external: bool,
}

/// An input or an output of the graph.
#[derive(Debug, Default)]
pub(super) struct Port<'b> {
    pub(super) name: &'b str,
    /// The element type and the sizes (`None` where a size is a symbol), where the file says them.
    pub(super) tensor: Option<(i64, Option<Vec<Option<i64>>>)>,
    /// That it is a sequence, a map or an optional value.
    pub(super) composite: bool,
}

/// Adds to a list that has a limit.
fn push<T>(list: &mut Vec<T>, item: T, limit: usize, what: &str) -> Result<(), String> {
    if list.len() >= limit {
        return Err(format!("it has more than {limit} {what}"));
    }
    list.push(item);
    Ok(())
}

pub(super) fn model(bytes: &[u8]) -> Result<Model<'_>, String> {
    let mut model = Model::default();
    let mut seen = false;
    for field in Fields::of(bytes) {
        match field? {
            (7, value) if !seen => {
                model.graph = graph(value.bytes()?)?;
                seen = true;
            }
            (7, _) => return Err("it has two graphs".to_owned()),
            (8, value) => push(&mut model.opsets, opset(value.bytes()?)?, 64, "operator sets")?,
            (25, _) => return Err("it defines functions of its own, which are not supported".to_owned()),
            _ => {}
        }
    }
    if !seen || model.opsets.is_empty() {
        return Err("it has no graph, or names no operator set: not an ONNX file".to_owned());
    }
    Ok(model)
}

fn opset(bytes: &[u8]) -> Result<(&str, i64), String> {
    let (mut domain, mut version) = ("", 0);
    for field in Fields::of(bytes) {
        match field? {
            (1, value) => domain = value.text()?,
            (2, value) => version = value.integer()?,
            _ => {}
        }
    }
    Ok((if domain == "ai.onnx" { "" } else { domain }, version))
}

fn graph(bytes: &[u8]) -> Result<Graph<'_>, String> {
    let mut graph = Graph::default();
    for field in Fields::of(bytes) {
        match field? {
            (1, value) => push(&mut graph.nodes, node(value.bytes()?)?, NODES_MAX, "nodes")?,
            (5, value) => push(&mut graph.tensors, tensor(value.bytes()?)?, VALUES_MAX, "tensors")?,
            (11, value) => push(&mut graph.inputs, port(value.bytes()?)?, VALUES_MAX, "inputs")?,
            (12, value) => push(&mut graph.outputs, port(value.bytes()?)?, VALUES_MAX, "outputs")?,
            (15, _) => return Err("it has sparse tensors, which are not supported".to_owned()),
            _ => {}
        }
    }
    Ok(graph)
}

fn node(bytes: &[u8]) -> Result<Node<'_>, String> {
    let mut node = Node::default();
    for field in Fields::of(bytes) {
        match field? {
            (1, value) => push(&mut node.inputs, value.text()?, PER_NODE_MAX, "inputs of a node")?,
            (2, value) => push(&mut node.outputs, value.text()?, PER_NODE_MAX, "outputs of a node")?,
            (3, value) => node.name = value.text()?,
            (4, value) => node.operator = value.text()?,
            (5, value) => {
                push(&mut node.attributes, attribute(value.bytes()?)?, PER_NODE_MAX, "attributes of a node")?;
            }
            (7, value) => node.domain = value.text()?,
            _ => {}
        }
    }
    if node.domain == "ai.onnx" {
        node.domain = "";
    }
    Ok(node)
}

/// An attribute of a node. Its kind is said by `type`; files older than that field have it empty, and there the
/// kind is that of the value.
fn attribute(bytes: &[u8]) -> Result<(&str, Attribute<'_>), String> {
    let (mut name, mut kind) = ("", 0);
    let (mut float, mut integer, mut text, mut constant) = (0.0, 0, &[][..], None);
    let (mut floats, mut integers, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for field in Fields::of(bytes) {
        let (number, value) = field?;
        let implied = match number {
            2 => (float = value.float()?, 1).1,
            3 => (integer = value.integer()?, 2).1,
            4 => (text = value.bytes()?, 3).1,
            5 => (constant = Some(tensor(value.bytes()?)?), 4).1,
            7 => (value.floats(&mut floats)?, 6).1,
            8 => (value.integers(&mut integers)?, 7).1,
            9 => (texts.push(value.bytes()?), 8).1,
            1 => (name = value.text()?, kind).1,
            20 => value.integer()?,
            21 => return Err("an attribute refers to one of a function".to_owned()),
            _ => kind,
        };
        if kind == 0 || number == 20 {
            kind = implied;
        }
    }
    let value = match kind {
        1 => Attribute::Float(float),
        2 => Attribute::Integer(integer),
        3 => Attribute::Text(text),
        4 => Attribute::Tensor(constant.ok_or_else(|| format!("attribute `{name}` has no tensor"))?),
        6 => Attribute::Floats(floats),
        7 => Attribute::Integers(integers),
        8 => Attribute::Texts(texts),
        _ => Attribute::Other,
    };
    Ok((name, value))
}

fn tensor(bytes: &[u8]) -> Result<Tensor<'_>, String> {
    let mut tensor = Tensor::default();
    for field in Fields::of(bytes) {
        match field? {
            (1, value) => value.integers(&mut tensor.dims)?,
            (2, value) => tensor.element = value.integer()?,
            (3 | 13, _) => tensor.external = true,
            (4, value) => value.floats(&mut tensor.floats)?,
            (5 | 7, value) => value.integers(&mut tensor.integers)?,
            (6, value) => tensor.texts.push(value.bytes()?),
            (8, value) => tensor.name = value.text()?,
            (9, value) => tensor.raw = Some(value.bytes()?),
            (10, value) => value.doubles(&mut tensor.doubles)?,
            (14, value) => tensor.external |= value.integer()? != 0,
            _ => {}
        }
    }
    Ok(tensor)
}

fn port(bytes: &[u8]) -> Result<Port<'_>, String> {
    let mut port = Port::default();
    for field in Fields::of(bytes) {
        match field? {
            (1, value) => port.name = value.text()?,
            (2, value) => kind(value.bytes()?, &mut port)?,
            _ => {}
        }
    }
    Ok(port)
}

fn kind(bytes: &[u8], port: &mut Port<'_>) -> Result<(), String> {
    for field in Fields::of(bytes) {
        match field? {
            (1, value) => port.tensor = Some(tensor_kind(value.bytes()?)?),
            (4 | 5 | 8 | 9, _) => port.composite = true,
            _ => {}
        }
    }
    Ok(())
}

type TensorKind = (i64, Option<Vec<Option<i64>>>);

fn tensor_kind(bytes: &[u8]) -> Result<TensorKind, String> {
    let (mut element, mut sizes) = (0, None);
    for field in Fields::of(bytes) {
        match field? {
            (1, value) => element = value.integer()?,
            (2, value) => sizes = Some(shape(value.bytes()?)?),
            _ => {}
        }
    }
    Ok((element, sizes))
}

fn shape(bytes: &[u8]) -> Result<Vec<Option<i64>>, String> {
    let mut sizes = Vec::new();
    for field in Fields::of(bytes) {
        if let (1, value) = field? {
            push(&mut sizes, size(value)?, 64, "dimensions of a shape")?;
        }
    }
    Ok(sizes)
}

/// A size; `None` where it is a symbol, unknown, or zero, which old exporters write for unknown.
fn size(value: Value<'_>) -> Result<Option<i64>, String> {
    let mut size = None;
    for field in Fields::of(value.bytes()?) {
        if let (1, value) = field? {
            size = Some(value.integer()?).filter(|size| *size > 0);
        }
    }
    Ok(size)
}
