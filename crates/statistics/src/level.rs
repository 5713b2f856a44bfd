//! The two promises of a test: how often it may cry wolf, and how often it must.

use serde::{Deserialize, Serialize};

/// The chance of a false alarm, between 0 and 1, both exclusive. Intervals have confidence 1 - alpha.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Alpha(f64);

/// The chance of seeing an effect that is there, between 0 and 1, both exclusive.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Power(f64);

/// A number that is no probability strictly between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("`{0}` is not a probability between 0 and 1, both exclusive")]
pub struct NotBetween(f64);

impl Alpha {
    /// The customary 0.05.
    pub const USUAL: Self = Self(0.05);

    /// `alpha`, or nothing if it is not strictly between 0 and 1.
    pub fn new(alpha: f64) -> Option<Self> {
        is_between(alpha).then_some(Self(alpha))
    }

    /// The chance itself.
    pub fn get(self) -> f64 {
        self.0
    }

    /// Half of it, for one side of a two-sided test.
    pub(crate) fn half(self) -> f64 {
        self.0 / 2.0
    }
}

impl Power {
    /// The customary 0.8.
    pub const USUAL: Self = Self(0.8);

    /// `power`, or nothing if it is not strictly between 0 and 1.
    pub fn new(power: f64) -> Option<Self> {
        is_between(power).then_some(Self(power))
    }

    /// The chance itself.
    pub fn get(self) -> f64 {
        self.0
    }
}

fn is_between(number: f64) -> bool {
    number > 0.0 && number < 1.0
}

impl TryFrom<f64> for Alpha {
    type Error = NotBetween;

    fn try_from(number: f64) -> Result<Self, NotBetween> {
        Self::new(number).ok_or(NotBetween(number))
    }
}

impl TryFrom<f64> for Power {
    type Error = NotBetween;

    fn try_from(number: f64) -> Result<Self, NotBetween> {
        Self::new(number).ok_or(NotBetween(number))
    }
}

impl From<Alpha> for f64 {
    fn from(alpha: Alpha) -> Self {
        alpha.0
    }
}

impl From<Power> for f64 {
    fn from(power: Power) -> Self {
        power.0
    }
}
