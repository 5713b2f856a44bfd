//! Feed-forward networks from safetensors, run by candle.
//!
//! **Invariant:** the outputs of an event depend on the event alone, to the last bit, whatever it is batched
//! with. A restart forms other batches, and must not change a prediction. The runtime's matrix product chooses
//! its kernel, and so its order of summation, by the shape of the operands; so every product here has one shape,
//! [`BLOCK_ROWS`] rows, short batches being padded with zeros. Within a shape all rows are summed alike, which a
//! property test holds over many shapes of networks. Another kind of processor has other kernels, and may differ
//! in the last digits.

mod file;
mod load;
#[cfg(test)]
mod tests;

use candle_core::{CpuStorage, DType, Device, InplaceOp1, Layout, Storage, Tensor};

use crate::manifest::Activation;

/// Rows of every matrix product. Few enough that a lone event is not dear and that values stay in the
/// first-level cache (and far below the size from which the allocator maps fresh pages for each tensor), enough
/// that the weights are read once for many rows.
pub(crate) const BLOCK_ROWS: usize = 32;

/// A feed-forward network: linear layers, each followed by its activations.
#[derive(Debug)]
pub(crate) struct Dense {
    steps: Vec<Step>,
    inputs: usize,
    outputs: usize,
}

/// A linear layer and what follows it up to the next one.
#[derive(Debug)]
struct Step {
    /// `[in, out]`, contiguous: transposed at load, as the kernels read it.
    weight: Tensor,
    /// As many as the layer has outputs; zeros where the file has none.
    bias: Vec<f32>,
    activations: Vec<Activation>,
}

impl Dense {
    /// Floats in a row of results.
    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Computes [`BLOCK_ROWS`] rows of outputs, row-major, from as many rows of inputs.
    pub(crate) fn forward(&self, block: &[f32], outputs: &mut [f32]) {
        #[expect(
            clippy::expect_used,
            reason = "shapes and types were checked at load, and the device is the CPU"
        )]
        self.try_forward(block, outputs).expect("a loaded network fits a block of its own width");
    }

    fn try_forward(&self, block: &[f32], outputs: &mut [f32]) -> candle_core::Result<()> {
        let mut values = Tensor::from_slice(block, (BLOCK_ROWS, self.inputs), &Device::Cpu)?;
        for step in &self.steps {
            values = values.matmul(&step.weight)?;
            values.inplace_op1(step)?;
        }
        let (storage, _) = values.storage_and_layout();
        if let Storage::Cpu(CpuStorage::F32(values)) = &*storage {
            outputs.copy_from_slice(values);
        }
        Ok(())
    }
}

/// The bias and the activations, in place: a fresh product is its own only owner.
impl InplaceOp1 for Step {
    fn name(&self) -> &'static str {
        "bias and activations"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, _: &Layout) -> candle_core::Result<()> {
        let CpuStorage::F32(values) = storage else {
            return Err(candle_core::Error::UnsupportedDTypeForOp(DType::F32, self.name()));
        };
        for row in values.chunks_exact_mut(self.bias.len()) {
            for (value, bias) in row.iter_mut().zip(&self.bias) {
                *value += bias;
            }
        }
        for activation in &self.activations {
            activation.apply(values, self.bias.len());
        }
        Ok(())
    }
}
