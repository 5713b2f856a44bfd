//! How many rows a tree ensemble scores in a second on one thread, by kernel and size of batch: the flights' model of
//! LightGBM, 100 trees with 15 leaves. `make bench-models` has larger ones, beside other engines.
//!
//! `cargo bench -p inference --bench forest`

#![expect(clippy::expect_used, reason = "a benchmark without its example cannot go on")]

use std::io::Read;
use std::path::Path;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flate2::read::GzDecoder;
use inference::forest::{Forest, Iterations, Kernel, Scratch};

const BATCHES: [usize; 4] = [1, 32, 256, 1_024];

criterion_group!(benches, score);
criterion_main!(benches);

fn score(criterion: &mut Criterion) {
    let (forest, _) = Forest::lightgbm("model", &model(), Iterations::All).expect("the example loads");
    for kernel in Kernel::ALL.into_iter().filter(|kernel| kernel.is_available()) {
        let mut scratch = Scratch::with(kernel);
        let mut group = criterion.benchmark_group(format!("forest {kernel:?}"));
        for batch in BATCHES {
            let rows = rows(batch, forest.columns());
            let mut outputs = vec![0.0; batch];
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_with_input(BenchmarkId::from_parameter(batch), &rows, |bencher, rows| {
                bencher.iter(|| forest.predict(rows, &mut outputs, &mut scratch));
            });
        }
        group.finish();
    }
}

fn model() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/forest/lightgbm.txt.gz");
    let mut text = Vec::new();
    let file = std::fs::File::open(path).expect("the example's model is there");
    GzDecoder::new(file).read_to_end(&mut text).expect("it is whole");
    text
}

/// Rows whose numbers go up and down, each column at its own pace, over what flights have.
fn rows(count: usize, columns: usize) -> Vec<f64> {
    let number = |row: usize, column: usize| ((row * (7 + 2 * column)) % 97) as f64 - 10.0;
    (0..count).flat_map(|row| (0..columns).map(move |column| number(row, column))).collect()
}
