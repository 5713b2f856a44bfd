//! Numbers of other programs, properties, and simulations with a known truth.

mod cases;
mod properties;
mod random;
mod reference;
mod simulations;
