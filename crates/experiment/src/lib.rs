//! Experiment definition, assignment and validation; pure.
