//! ONNX graphs over rows of features: scikit-learn's pipelines and feed-forward networks, in Rust alone.
//!
//! A file is read once into a [`Graph`]: a plan of kernels with all shapes known but for the number of rows, with
//! what depends on constants alone computed. It is run on blocks of [`BLOCK_ROWS`] rows, in buffers of a
//! [`Scratch`] that are made once. Which operators there are, and what is refused, is in `docs/models.md`.
//!
//! **Invariant:** what a graph gives for a row depends on that row alone, to the last bit. A graph that mixes rows
//! is refused at load.
//!
//! **Invariant:** no file makes loading panic, or take memory or time out of proportion to its size.

mod attributes;
mod convert;
mod fuse;
mod kernel;
mod load;
mod math;
mod ops;
mod order;
mod plan;
mod proto;
#[cfg(feature = "onnxruntime")]
mod runtime;
mod shape;
mod tensor;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;

use compact_str::CompactString;

pub use self::kernel::lookup::Labels;
use self::kernel::{Inputs, OUTPUTS_MAX, Rows, Source};
use self::plan::{Slot, Step};
use self::tensor::Buffer;
pub use self::tensor::ElementType;

/// Rows that are computed together: few enough that their values stay in the cache, enough that weights are read
/// once for many.
pub const BLOCK_ROWS: usize = 64;

/// A loaded graph. Immutable, so it is shared by all threads that score with it; each has a [`Scratch`] of its own.
#[derive(Clone, Debug)]
pub struct Graph {
    constants: Vec<Buffer>,
    slots: Vec<Slot>,
    steps: Vec<Step>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    numbers: usize,
    texts: usize,
    width: usize,
    /// What runs it in the place of the plan, which then is empty.
    #[cfg(feature = "onnxruntime")]
    runtime: Option<runtime::Runtime>,
}

/// An input or an output, and where its values are in a row.
#[derive(Clone, Debug)]
struct Port {
    source: Source,
    element: ElementType,
    width: usize,
    /// Among the numbers of a row or among its texts; of an output, among the outputs.
    first: usize,
    /// Of an output of texts, those that it is chosen among.
    labels: Option<Arc<Labels>>,
}

/// What a file says of its graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// The inputs, in the order of the file.
    pub inputs: Vec<Input>,
    /// The outputs, in the order of the file.
    pub outputs: Vec<Output>,
}

/// An input: a column of features, or several.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// As the file has it; the name of the column, where exporters know it.
    pub name: String,
    /// What its values are.
    pub element: ElementType,
    /// Columns.
    pub width: usize,
    /// The sizes of a row's axes, of which `width` is the product; none where a row is a single number.
    pub sizes: Vec<usize>,
}

/// An output.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// As the file has it.
    pub name: String,
    /// What its values are.
    pub element: ElementType,
    /// Values in a row.
    pub width: usize,
    /// What they mean.
    pub kind: OutputKind,
}

/// What an output means.
#[derive(Clone, Debug, PartialEq)]
pub enum OutputKind {
    /// The class that was chosen. Of integers, it is the label itself; of texts, the place of the label.
    Label(Arc<Labels>),
    /// A probability or a score for each class.
    PerClass(Arc<Labels>),
    /// Numbers.
    Values,
    /// Texts of which it is not known what they are chosen among: they cannot be outputs of a model here.
    Texts,
}

impl Graph {
    /// Numbers that a row of input has: the columns of all inputs that are not texts, in the order of the file.
    pub fn numbers(&self) -> usize {
        self.numbers
    }

    /// Texts that a row of input has: the columns of all inputs of texts, in the order of the file.
    pub fn texts(&self) -> usize {
        self.texts
    }

    /// Numbers that a row of output has, over all outputs that were asked for.
    pub fn outputs(&self) -> usize {
        self.width
    }

    /// Working memory for one thread.
    pub fn scratch(&self) -> Scratch {
        let slots = self.slots.iter().map(|slot| Buffer::zeros(slot.element, slot.width * BLOCK_ROWS));
        Scratch {
            slots: slots.collect(),
            spare: Default::default(),
            invalid: [false; BLOCK_ROWS],
            #[cfg(feature = "onnxruntime")]
            worker: self.runtime.as_ref().map(worker),
        }
    }

    /// Computes rows of outputs, row-major, as many as `outputs` has room for, from as many rows of numbers and
    /// texts.
    ///
    /// A row that has no result (a position outside of a table, a text that is no number, a fraction or NaN where
    /// the graph has integers) gets NaN in all of its outputs.
    ///
    /// # Panics
    /// If the slices are not as long as that many rows are.
    pub fn predict(
        &self,
        numbers: &[f64],
        texts: &[impl AsRef<str>],
        outputs: &mut [f64],
        scratch: &mut Scratch,
    ) {
        let rows = outputs.len().checked_div(self.width).unwrap_or(0);
        assert_eq!(outputs.len(), rows * self.width, "outputs are whole rows");
        assert_eq!(numbers.len(), rows * self.numbers, "there are numbers for each row");
        assert_eq!(texts.len(), rows * self.texts, "there are texts for each row");
        #[cfg(feature = "onnxruntime")]
        if let (Some(runtime), Some(worker)) = (&self.runtime, &mut scratch.worker) {
            for (row, outputs) in outputs.chunks_exact_mut(self.width).enumerate() {
                let numbers = &numbers[row * self.numbers..][..self.numbers];
                runtime.predict(worker, numbers, &texts[row * self.texts..][..self.texts], outputs);
            }
            return;
        }
        for first in (0..rows).step_by(BLOCK_ROWS) {
            let count = BLOCK_ROWS.min(rows - first);
            scratch.invalid = [false; BLOCK_ROWS];
            self.fill(&numbers[first * self.numbers..], &texts[first * self.texts..], count, scratch);
            self.compute(count, scratch);
            self.read(&mut outputs[first * self.width..][..count * self.width], scratch);
        }
    }

    /// Puts a block of inputs into their slots.
    fn fill(&self, numbers: &[f64], texts: &[impl AsRef<str>], count: usize, scratch: &mut Scratch) {
        for port in &self.inputs {
            let Source::Slot(slot) = port.source else { continue };
            for row in 0..count {
                let place = row * port.width..(row + 1) * port.width;
                if let Buffer::Text(slot) = &mut scratch.slots[slot] {
                    let texts = &texts[row * self.texts + port.first..];
                    for (to, text) in slot[place].iter_mut().zip(texts) {
                        to.clear();
                        to.push_str(text.as_ref());
                    }
                    continue;
                }
                let numbers = &numbers[row * self.numbers + port.first..][..port.width];
                let valid = convert::fill(&mut scratch.slots[slot], place.start, numbers, port.element);
                scratch.invalid[row] |= !valid;
            }
        }
    }

    fn compute(&self, count: usize, scratch: &mut Scratch) {
        let Scratch { slots, spare, invalid, .. } = scratch;
        for step in &self.steps {
            for (output, slot) in spare.iter_mut().zip(&step.outputs) {
                *output = std::mem::take(&mut slots[*slot]);
            }
            let inputs = Inputs { sources: &step.inputs, slots, constants: &self.constants };
            step.kernel.run(&mut Rows { count, invalid }, inputs, spare);
            for (output, slot) in spare.iter_mut().zip(&step.outputs) {
                slots[*slot] = std::mem::take(output);
            }
        }
    }

    /// Reads a block of outputs.
    fn read(&self, outputs: &mut [f64], scratch: &Scratch) {
        for (row, outputs) in outputs.chunks_exact_mut(self.width).enumerate() {
            if scratch.invalid[row] {
                outputs.fill(f64::NAN);
                continue;
            }
            for port in &self.outputs {
                let output = &mut outputs[port.first..][..port.width];
                match port.source {
                    Source::Slot(slot) => port.write(&scratch.slots[slot], row * port.width, output),
                    Source::Constant(constant) => port.write(&self.constants[constant], 0, output),
                }
            }
        }
    }
}

impl Port {
    fn write(&self, values: &Buffer, first: usize, output: &mut [f64]) {
        let Buffer::Text(texts) = values else {
            return convert::read(values, first, output);
        };
        let place = |text: &CompactString| self.labels.as_ref().and_then(|labels| labels.place(text));
        for (output, text) in output.iter_mut().zip(&texts[first..]) {
            *output = place(text).map_or(f64::NAN, convert::Number::f64);
        }
    }
}

/// Working memory to run a graph: for one thread, reused from call to call.
#[derive(Debug)]
pub struct Scratch {
    slots: Vec<Buffer>,
    /// What a step is writing, outside of the slots that it reads.
    spare: [Buffer; OUTPUTS_MAX],
    invalid: [bool; BLOCK_ROWS],
    #[cfg(feature = "onnxruntime")]
    worker: Option<runtime::Worker>,
}

/// A session for one more thread.
#[cfg(feature = "onnxruntime")]
#[expect(clippy::expect_used, reason = "the same session was opened when the graph was loaded")]
fn worker(runtime: &runtime::Runtime) -> runtime::Worker {
    runtime.worker().expect("a graph that was loaded once loads again")
}
