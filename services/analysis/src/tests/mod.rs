//! The way from records to the report, as a whole.

mod order;
mod simulation;
