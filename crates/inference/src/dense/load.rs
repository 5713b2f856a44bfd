//! Weights from a safetensors file, and the proof that they fit together.

use std::collections::BTreeSet;

use candle_core::safetensors::SliceSafetensors;
use candle_core::{DType, Device, Tensor};

use super::{Dense, Step};
use crate::error::{Problems, shorten};
use crate::manifest::Layer;

/// Types that weights may have; they become 32-bit floats.
const DTYPES: [DType; 4] = [DType::F32, DType::F64, DType::F16, DType::BF16];

/// The most tensors that are listed in one message.
const LISTED_MAX: usize = 8;

impl Dense {
    /// Reads the layers from the bytes of a safetensors file, whose tensors are named under `prefix`.
    ///
    /// Every tensor of the file must belong to a layer: a leftover is a layer that the manifest forgot.
    pub(crate) fn load(bytes: &[u8], layers: &[Layer], prefix: &str, inputs: usize) -> Result<Self, Problems> {
        // A product of a block is too small to share among threads, and the scorer has threads of its own.
        gemm::set_threading_threshold(usize::MAX);
        crate::process::warn_unprepared();
        let mut problems = Problems::default();
        let mut file = match File::open(bytes) {
            Ok(file) => file,
            Err(problem) => {
                problems.add(problem);
                return Err(problems);
            }
        };
        let dense = read_layers(&mut file, layers, prefix, inputs, &mut problems);
        file.report_unused(&mut problems);
        match dense {
            Some(dense) if problems.is_empty() => Ok(dense),
            _ => Err(problems),
        }
    }
}

/// Reads all layers, going on behind a faulty one as far as sizes are known.
fn read_layers(
    file: &mut File<'_>,
    layers: &[Layer],
    prefix: &str,
    inputs: usize,
    problems: &mut Problems,
) -> Option<Dense> {
    let mut steps: Vec<Step> = Vec::new();
    let mut complete = true;
    let mut width = Some((inputs, "the inputs have".to_owned()));
    for (at, layer) in layers.iter().enumerate() {
        match layer {
            Layer::Linear => {
                let name = |tensor: &str| match prefix {
                    "" => format!("{at}.{tensor}"),
                    prefix => format!("{prefix}.{at}.{tensor}"),
                };
                let weight = file.weight(&name("weight"), width.as_ref(), problems);
                let outputs = weight.as_ref().map(|weight| weight.dims()[1]);
                let bias = file.bias(&name("bias"), outputs, problems);
                match (weight, bias) {
                    (Some(weight), Some(bias)) => steps.push(Step { weight, bias, activations: Vec::new() }),
                    _ => complete = false,
                }
                width = outputs.map(|outputs| (outputs, format!("layer {at} gives")));
            }
            Layer::Activation(activation) => {
                if let Some(step) = steps.last_mut() {
                    step.activations.push(*activation);
                }
            }
        }
    }
    let outputs = steps.last()?.bias.len();
    complete.then_some(Dense { steps, inputs, outputs })
}

/// A safetensors file, and the tensors that no layer has asked for yet.
struct File<'b> {
    tensors: SliceSafetensors<'b>,
    unused: BTreeSet<String>,
}

impl<'b> File<'b> {
    fn open(bytes: &'b [u8]) -> Result<Self, String> {
        let tensors =
            SliceSafetensors::new(bytes).map_err(|error| format!("not a safetensors file: {}", brief(&error)))?;
        let unused = tensors.tensors().into_iter().map(|(name, _)| name).collect();
        Ok(Self { tensors, unused })
    }

    /// The weight `[out, in]` of a layer, transposed, where `in` is what the layer before it gives.
    fn weight(
        &mut self,
        name: &str,
        width: Option<&(usize, String)>,
        problems: &mut Problems,
    ) -> Option<Tensor> {
        let Some(found) = self.read(name, problems) else {
            problems.add(format!("tensor `{name}` is missing; the file has {}", self.listing()));
            return None;
        };
        let tensor = found?;
        let [outputs, inputs] = *tensor.dims() else {
            problems.add(format!("tensor `{name}` has shape {:?}: expected [out, in]", tensor.dims()));
            return None;
        };
        if outputs == 0 || inputs == 0 {
            problems.add(format!("tensor `{name}` has shape [{outputs}, {inputs}], and so no values"));
            return None;
        }
        if let Some((width, giver)) = width
            && *width != inputs
        {
            problems.add(format!(
                "tensor `{name}` has shape [{outputs}, {inputs}], but {giver} {width} columns: expected [{outputs}, {width}]"
            ));
        }
        tensor.t().and_then(|tensor| tensor.contiguous()).ok()
    }

    /// The bias of a layer of `outputs` (unknown where its weight is faulty); zeros where the file has none.
    fn bias(&mut self, name: &str, outputs: Option<usize>, problems: &mut Problems) -> Option<Vec<f32>> {
        let Some(found) = self.read(name, problems) else {
            return Some(vec![0.0; outputs?]);
        };
        let tensor = found?;
        let outputs = outputs?;
        if tensor.dims() != [outputs] {
            problems.add(format!(
                "tensor `{name}` has shape {:?}, but the layer has {outputs} outputs: expected [{outputs}]",
                tensor.dims(),
            ));
            return None;
        }
        tensor.to_vec1().ok()
    }

    /// The tensor `name` as 32-bit floats, all finite. `None`: there is none. `Some(None)`: it is faulty, and
    /// that has been reported.
    fn read(&mut self, name: &str, problems: &mut Problems) -> Option<Option<Tensor>> {
        if !self.unused.remove(name) {
            return None;
        }
        let tensor = self.convert(name).and_then(|tensor| check_finite(name, tensor));
        Some(tensor.map_err(|problem| problems.add(problem)).ok())
    }

    fn convert(&self, name: &str) -> Result<Tensor, String> {
        let faulty = |error| format!("tensor `{name}`: {}", brief(&error));
        let dtype = self.tensors.get(name).map_err(faulty)?.dtype();
        let refused = || format!("tensor `{name}` has type {dtype:?}: expected F32, F64, F16 or BF16");
        let known: DType = dtype.try_into().map_err(|_| refused())?;
        if !DTYPES.contains(&known) {
            return Err(refused());
        }
        self.tensors.load(name, &Device::Cpu).and_then(|tensor| tensor.to_dtype(DType::F32)).map_err(faulty)
    }

    fn report_unused(&self, problems: &mut Problems) {
        for name in self.unused.iter().take(LISTED_MAX) {
            problems.add(format!("tensor `{}` belongs to no linear layer of the manifest", shorten(name)));
        }
        if self.unused.len() > LISTED_MAX {
            problems.add(format!("and {} more tensors belong to none", self.unused.len() - LISTED_MAX));
        }
    }

    /// The names in the file, for a message about one that is missing.
    fn listing(&self) -> String {
        let mut names: Vec<_> = self.tensors.tensors().into_iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        let listed: Vec<_> = names.iter().take(LISTED_MAX).map(|name| format!("`{}`", shorten(name))).collect();
        match names.len() {
            0 => "no tensors".to_owned(),
            count if count > LISTED_MAX => format!("{} and {} more", listed.join(", "), count - LISTED_MAX),
            _ => listed.join(", "),
        }
    }
}

fn check_finite(name: &str, tensor: Tensor) -> Result<Tensor, String> {
    let values: Vec<f32> = tensor
        .flatten_all()
        .and_then(|tensor| tensor.to_vec1())
        .map_err(|error| format!("tensor `{name}`: {}", brief(&error)))?;
    let bad = values.iter().filter(|value| !value.is_finite()).count();
    if bad > 0 {
        return Err(format!("tensor `{name}` has {bad} values that are NaN or infinite as 32-bit floats"));
    }
    Ok(tensor)
}

/// The first line of a runtime's error: what follows are its stack frames.
fn brief(error: &candle_core::Error) -> String {
    shorten(error.to_string().lines().next().unwrap_or_default())
}
