//! Graphs of numbers are run without allocating: counted by an allocator of this test's own.

#![expect(unsafe_code, reason = "an allocator is unsafe to write")]
#![expect(clippy::unwrap_used, reason = "helpers of tests are not seen as tests")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use inference::onnx::Graph;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, which counts for each thread.
struct Counting;

// SAFETY: every call is passed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract that is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract that is passed on.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many allocations a run of `rows` rows makes.
fn allocations(model: &[u8], texts: &[&str], rows: usize) -> usize {
    let (graph, _) = Graph::load("model.onnx", model).unwrap();
    let mut scratch = graph.scratch();
    let numbers = vec![0.5; rows * graph.numbers()];
    let texts = texts.repeat(rows);
    let mut outputs = vec![0.0; rows * graph.outputs()];
    let before = ALLOCATIONS.get();
    graph.predict(&numbers, &texts, &mut outputs, &mut scratch);
    assert!(outputs.iter().all(|output| output.is_finite()));
    ALLOCATIONS.get() - before
}

#[test]
fn a_pipeline_with_short_texts_is_run_without_allocating() {
    let model = include_bytes!("../testdata/onnx/logreg/model.onnx");
    for rows in [1, 32, 1_000] {
        assert_eq!(allocations(model, &["UA", "EWR", "IAH"], rows), 0, "{rows} rows");
    }
    assert!(
        allocations(model, &["a text that is longer than an inline one", "EWR", "IAH"], 1) > 0,
        "it counts"
    );
}
