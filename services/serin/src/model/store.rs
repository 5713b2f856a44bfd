//! `serin model list` and `serin model publish`.

use std::io::Write;

use inference::{Store, Stored};
use runtime::Output;
use runtime::config::{Problem, Problems};

use crate::cli::{Format, ModelListArguments, ModelPublishArguments};

/// Prints the versions of a store.
pub(crate) fn list(arguments: &ModelListArguments) -> anyhow::Result<()> {
    let place = &arguments.store;
    let store = open(place)?;
    let stored = store.list().map_err(|error| super::problems(place, error))?;
    let mut out = Output::stdout();
    match arguments.format {
        Format::Json => writeln!(out, "{:#}", stored.iter().map(json).collect::<serde_json::Value>())?,
        Format::Text => {
            for each in &stored {
                let digest = each.digest.as_deref().unwrap_or("put there by hand: no digest is on record");
                writeln!(out, "{:<20} {:<20} {digest}", each.name, each.version)?;
            }
            if stored.is_empty() {
                writeln!(out, "no versions in {place}: they are folders NAME/VERSION with a model.toml")?;
            }
        }
    }
    Ok(out.flush()?)
}

/// Puts a model into a store.
pub(crate) fn publish(arguments: &ModelPublishArguments) -> anyhow::Result<()> {
    let store = open(&arguments.store)?;
    let place = arguments.directory.display().to_string();
    let stored = store.publish(&arguments.directory).map_err(|error| super::problems(&place, error))?;
    let mut out = Output::stdout();
    match arguments.format {
        Format::Json => writeln!(out, "{:#}", json(&stored))?,
        Format::Text => {
            writeln!(out, "published  {}, version {}", stored.name, stored.version)?;
            writeln!(out, "place      {}", stored.place.display())?;
            writeln!(out, "digest     {}", stored.digest.as_deref().unwrap_or_default())?;
        }
    }
    Ok(out.flush()?)
}

fn open(place: &str) -> Result<Store, Problems> {
    Store::at(place).map_err(|error| Problems::one(place, Problem::whole(error.to_string())))
}

fn json(stored: &Stored) -> serde_json::Value {
    serde_json::json!({
        "name": stored.name, "version": stored.version, "digest": stored.digest,
        "place": stored.place.display().to_string(),
    })
}
