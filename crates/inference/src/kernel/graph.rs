//! ONNX graphs as kernels: what is asked of them, and what they say of themselves.

use std::sync::Arc;

use experiment::Problems;

use crate::manifest::{DataType, Output, OutputKind};
use crate::onnx::{self, Description, ElementType, Graph, Labels};
use crate::signature::{ArtifactOutput, ArtifactOutputKind, Column, ColumnKind, Signature};

/// Reads a graph with those of its outputs that a manifest asks for, or with all of them where it does not say which;
/// faults are reported under `place`.
pub(super) fn load(place: &str, artifact: &[u8], outputs: &[Output]) -> Result<(Graph, Signature), Problems> {
    let (graph, description) = Graph::load(place, artifact)?;
    let all = signature(&description);
    let Some(needed) = needed(&description, &all, outputs) else { return Ok((graph, all)) };
    // What is not asked for is not computed. A part of the graph may not know the labels that the whole knows.
    let (graph, part) = Graph::load_outputs(place, artifact, &needed)?;
    let find = |name: &&str| description.outputs.iter().find(|output| output.name == **name);
    let outputs = needed.iter().filter_map(find).flat_map(numbers).collect();
    Ok((graph, Signature { outputs, ..signature(&part) }))
}

/// The graph's outputs that the manifest's are parts of, if it names them all, and they are fewer than all.
fn needed<'d>(description: &'d Description, all: &Signature, outputs: &[Output]) -> Option<Vec<&'d str>> {
    let chosen = outputs.iter().filter_map(|output| match &output.kind {
        OutputKind::Value { of, .. } => Some(of.as_deref()),
        OutputKind::Class { .. } => None,
    });
    let chosen: Vec<&str> = chosen.collect::<Option<_>>()?;
    // Each number by name, or by label, and the output that it is of.
    let of: Vec<&str> = description
        .outputs
        .iter()
        .filter(|output| output.kind != onnx::OutputKind::Texts)
        .flat_map(|output| std::iter::repeat_n(output.name.as_str(), output.width))
        .collect();
    let is_chosen = |number: &ArtifactOutput| {
        chosen.iter().any(|chosen| *number.name == **chosen || number.label.as_deref() == Some(chosen))
    };
    let mut needed: Vec<&str> = Vec::new();
    for (number, output) in all.outputs.iter().zip(of) {
        if is_chosen(number) && !needed.contains(&output) {
            needed.push(output);
        }
    }
    (!needed.is_empty() && needed.len() < description.outputs.len()).then_some(needed)
}

/// What a graph says of itself.
fn signature(description: &Description) -> Signature {
    let columns = description.inputs.iter().flat_map(|input| {
        let kind = column_kind(input.element);
        (0..input.width)
            .map(move |at| Column { name: part(&input.name, at, input.width), kind: kind.clone() })
    });
    Signature {
        columns: columns.collect(),
        is_named: description.inputs.iter().all(|input| input.width == 1),
        outputs: description.outputs.iter().flat_map(numbers).collect(),
        ..Signature::default()
    }
}

fn column_kind(element: ElementType) -> ColumnKind {
    match element {
        ElementType::Float => ColumnKind::Number(DataType::Float),
        ElementType::Double => ColumnKind::Number(DataType::Double),
        ElementType::Int64 => ColumnKind::Number(DataType::Int64),
        ElementType::Int32 => ColumnKind::Number(DataType::Int32),
        ElementType::Bool => ColumnKind::Boolean,
        ElementType::String => ColumnKind::Text,
    }
}

/// The name of a value among several of an input or an output.
fn part(name: &str, at: usize, width: usize) -> Arc<str> {
    if width == 1 { name.into() } else { format!("{name}[{at}]").into() }
}

/// The numbers of an output.
fn numbers(output: &onnx::Output) -> Vec<ArtifactOutput> {
    let (kind, labels) = match &output.kind {
        onnx::OutputKind::Label(_) => (ArtifactOutputKind::Class, None),
        onnx::OutputKind::PerClass(labels) => (ArtifactOutputKind::Probability, Some(labels)),
        onnx::OutputKind::Values => (ArtifactOutputKind::Value, None),
        onnx::OutputKind::Texts => return Vec::new(),
    };
    let labels: Vec<String> = labels.map(|labels| Labels::names(labels)).unwrap_or_default();
    let number = |at: usize| ArtifactOutput {
        name: part(&output.name, at, output.width),
        label: labels.get(at).map(|label| label.as_str().into()),
        kind,
    };
    (0..output.width).map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;

    /// A label, the probabilities of two classes, and a number.
    fn description() -> Description {
        let labels = Arc::new(Labels::Texts(vec!["no".into(), "yes".into()]));
        let output = |name: &str, width, kind| onnx::Output {
            name: name.to_owned(),
            element: ElementType::Float,
            width,
            kind,
        };
        let inputs = [("x", ElementType::Float, 1), ("wide", ElementType::Int64, 2)];
        let input = |(name, element, width): (&str, ElementType, usize)| onnx::Input {
            name: name.to_owned(),
            element,
            width,
            sizes: Vec::new(),
        };
        Description {
            inputs: inputs.map(input).to_vec(),
            outputs: vec![
                output("label", 1, onnx::OutputKind::Label(Arc::clone(&labels))),
                output("probabilities", 2, onnx::OutputKind::PerClass(labels)),
                output("score", 1, onnx::OutputKind::Values),
            ],
        }
    }

    fn outputs(text: &str) -> Vec<Output> {
        let text = format!(
            "name = \"m\"\nversion = \"1\"\nformat = \"onnx\"\nfile = \"f\"\ninput = [{{ feature = \"x\", kind = \"number\" }}]\n{text}"
        );
        Manifest::parse("model.toml", &text).unwrap_or_else(|problems| panic!("{problems}")).outputs
    }

    #[test]
    fn every_value_has_a_name() {
        let signature = signature(&description());
        let columns: Vec<_> = signature.columns.iter().map(|column| &*column.name).collect();
        assert_eq!(columns, ["x", "wide[0]", "wide[1]"]);
        assert!(!signature.is_named);
        let outputs: Vec<_> =
            signature.outputs.iter().map(|output| (&*output.name, output.label.as_deref())).collect();
        let expected = [
            ("label", None),
            ("probabilities[0]", Some("no")),
            ("probabilities[1]", Some("yes")),
            ("score", None),
        ];
        assert_eq!(outputs, expected);
    }

    #[test]
    fn what_no_output_is_made_of_is_not_computed() {
        let description = description();
        let all = signature(&description);
        for (text, expected) in [
            ("output = [{ name = \"p\", of = \"yes\" }]", Some(vec!["probabilities"])),
            (
                "output = [{ name = \"s\", of = \"score\" }, { name = \"p\", of = \"probabilities[0]\" }]",
                Some(vec!["probabilities", "score"]),
            ),
            ("output = [{ name = \"p\" }]", None),
            ("output = [{ name = \"p\", of = \"nothing\" }]", None),
        ] {
            assert_eq!(needed(&description, &all, &outputs(text)), expected, "{text}");
        }
    }
}
