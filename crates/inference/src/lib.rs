//! Models, feature encoding, routing and scoring.
