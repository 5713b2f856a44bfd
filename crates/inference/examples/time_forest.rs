//! Times a forest on one thread: `time_forest (lightgbm|xgboost) MODEL ROWS SECONDS BATCH…`, for `make bench-models`.
//!
//! ROWS is a file of little-endian 64-bit floats, row-major. For each kernel and batch it prints a line of JSON with
//! the microseconds that nine calls of ten take, or more: other work on the machine only ever makes a call slower. Calls
//! walk over all rows, so that no processor learns one by heart. It ends with the predictions of all rows.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::error::Error;
use std::time::{Duration, Instant};

use inference::forest::{Forest, Iterations, Kernel, Output, Scratch};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, model, rows, seconds, batches @ ..] = arguments.as_slice() else {
        return Err("usage: time_forest (lightgbm|xgboost) MODEL ROWS SECONDS BATCH…".into());
    };
    let load = if library == "lightgbm" { Forest::lightgbm } else { Forest::xgboost };
    let started = Instant::now();
    let (forest, _) = load(model, &std::fs::read(model)?, Iterations::All)?;
    println!("{{\"load_ms\": {:.1}}}", started.elapsed().as_secs_f64() * 1e3);
    let rows: Vec<f64> = std::fs::read(rows)?
        .chunks_exact(size_of::<f64>())
        .map(|bytes| bytes.try_into().map(f64::from_le_bytes))
        .collect::<Result<_, _>>()?;
    let each = Duration::from_secs_f64(seconds.parse()?);
    for kernel in Kernel::ALL.into_iter().filter(|kernel| kernel.is_available()) {
        let mut scratch = Scratch::with(kernel);
        for batch in batches {
            let batch = batch.parse()?;
            let call = fast_call(&forest, &rows, batch, each, &mut scratch);
            println!("{{\"kernel\": \"{kernel:?}\", \"batch\": {batch}, \"us\": {:.3}}}", call * 1e6);
        }
    }
    let mut predictions = vec![0.0; rows.len() / forest.columns() * forest.outputs(Output::Prediction)];
    forest.predict(&rows, &mut predictions, &mut Scratch::default());
    println!("{{\"predictions\": {predictions:?}}}");
    Ok(())
}

/// The seconds of a fast call with `batch` rows, over calls that take about `each` together.
fn fast_call(forest: &Forest, rows: &[f64], batch: usize, each: Duration, scratch: &mut Scratch) -> f64 {
    let mut outputs = vec![0.0; batch * forest.outputs(Output::Prediction)];
    let mut times = Vec::new();
    let started = Instant::now();
    while started.elapsed() < each {
        for rows in rows.chunks_exact(batch * forest.columns()) {
            let call = Instant::now();
            forest.predict(rows, &mut outputs, scratch);
            times.push(call.elapsed().as_secs_f64());
        }
    }
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 10]
}
