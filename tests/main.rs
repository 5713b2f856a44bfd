//! The whole house, from outside: the binary `serin`, real files, real processes, real kills.
//!
//! A test belongs here when only the whole can show it: that the counts of a month add up whatever ends the
//! process, that a bad event reaches the dead letters through every layer, that a command ends with the exit code
//! it promises, that the house is built as its plan says. What one crate can show is tested beside its code, where
//! it is quicker to run and to read. [`support`] starts processes, looks into logs and knows the data of the
//! example by itself; tests wait for what they can see, never for a time.
#![expect(clippy::unwrap_used, reason = "a test's helper panics where it cannot go on")]

mod brokers;
mod checks;
mod commands;
mod crashes;
mod demo;
mod deploy;
mod health;
mod malformed;
mod registry;
mod score;
mod stack;
mod stats;
mod support;
mod tidy;
