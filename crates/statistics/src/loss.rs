//! What a prediction costs, once the outcome is known.

/// How a probability is scored against what happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    /// The squared difference, 0..1 (Brier, Monthly Weather Review 78, 1950).
    Brier,
    /// Minus the logarithm of the probability given to what happened, probabilities kept `clip` away from 0 and 1.
    Log {
        /// How far: a loss is at most ln(1 / clip).
        clip: f64,
    },
}

impl Loss {
    /// The loss of the probability `p` for an event that did or did not happen.
    pub fn of(self, p: f64, happened: bool) -> f64 {
        match self {
            Self::Brier if happened => (1.0 - p) * (1.0 - p),
            Self::Brier => p * p,
            Self::Log { clip } => {
                let (given, rest) = if happened { (p, 1.0 - p) } else { (1.0 - p, p) };
                if given <= clip {
                    -clip.ln()
                } else if rest <= 0.5 {
                    -(-rest.max(clip)).ln_1p()
                } else {
                    -given.ln()
                }
            }
        }
    }
}
