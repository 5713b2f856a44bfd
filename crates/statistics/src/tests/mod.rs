//! Numbers of other programs, properties, and simulations with a known truth.

#[expect(clippy::float_cmp, reason = "zero and one are exact in these cases")]
mod cases;
mod peeking;
mod properties;
mod random;
mod simulations;
mod truth;
