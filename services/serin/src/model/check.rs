//! `serin model check`: what a model is, or all that is wrong with it.

use std::io::Write;

use runtime::Output;

use crate::cli::{Format, ModelCheckArguments};

/// Loads a model, which scores its golden rows, and prints what it is.
pub(crate) fn check(arguments: &ModelCheckArguments) -> anyhow::Result<()> {
    let model = super::load(&arguments.path)?;
    let mut out = Output::stdout();
    let outputs: Vec<&str> = model.outputs().iter().map(|name| &**name).collect();
    match arguments.format {
        Format::Json => {
            let answer = serde_json::json!({
                "name": &**model.name(), "version": &**model.version(), "sha256": &**model.digest(),
                "inputs": model.manifest().inputs.len(), "columns": model.columns(), "outputs": outputs,
                "golden_rows": model.golden_rows(),
            });
            writeln!(out, "{answer:#}")?;
        }
        Format::Text => {
            writeln!(out, "model    {}, version {}", model.name(), model.version())?;
            writeln!(out, "sha256   {}", model.digest())?;
            writeln!(
                out,
                "inputs   {}, encoded to {} columns",
                model.manifest().inputs.len(),
                model.columns()
            )?;
            writeln!(out, "outputs  {}", outputs.join(", "))?;
            match model.golden_rows() {
                0 => writeln!(out, "golden   none: nothing shows that it scores here as it was trained")?,
                rows => writeln!(out, "golden   {rows} rows, all reproduced")?,
            }
        }
    }
    Ok(out.flush()?)
}
