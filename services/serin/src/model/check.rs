//! `serin model check`: what a model is, or all that is wrong with it.

use std::io::Write;

use inference::{ArtifactOutput, Column, ColumnKind, DataType, Model, Signature};
use runtime::Output;
use serde_json::{Value, json};

use crate::cli::{Format, ModelCheckArguments};

/// Loads a model, which scores its golden rows, and prints what it is.
pub(crate) fn check(arguments: &ModelCheckArguments) -> anyhow::Result<()> {
    let model = super::load(&arguments.path)?;
    let mut out = Output::stdout();
    match arguments.format {
        Format::Json => writeln!(out, "{:#}", answer(&model))?,
        Format::Text => describe(&model, &mut out)?,
    }
    Ok(out.flush()?)
}

fn answer(model: &Model) -> Value {
    let signature = model.signature();
    let column = |column: &Column| json!({ "name": &*column.name, "type": word(&column.kind) });
    let given = |output: &ArtifactOutput| json!({ "name": &*output.name, "label": output.label.as_deref() });
    json!({
        "name": &**model.name(), "version": &**model.version(), "sha256": &**model.digest(),
        "format": model.manifest().format.word(),
        "inputs": model.manifest().inputs.len(), "columns": model.columns(),
        "outputs": model.outputs().iter().map(|name| &**name).collect::<Vec<_>>(),
        "golden_rows": model.golden_rows(),
        "artifact": {
            "columns": signature.columns.iter().map(column).collect::<Vec<_>>(),
            "outputs": signature.outputs.iter().map(given).collect::<Vec<_>>(),
            "objective": signature.objective, "iterations": signature.iterations,
            "best_iteration": signature.best_iteration,
        },
    })
}

fn describe(model: &Model, out: &mut impl Write) -> std::io::Result<()> {
    let (inputs, columns) = (model.manifest().inputs.len(), model.columns());
    writeln!(out, "model    {}, version {}", model.name(), model.version())?;
    writeln!(out, "sha256   {}", model.digest())?;
    writeln!(out, "format   {}{}", model.manifest().format.word(), trained(model.signature()))?;
    writeln!(out, "inputs   {inputs}, encoded to {columns} columns")?;
    writeln!(out, "outputs  {}", model.outputs().join(", "))?;
    for line in reads(model.signature()) {
        writeln!(out, "reads    {line}")?;
    }
    writeln!(out, "gives    {}", gives(&model.signature().outputs))?;
    match model.golden_rows() {
        0 => writeln!(out, "golden   none: nothing shows that it scores here as it was trained"),
        rows => writeln!(out, "golden   {rows} rows, all reproduced"),
    }
}

/// What the artifact was trained for, where it says so.
fn trained(signature: &Signature) -> String {
    let objective = signature.objective.iter().map(|objective| format!(", objective {objective}"));
    let iterations = signature.iterations.iter().map(|iterations| format!(", {iterations} iterations"));
    let best = signature.best_iteration.iter().map(|best| format!(", iteration {best} the best"));
    objective.chain(iterations).chain(best).collect()
}

/// The most columns of one kind, and the most outputs, that are listed.
const LISTED_MAX: usize = 12;

/// The artifact's columns, a line for each kind of them.
fn reads(signature: &Signature) -> Vec<String> {
    let mut kinds: Vec<(&str, Vec<&str>)> = Vec::new();
    for Column { name, kind } in &signature.columns {
        let word = word(kind);
        match kinds.iter_mut().find(|(each, _)| *each == word) {
            Some((_, names)) => names.push(name),
            None => kinds.push((word, vec![name])),
        }
    }
    kinds.iter().map(|(word, names)| format!("{} {word}: {}", names.len(), listed(names))).collect()
}

fn gives(outputs: &[ArtifactOutput]) -> String {
    let named = |output: &ArtifactOutput| match &output.label {
        Some(label) => format!("{} (class {label})", output.name),
        None => output.name.to_string(),
    };
    let named: Vec<_> = outputs.iter().map(named).collect();
    listed(&named.iter().map(String::as_str).collect::<Vec<_>>())
}

fn listed(names: &[&str]) -> String {
    let more = names.len().saturating_sub(LISTED_MAX);
    let listed = names[..names.len().min(LISTED_MAX)].join(", ");
    if more > 0 { format!("{listed} and {more} more") } else { listed }
}

fn word(kind: &ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Number(DataType::Double) => "double",
        ColumnKind::Number(DataType::Float) => "float",
        ColumnKind::Number(DataType::Int64) => "int64",
        ColumnKind::Number(DataType::Int32) => "int32",
        ColumnKind::Boolean => "boolean",
        ColumnKind::Category(_) => "category",
        ColumnKind::Text => "text",
    }
}
