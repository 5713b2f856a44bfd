//! Joins outcomes to predictions and runs the tests.
