//! Topic to score to topic.
