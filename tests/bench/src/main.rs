//! What `serin stream` is measured beside: the same consumer groups, transactions and output bytes, and no scoring.
//!
//! It shares no code with serin. A baseline that went through serin's own lanes would share what they cost.

mod kafka;
mod nats;
mod samples;

use std::path::PathBuf;

use anyhow::{Context, bail};

use samples::Samples;

/// The most records of a batch; serin's own default.
const BATCH: usize = 2_000;

/// What the command line asks for.
struct Arguments {
    /// `host:port`.
    address: String,
    /// What the names of topics and groups begin with.
    prefix: String,
    /// The topic that is read.
    input: String,
}

/// A consumer group and where its outputs go.
struct Lane {
    group: String,
    output: &'static str,
    samples: Samples,
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [broker, address, prefix, input, group, folder] = arguments.as_slice() else {
        bail!("usage: pass-through kafka|nats ADDRESS PREFIX INPUT GROUP SAMPLES");
    };
    let lanes = lanes(group, &PathBuf::from(folder))?;
    let arguments = Arguments { address: address.clone(), prefix: prefix.clone(), input: input.clone() };
    match broker.as_str() {
        "kafka" => kafka::run(&arguments, lanes),
        "nats" => nats::run(&arguments, lanes),
        _ => bail!("broker `{broker}` is neither kafka nor nats"),
    }
}

/// As many groups as serin has lanes in the example: production and one shadow.
fn lanes(group: &str, folder: &std::path::Path) -> anyhow::Result<[Lane; 2]> {
    let lane = |group: String, output: &'static str| {
        let samples =
            Samples::read(&folder.join(output)).with_context(|| format!("samples of `{output}`"))?;
        anyhow::Ok(Lane { group, output, samples })
    };
    Ok([lane(group.to_owned(), "predictions")?, lane(format!("{group}.shadow"), "shadow-predictions")?])
}
