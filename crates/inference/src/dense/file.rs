//! A safetensors file: tensors by name, as finite 32-bit floats.

use std::collections::BTreeSet;

use candle_core::safetensors::SliceSafetensors;
use candle_core::{DType, Device, Tensor};
use experiment::Problems;

use crate::error::shorten;

/// Types that weights may have; they become 32-bit floats.
const DTYPES: [DType; 4] = [DType::F32, DType::F64, DType::F16, DType::BF16];

/// The most tensors that are listed in one message, or reported as unused.
const LISTED_MAX: usize = 8;

/// An open file: its tensors, those that no layer has asked for yet, and what was found wrong.
pub(super) struct File<'b> {
    tensors: SliceSafetensors<'b>,
    unused: BTreeSet<String>,
    problems: Problems,
}

impl<'b> File<'b> {
    pub(super) fn open(place: &str, bytes: &'b [u8]) -> Result<Self, Problems> {
        let mut problems = Problems::new(place);
        match SliceSafetensors::new(bytes) {
            Ok(tensors) => {
                let unused = tensors.tensors().into_iter().map(|(name, _)| name).collect();
                Ok(Self { tensors, unused, problems })
            }
            Err(error) => {
                problems.push("header", format!("not a safetensors file: {}", brief(&error)));
                Err(problems)
            }
        }
    }

    /// Notes a fault of a tensor.
    pub(super) fn fault(&mut self, tensor: &str, message: impl Into<String>) {
        self.problems.push(format!("tensor `{}`", shorten(tensor)), message);
    }

    /// The tensor `name`. `None`: there is none. `Some(None)`: it is faulty, and that has been noted.
    pub(super) fn take(&mut self, name: &str) -> Option<Option<Tensor>> {
        if !self.unused.remove(name) {
            return None;
        }
        let tensor = self.convert(name).and_then(check_finite);
        Some(tensor.map_err(|message| self.fault(name, message)).ok())
    }

    fn convert(&self, name: &str) -> Result<Tensor, String> {
        let dtype = self.tensors.get(name).map_err(|error| brief(&error))?.dtype();
        let known = DType::try_from(dtype).ok().filter(|known| DTYPES.contains(known));
        if known.is_none() {
            return Err(format!("its type is {dtype:?}, expected F32, F64, F16 or BF16"));
        }
        let tensor = self.tensors.load(name, &Device::Cpu).and_then(|tensor| tensor.to_dtype(DType::F32));
        tensor.map_err(|error| brief(&error))
    }

    /// The names in the file, for a message about one that is missing.
    pub(super) fn listing(&self) -> String {
        let mut names: Vec<_> = self.tensors.tensors().into_iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        let listed: Vec<_> =
            names.iter().take(LISTED_MAX).map(|name| format!("`{}`", shorten(name))).collect();
        match names.len() {
            0 => "no tensors".to_owned(),
            count if count > LISTED_MAX => format!("{} and {} more", listed.join(", "), count - LISTED_MAX),
            _ => listed.join(", "),
        }
    }

    /// All that was found wrong, tensors that belong to no layer included.
    pub(super) fn finish(mut self) -> Problems {
        let unused = std::mem::take(&mut self.unused);
        for name in unused.iter().take(LISTED_MAX) {
            self.fault(name, "it belongs to no linear layer of the manifest");
        }
        if unused.len() > LISTED_MAX {
            let message = format!("{} more belong to no linear layer", unused.len() - LISTED_MAX);
            self.problems.push("tensors", message);
        }
        self.problems
    }
}

fn check_finite(tensor: Tensor) -> Result<Tensor, String> {
    let values: Vec<f32> =
        tensor.flatten_all().and_then(|tensor| tensor.to_vec1()).map_err(|error| brief(&error))?;
    match values.iter().filter(|value| !value.is_finite()).count() {
        0 => Ok(tensor),
        bad => Err(format!("{bad} of its values are NaN or infinite as 32-bit floats")),
    }
}

/// The first line of a runtime's error: what follows are its stack frames.
fn brief(error: &candle_core::Error) -> String {
    shorten(error.to_string().lines().next().unwrap_or_default())
}
