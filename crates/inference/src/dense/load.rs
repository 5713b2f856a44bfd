//! Weights from a safetensors file, and the proof that they fit together.

use candle_core::Tensor;
use experiment::Problems;

use super::file::File;
use super::{Dense, Step};
use crate::error::complete;
use crate::manifest::{Layer, Tensors};

impl Dense {
    /// Reads the layers from the bytes of a safetensors file, whose tensors are named as `tensors` says; faults are
    /// reported under `place`.
    ///
    /// Every tensor of the file must belong to a layer: a leftover is a layer that the manifest forgot.
    pub(crate) fn load(
        place: &str,
        bytes: &[u8],
        layers: &[Layer],
        tensors: &Tensors,
        inputs: usize,
    ) -> Result<Self, Problems> {
        // A product of a block is too small to share among threads, and the scorer has threads of its own.
        gemm::set_threading_threshold(usize::MAX);
        crate::process::warn_unprepared();
        let file = File::open(place, bytes)?;
        let mut reader =
            Reader { file, tensors, linear: 0, width: Some((inputs, "the inputs have".to_owned())) };
        let steps = reader.steps(layers);
        let problems = reader.file.finish();
        let dense = steps.and_then(|steps| {
            let outputs = steps.last()?.bias.len();
            Some(Self { steps, inputs, outputs })
        });
        complete(dense, problems)
    }
}

/// Reads layer after layer, going on behind a faulty one as far as sizes are known.
struct Reader<'b> {
    file: File<'b>,
    tensors: &'b Tensors,
    /// How many linear layers have been read.
    linear: usize,
    /// How many columns the next layer is given, and by whom; unknown behind a layer without weights.
    width: Option<(usize, String)>,
}

impl Reader<'_> {
    fn steps(&mut self, layers: &[Layer]) -> Option<Vec<Step>> {
        let mut steps: Vec<Option<Step>> = Vec::new();
        for (at, layer) in layers.iter().enumerate() {
            match (layer, steps.last_mut()) {
                (Layer::Linear, _) => steps.push(self.linear(at)),
                (Layer::Activation(activation), Some(Some(step))) => step.activations.push(*activation),
                // Behind a faulty layer; the manifest has checked that there is one in front.
                (Layer::Activation(_), _) => {}
            }
        }
        steps.into_iter().collect()
    }

    fn linear(&mut self, at: usize) -> Option<Step> {
        let weight = self.weight(&self.name(at, "weight"));
        let outputs = weight.as_ref().map(|weight| weight.dims()[1]);
        let bias = self.bias(&self.name(at, "bias"), outputs);
        self.linear += 1;
        self.width = outputs.map(|outputs| (outputs, format!("layer {at} gives")));
        Some(Step { weight: weight?, bias: bias?, activations: Vec::new() })
    }

    /// The name that PyTorch gives to a tensor of a layer.
    fn name(&self, layer: usize, tensor: &str) -> String {
        match self.tensors {
            Tensors::Prefix(prefix) if prefix.is_empty() => format!("{layer}.{tensor}"),
            Tensors::Prefix(prefix) => format!("{prefix}.{layer}.{tensor}"),
            // The manifest has a name for each linear layer.
            Tensors::Names(names) => format!("{}.{tensor}", names[self.linear]),
        }
    }

    /// The weight `[out, in]` of a layer, transposed.
    fn weight(&mut self, name: &str) -> Option<Tensor> {
        let Some(tensor) = self.file.take(name) else {
            let listing = self.file.listing();
            self.file.fault(name, format!("it is missing; the file has {listing}"));
            return None;
        };
        let tensor = tensor?;
        let [outputs, inputs] = *tensor.dims() else {
            self.file.fault(name, format!("its shape is {:?}, expected [out, in]", tensor.dims()));
            return None;
        };
        if outputs == 0 || inputs == 0 {
            self.file.fault(name, format!("its shape is [{outputs}, {inputs}], so it has no values"));
            return None;
        }
        if let Some((width, giver)) = &self.width
            && *width != inputs
        {
            let message = format!(
                "its shape is [{outputs}, {inputs}], but {giver} {width} columns: expected [{outputs}, {width}]"
            );
            self.file.fault(name, message);
        }
        tensor.t().and_then(|tensor| tensor.contiguous()).ok()
    }

    /// The bias of a layer of `outputs` (unknown where its weight is faulty); zeros where the file has none.
    fn bias(&mut self, name: &str, outputs: Option<usize>) -> Option<Vec<f32>> {
        let Some(tensor) = self.file.take(name) else {
            return Some(vec![0.0; outputs?]);
        };
        let (tensor, outputs) = (tensor?, outputs?);
        if tensor.dims() != [outputs] {
            let message = format!(
                "its shape is {:?}, but the layer has {outputs} outputs: expected [{outputs}]",
                tensor.dims(),
            );
            self.file.fault(name, message);
            return None;
        }
        tensor.to_vec1().ok()
    }
}
