//! Times an ONNX graph of numbers, by size of batch, on one thread: microseconds a call, one line a size.
//!
//! `time_onnx MODEL ROWS SIZE…`: `ROWS` is a file of 64-bit floats, row-major; calls walk over them. With
//! `scripts/bench-onnx`, which runs onnxruntime on the same rows.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for benchmarks")]

use std::time::{Duration, Instant};

use inference::onnx::Graph;

/// How long each size is measured.
const TIME: Duration = Duration::from_millis(600);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, rows, sizes @ ..] = &arguments[..] else { panic!("usage: time_onnx MODEL ROWS SIZE…") };
    let (graph, _) = Graph::load(model, &std::fs::read(model).unwrap()).unwrap();
    let bytes = std::fs::read(rows).unwrap();
    let rows: Vec<f64> = bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    for size in sizes {
        println!("{size} {:.2}", time(&graph, &rows, size.parse().unwrap()));
    }
}

/// The median microseconds of a call, of groups of calls.
fn time(graph: &Graph, rows: &[f64], size: usize) -> f64 {
    let mut scratch = graph.scratch();
    let mut outputs = vec![0.0; size * graph.outputs()];
    let mut calls = rows.chunks_exact(size * graph.numbers()).cycle();
    let group = (500 / size).max(1);
    let mut times = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < TIME {
        let begun = Instant::now();
        for rows in calls.by_ref().take(group) {
            graph.predict(rows, &[""; 0], &mut outputs, &mut scratch);
        }
        times.push(begun.elapsed().as_secs_f64() * 1e6 / f64::from(u32::try_from(group).unwrap()));
    }
    times.sort_by(f64::total_cmp);
    if std::env::var_os("MIN").is_some() { times[0] } else { times[times.len() / 2] }
}
