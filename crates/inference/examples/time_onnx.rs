//! Times an ONNX graph of numbers on one thread: `time_onnx MODEL ROWS SECONDS BATCH…`, for `make bench-models`.
//!
//! ROWS is a file of little-endian 64-bit floats, row-major. For each batch it prints a line of JSON with the median
//! microseconds of a call; calls walk over all rows. It ends with the first output of all rows.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::error::Error;
use std::time::{Duration, Instant};

use inference::onnx::Graph;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, rows, seconds, batches @ ..] = arguments.as_slice() else {
        return Err("usage: time_onnx MODEL ROWS SECONDS BATCH…".into());
    };
    let (graph, _) = Graph::load(model, &std::fs::read(model)?)?;
    let bytes = std::fs::read(rows)?;
    let rows: Vec<f64> = bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    let each = Duration::from_secs_f64(seconds.parse()?);
    for batch in batches {
        let batch = batch.parse()?;
        let median = median_call(&graph, &rows, batch, each);
        println!("{{\"batch\": {batch}, \"us\": {:.3}}}", median * 1e6);
    }
    let mut outputs = vec![0.0; rows.len() / graph.numbers() * graph.outputs()];
    graph.predict(&rows, &[""; 0], &mut outputs, &mut graph.scratch());
    println!("{{\"outputs\": {outputs:?}}}");
    Ok(())
}

/// The median seconds of a call with `batch` rows, over calls that take about `each` together.
fn median_call(graph: &Graph, rows: &[f64], batch: usize, each: Duration) -> f64 {
    let mut scratch = graph.scratch();
    let mut outputs = vec![0.0; batch * graph.outputs()];
    let mut times = Vec::new();
    let started = Instant::now();
    while started.elapsed() < each {
        for rows in rows.chunks_exact(batch * graph.numbers()) {
            let call = Instant::now();
            graph.predict(rows, &[""; 0], &mut outputs, &mut scratch);
            times.push(call.elapsed().as_secs_f64());
        }
    }
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}
