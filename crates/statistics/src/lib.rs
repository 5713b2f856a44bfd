//! Tests, intervals and mergeable summaries; pure functions.
