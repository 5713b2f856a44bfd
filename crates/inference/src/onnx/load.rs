//! From the bytes of a file to a graph.

use std::collections::HashMap;

use experiment::Problems;

use super::attributes::Attributes;
use super::kernel::Source;
use super::ops::{Builder, ML, Op, builder};
use super::order::order;
use super::plan::{Plan, Value};
use super::proto::{self, Node};
use super::shape::Shape;
use super::tensor::{ElementType, Tensor};
use super::{BLOCK_ROWS, Description, Graph, Input, Labels, Output, OutputKind, Port, fuse};
use crate::error::shorten;

/// The versions of operator sets whose meaning is known here.
const OPSETS: [(&str, std::ops::RangeInclusive<i64>); 2] = [("", 7..=28), (ML, 1..=5)];

/// The most bytes of working memory for a thread.
const SCRATCH_BYTES_MAX: usize = 256 << 20;

/// The most operators that are listed as unsupported.
const LISTED_MAX: usize = 16;

impl Graph {
    /// Reads a graph with all of its outputs from the bytes of a file; faults are reported under `place`.
    ///
    /// Outputs of texts that are no class labels are described, but cannot be computed, and are left out.
    ///
    /// # Errors
    /// Where the bytes are no ONNX file, or one that is damaged, too large, or asks for what is not supported.
    pub fn load(place: &str, bytes: &[u8]) -> Result<(Self, Description), Problems> {
        load_either(place, bytes, None)
    }

    /// As [`Graph::load`], with those outputs only that are named, in that order. What they do not need is not
    /// computed, and need not be supported. The description has them alone.
    ///
    /// # Errors
    /// As those of [`Graph::load`], and where there is no such output, or it is of texts that are no class labels.
    pub fn load_outputs(place: &str, bytes: &[u8], names: &[&str]) -> Result<(Self, Description), Problems> {
        load_either(place, bytes, Some(names))
    }
}

#[cfg(not(feature = "onnxruntime"))]
use load as load_either;

/// Loads what is built in as a plan, and leaves the rest to onnxruntime.
#[cfg(feature = "onnxruntime")]
fn load_either(place: &str, bytes: &[u8], names: Option<&[&str]>) -> Result<(Graph, Description), Problems> {
    use super::runtime::Runtime;
    load(place, bytes, names).or_else(|mut problems| {
        // What is damaged or is no graph of rows is nothing for onnxruntime either.
        let inputs = proto::model(bytes).ok().and_then(|model| inputs(&model).ok());
        let Some(inputs) = inputs else { return Err(problems) };
        let (runtime, description) = Runtime::load(bytes, inputs, names).map_err(|message| {
            problems.push("onnxruntime", message);
            problems
        })?;
        let graph = Graph {
            numbers: runtime.count(false),
            texts: runtime.count(true),
            width: runtime.width(),
            constants: Vec::new(),
            slots: Vec::new(),
            steps: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            runtime: Some(runtime),
        };
        Ok((graph, description))
    })
}

/// The inputs of a graph, without what old files list as such.
#[cfg(feature = "onnxruntime")]
fn inputs(model: &proto::Model<'_>) -> Result<Vec<Input>, String> {
    let is_tensor = |name: &str| model.graph.tensors.iter().any(|tensor| tensor.name == name);
    let inputs = model.graph.inputs.iter().filter(|port| !is_tensor(port.name)).map(|port| {
        let (element, sizes, _) = input(port)?;
        let width = super::tensor::volume(&sizes)?;
        Ok(Input { name: port.name.to_owned(), element, width, sizes })
    });
    inputs.collect()
}

fn load(place: &str, bytes: &[u8], names: Option<&[&str]>) -> Result<(Graph, Description), Problems> {
    let mut problems = Problems::new(place);
    let mut faulty = |at: &str, message: String| {
        problems.push(at, message);
        problems.clone()
    };
    let model = proto::model(bytes).map_err(|message| faulty("file", message))?;
    let outputs = wanted(&model, names).map_err(|message| faulty("outputs", message))?;
    let nodes = order(&model.graph, &outputs).map_err(|message| faulty("graph", message))?;
    let nodes: Vec<&Node<'_>> = nodes.iter().map(|at| &model.graph.nodes[*at]).collect();
    let builders = check(&model, &nodes, &mut problems)?;
    Loader::new(&model)
        .and_then(|mut loader| {
            loader.inputs()?;
            loader.nodes(&nodes, &builders)?;
            loader.finish(&outputs, names.is_some())
        })
        .map_err(|(at, message)| {
            problems.push(at, message);
            problems
        })
}

/// The names of the outputs that are asked for.
fn wanted<'b>(model: &proto::Model<'b>, names: Option<&[&str]>) -> Result<Vec<&'b str>, String> {
    let all: Vec<&str> = model.graph.outputs.iter().map(|output| output.name).collect();
    let Some(names) = names else { return Ok(all) };
    let find = |name: &&str| {
        let found = all.iter().find(|output| *output == name).copied();
        found.ok_or_else(|| format!("there is no output `{}`; the file has {}", shorten(name), listing(&all)))
    };
    names.iter().map(find).collect()
}

/// Names, quoted.
fn listing(names: &[&str]) -> String {
    let listed: Vec<_> = names.iter().take(LISTED_MAX).map(|name| format!("`{}`", shorten(name))).collect();
    if listed.is_empty() { "none".to_owned() } else { listed.join(", ") }
}

/// The version of a node's operator set.
fn version(model: &proto::Model<'_>, domain: &str) -> Option<i64> {
    model.opsets.iter().find(|(found, _)| *found == domain).map(|(_, version)| *version)
}

/// The builders of all nodes; or all that is wrong with operators and their versions, each once.
fn check(
    model: &proto::Model<'_>,
    nodes: &[&Node<'_>],
    problems: &mut Problems,
) -> Result<Vec<Builder>, Problems> {
    let mut builders = Vec::new();
    let mut faults: Vec<(String, String)> = Vec::new();
    for node in nodes {
        match builder_of(model, node) {
            Ok(builder) => builders.push(builder),
            Err(message) => {
                let fault = (format!("operator `{}`", shorten(node.operator)), message);
                if !faults.contains(&fault) && faults.len() < LISTED_MAX {
                    faults.push(fault);
                }
            }
        }
    }
    if faults.is_empty() {
        return Ok(builders);
    }
    for (place, message) in faults {
        problems.push(place, message);
    }
    Err(problems.clone())
}

fn builder_of(model: &proto::Model<'_>, node: &Node<'_>) -> Result<Builder, String> {
    let domain = if node.domain.is_empty() { "ai.onnx" } else { node.domain };
    let Some(version) = version(model, node.domain) else {
        return Err(format!("the file does not say which version of {} it uses", shorten(domain)));
    };
    let known = OPSETS.iter().find(|(domain, _)| *domain == node.domain).map(|(_, versions)| versions);
    if let Some(known) = known
        && !known.contains(&version)
    {
        return Err(format!(
            "version {version} of {domain} is not supported, only {} to {}; the feature `onnxruntime` may run it",
            known.start(),
            known.end()
        ));
    }
    builder(node.domain, node.operator).ok_or_else(|| {
        format!(
            "{} {version} has it, but it is not among the operators that are built in; serin with the feature \
             `onnxruntime` runs it",
            shorten(domain)
        )
    })
}

type Fault = (String, String);

/// Turns nodes into a plan.
struct Loader<'m, 'b> {
    model: &'m proto::Model<'b>,
    plan: Plan,
    values: HashMap<&'b str, Value>,
    tensors: HashMap<&'b str, &'m proto::Tensor<'b>>,
    ports: Vec<Port>,
    description: Description,
}

impl<'m, 'b> Loader<'m, 'b> {
    fn new(model: &'m proto::Model<'b>) -> Result<Self, Fault> {
        let mut tensors = HashMap::new();
        for tensor in &model.graph.tensors {
            if tensors.insert(tensor.name, tensor).is_some() {
                return Err((format!("tensor `{}`", shorten(tensor.name)), "it is there twice".to_owned()));
            }
        }
        let description = Description { inputs: Vec::new(), outputs: Vec::new() };
        let (values, ports) = (HashMap::new(), Vec::new());
        Ok(Self { model, plan: Plan::default(), values, tensors, ports, description })
    }

    /// Gives each input a slot. Old files list tensors among the inputs; those are none.
    fn inputs(&mut self) -> Result<(), Fault> {
        let (mut numbers, mut texts) = (0, 0);
        for port in &self.model.graph.inputs {
            if self.tensors.contains_key(port.name) {
                continue;
            }
            let at = |message| (format!("input `{}`", shorten(port.name)), message);
            let (element, inner, batch) = input(port).map_err(at)?;
            if self.values.contains_key(port.name) {
                return Err(at("it is there twice".to_owned()));
            }
            self.plan.batch = self.plan.batch.or(batch);
            let value = self.plan.slot(element, Shape::rows(&inner)).map_err(at)?;
            let sizes = inner;
            let width = value.width();
            let count = if element == ElementType::String { &mut texts } else { &mut numbers };
            self.ports.push(Port { source: value.source, element, width, first: *count, labels: None });
            *count += width;
            self.description.inputs.push(Input { name: port.name.to_owned(), element, width, sizes });
            self.values.insert(port.name, value);
        }
        Ok(())
    }

    fn nodes(&mut self, nodes: &[&'m Node<'b>], builders: &[Builder]) -> Result<(), Fault> {
        for (node, builder) in nodes.iter().zip(builders) {
            self.node(node, *builder).map_err(|message| (place(node), message))?;
        }
        Ok(())
    }

    fn node(&mut self, node: &'m Node<'b>, builder: Builder) -> Result<(), String> {
        let inputs = node.inputs.iter().map(|name| self.value(name)).collect::<Result<_, _>>()?;
        let mut op = Op {
            operator: node.operator,
            version: version(self.model, node.domain).unwrap_or_default(),
            attributes: Attributes::of(node),
            inputs,
            outputs: node.outputs.len(),
            plan: &mut self.plan,
        };
        let values = builder(&mut op)?;
        op.attributes.finish()?;
        if node.outputs.iter().skip(values.len()).any(|name| !name.is_empty()) {
            return Err(format!("it has {} outputs, expected {}", node.outputs.len(), values.len()));
        }
        for (name, value) in node.outputs.iter().zip(values).filter(|(name, _)| !name.is_empty()) {
            if self.tensors.contains_key(name) || self.values.insert(name, value).is_some() {
                return Err(format!("its output `{}` is an input or a tensor, too", shorten(name)));
            }
        }
        Ok(())
    }

    /// A value by its name; `None` for an input that is left out.
    fn value(&mut self, name: &'b str) -> Result<Option<Value>, String> {
        if name.is_empty() {
            return Ok(None);
        }
        if let Some(value) = self.values.get(name) {
            return Ok(Some(value.clone()));
        }
        let tensor = self.tensors.get(name);
        let tensor = tensor.ok_or_else(|| format!("nothing gives `{}`, which it reads", shorten(name)))?;
        let value = self.plan.constant(Tensor::read(tensor)?);
        self.values.insert(name, value.clone());
        Ok(Some(value))
    }

    /// Describes the outputs, and makes the plan one of as few steps and slots as will do.
    fn finish(mut self, names: &[&'b str], chosen: bool) -> Result<(Graph, Description), Fault> {
        let mut values = Vec::new();
        for name in names {
            let at = |message| (format!("output `{}`", shorten(name)), message);
            values.push(self.value(name).map_err(at)?.ok_or_else(|| at("it has no name".to_owned()))?);
        }
        let classes =
            values.iter().find_map(|value| value.labels.clone().filter(|_| !value.element.is_float()));
        let mut outputs = Vec::new();
        let mut width = 0;
        for (name, value) in names.iter().zip(&values) {
            let at = |message: &str| (format!("output `{}`", shorten(name)), message.to_owned());
            if value.symbolic {
                return Err(at("it is the number of rows"));
            }
            let kind = kind(value, classes.as_ref());
            let computed = kind != OutputKind::Texts;
            if chosen && !computed {
                return Err(at("it is of texts that are no class labels; an output must be numbers"));
            }
            let (element, own, first) = (value.element, value.width(), width);
            self.description.outputs.push(Output { name: (*name).to_owned(), element, width: own, kind });
            if computed {
                width += own;
                outputs.push(Port {
                    source: value.source,
                    element,
                    width: own,
                    first,
                    labels: value.labels.clone(),
                });
            }
        }
        if width == 0 {
            return Err(("outputs".to_owned(), "there is none that is numbers".to_owned()));
        }
        self.graph(outputs, width)
    }

    fn graph(mut self, mut outputs: Vec<Port>, width: usize) -> Result<(Graph, Description), Fault> {
        let mut sources: Vec<Source> = outputs.iter().map(|port| port.source).collect();
        fuse::fuse(&mut self.plan, &sources);
        let mut inputs: Vec<Source> = self.ports.iter().map(|port| port.source).collect();
        fuse::share_slots(&mut self.plan, &mut inputs, &mut sources);
        for (port, source) in self.ports.iter_mut().zip(inputs).chain(outputs.iter_mut().zip(sources)) {
            port.source = source;
        }
        let bytes: usize =
            self.plan.slots.iter().map(|slot| slot.width * slot.element.bytes() * BLOCK_ROWS).sum();
        if bytes > SCRATCH_BYTES_MAX {
            let message =
                format!("it needs {bytes} bytes for {BLOCK_ROWS} rows, more than {SCRATCH_BYTES_MAX}");
            return Err(("graph".to_owned(), message));
        }
        let count = |texts: bool| {
            let own = self.ports.iter().filter(|port| (port.element == ElementType::String) == texts);
            own.map(|port| port.width).sum()
        };
        let graph = Graph {
            numbers: count(false),
            texts: count(true),
            constants: self.plan.constants,
            slots: self.plan.slots,
            steps: self.plan.steps,
            inputs: self.ports,
            outputs,
            width,
            #[cfg(feature = "onnxruntime")]
            runtime: None,
        };
        Ok((graph, self.description))
    }
}

/// How a node is named in messages.
fn place(node: &Node<'_>) -> String {
    let output = node.outputs.first().copied().unwrap_or_default();
    let name = if node.name.is_empty() { output } else { node.name };
    format!("node `{}` ({})", shorten(name), shorten(node.operator))
}

/// The type of an input, the sizes of a row, and the size of the batch where it is fixed.
fn input(port: &proto::Port<'_>) -> Result<(ElementType, Vec<usize>, Option<i64>), String> {
    let Some((element, sizes)) = &port.tensor else {
        return Err(
            if port.composite { "it is no tensor" } else { "the file does not say its type" }.to_owned()
        );
    };
    let element = ElementType::of(*element)?;
    let Some([batch, inner @ ..]) = sizes.as_deref() else {
        return Err("the file does not say its shape, expected [rows, columns]".to_owned());
    };
    let inner = inner.iter().map(|size| size.and_then(|size| usize::try_from(size).ok()));
    let inner: Option<Vec<usize>> = inner.collect();
    let inner =
        inner.ok_or("the file does not say how many columns it has; export it with a fixed number")?;
    Ok((element, inner, *batch))
}

/// What an output means. A float for each class is known by its labels, or by those of the class beside it.
fn kind(value: &Value, classes: Option<&std::sync::Arc<Labels>>) -> OutputKind {
    let own = value.labels.as_ref();
    if value.element.is_float() {
        let fitting = own.or(classes).filter(|labels| labels.len() == value.width() && value.width() > 1);
        return fitting.map_or(OutputKind::Values, |labels| OutputKind::PerClass(labels.clone()));
    }
    match own {
        Some(labels) if value.width() == 1 => OutputKind::Label(labels.clone()),
        _ if value.element == ElementType::String => OutputKind::Texts,
        _ => OutputKind::Values,
    }
}
