//! Activation functions, in place on rows of 32-bit floats.
//!
//! Our own rather than the runtime's: its relu turns NaN into 0, and so would hide a broken model.

#[cfg(test)]
mod tests;

use std::f32::consts::FRAC_1_SQRT_2;

use candle_core::cpu::erf::erf_f32;

use crate::manifest::Activation;

impl Activation {
    /// Applies the function to each row of `width` values. NaN stays NaN.
    pub(crate) fn apply(self, rows: &mut [f32], width: usize) {
        match self {
            Self::Relu => map(rows, relu),
            Self::Tanh => map(rows, f32::tanh),
            Self::Gelu => map(rows, gelu),
            Self::GeluTanh => map(rows, gelu_tanh),
            Self::Sigmoid => map(rows, sigmoid),
            Self::Softmax => rows.chunks_exact_mut(width).for_each(softmax),
        }
    }
}

fn map(values: &mut [f32], function: impl Fn(f32) -> f32) {
    for value in values {
        *value = function(*value);
    }
}

fn relu(x: f32) -> f32 {
    // Not `max`, which prefers 0 to NaN.
    if x < 0.0 { 0.0 } else { x }
}

/// x Φ(x), Φ being the distribution function of the normal distribution (Hendrycks and Gimpel,
/// arXiv:1606.08415).
fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf_f32(x * FRAC_1_SQRT_2))
}

/// The approximation of `gelu` in the same paper.
fn gelu_tanh(x: f32) -> f32 {
    const SQRT_2_OVER_PI: f32 = 0.797_884_6;
    0.5 * x * (1.0 + (SQRT_2_OVER_PI * (x + 0.044_715 * x * x * x)).tanh())
}

/// 1 / (1 + exp(-x)), without an overflow on either side: far left it is exp(x), not 0.
fn sigmoid(x: f32) -> f32 {
    if x >= 0.0 {
        return 1.0 / (1.0 + (-x).exp());
    }
    let exp = x.exp();
    exp / (1.0 + exp)
}

/// exp(x) over its sum. The largest value is subtracted first, so that no exponential overflows.
fn softmax(row: &mut [f32]) {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    map(row, |x| (x - largest).exp());
    let sum: f32 = row.iter().sum();
    map(row, |x| x / sum);
}
