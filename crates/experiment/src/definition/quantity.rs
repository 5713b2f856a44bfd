//! The quantity behind a metric, and its small language.

use std::{fmt, str::FromStr};

use compact_str::CompactString;

use super::section::identifier_fault;

/// What is measured on one event.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantity {
    /// `outcome.NAME`: the value of an outcome.
    Outcome(CompactString),
    /// `prediction.NAME`: an output of the model.
    Prediction(CompactString),
    /// `log_loss(prediction.P, outcome.Y)`: -ln of the probability given to what happened. Y is 0 or 1.
    LogLoss {
        /// The output that is a probability.
        prediction: CompactString,
        /// The outcome that is 0 or 1.
        outcome: CompactString,
    },
    /// `brier(prediction.P, outcome.Y)`: (P - Y) squared. Y is 0 or 1.
    Brier {
        /// The output that is a probability.
        prediction: CompactString,
        /// The outcome that is 0 or 1.
        outcome: CompactString,
    },
    /// `accuracy(prediction.P, outcome.Y, 0.5)`: 1 if P >= the threshold exactly when Y is not 0, else 0.
    Accuracy {
        /// The output that is compared with the threshold.
        prediction: CompactString,
        /// The outcome that is zero or not.
        outcome: CompactString,
        /// From where on the prediction says yes. Finite.
        threshold: f64,
    },
}

/// Why a text is not a quantity, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} at character {position}: {fault}")]
pub struct QuantityError {
    /// The text that was read.
    pub text: String,
    /// Where the fault begins, counted in characters from 1.
    pub position: usize,
    /// What is wrong there, and what would be right.
    pub fault: String,
}

impl Quantity {
    /// The output of the model that it uses, if any.
    pub fn prediction(&self) -> Option<&str> {
        match self {
            Self::Outcome(_) => None,
            Self::Prediction(prediction)
            | Self::LogLoss { prediction, .. }
            | Self::Brier { prediction, .. }
            | Self::Accuracy { prediction, .. } => Some(prediction),
        }
    }

    /// The outcome that it uses, if any.
    pub fn outcome(&self) -> Option<&str> {
        match self {
            Self::Prediction(_) => None,
            Self::Outcome(outcome)
            | Self::LogLoss { outcome, .. }
            | Self::Brier { outcome, .. }
            | Self::Accuracy { outcome, .. } => Some(outcome),
        }
    }

    /// Whether it says how good a prediction was, which takes both the prediction and the outcome.
    pub fn is_quality(&self) -> bool {
        matches!(self, Self::LogLoss { .. } | Self::Brier { .. } | Self::Accuracy { .. })
    }
}

/// As it is written in a definition; reading it back gives the same quantity.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outcome(name) => write!(f, "outcome.{name}"),
            Self::Prediction(name) => write!(f, "prediction.{name}"),
            Self::LogLoss { prediction, outcome } => {
                write!(f, "log_loss(prediction.{prediction}, outcome.{outcome})")
            }
            Self::Brier { prediction, outcome } => {
                write!(f, "brier(prediction.{prediction}, outcome.{outcome})")
            }
            Self::Accuracy { prediction, outcome, threshold } => {
                write!(f, "accuracy(prediction.{prediction}, outcome.{outcome}, {threshold})")
            }
        }
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let mut scan = Scan { text, rest: text };
        let quantity = scan.quantity()?;
        scan.skip_spaces();
        if scan.rest.is_empty() { Ok(quantity) } else { Err(scan.error("expected nothing more here")) }
    }
}

/// Reads a text from left to right, and knows where it is.
struct Scan<'t> {
    text: &'t str,
    rest: &'t str,
}

impl<'t> Scan<'t> {
    fn quantity(&mut self) -> Result<Quantity, QuantityError> {
        self.skip_spaces();
        let start = self.rest;
        match self.word() {
            "outcome" => self.name().map(Quantity::Outcome),
            "prediction" => self.name().map(Quantity::Prediction),
            "log_loss" => {
                let (prediction, outcome) = self.open_pair()?;
                self.token(')').map(|()| Quantity::LogLoss { prediction, outcome })
            }
            "brier" => {
                let (prediction, outcome) = self.open_pair()?;
                self.token(')').map(|()| Quantity::Brier { prediction, outcome })
            }
            "accuracy" => {
                let (prediction, outcome) = self.open_pair()?;
                self.token(',')?;
                let threshold = self.number()?;
                self.token(')').map(|()| Quantity::Accuracy { prediction, outcome, threshold })
            }
            _ => {
                self.rest = start;
                Err(self.error(
                    "expected `outcome.NAME`, `prediction.NAME`, `log_loss(prediction.P, outcome.Y)`, \
                     `brier(prediction.P, outcome.Y)` or `accuracy(prediction.P, outcome.Y, 0.5)`",
                ))
            }
        }
    }

    /// `(prediction.P, outcome.Y`, up to what differs.
    fn open_pair(&mut self) -> Result<(CompactString, CompactString), QuantityError> {
        self.token('(')?;
        let prediction = self.reference("prediction")?;
        self.token(',')?;
        let outcome = self.reference("outcome")?;
        Ok((prediction, outcome))
    }

    fn reference(&mut self, kind: &str) -> Result<CompactString, QuantityError> {
        self.skip_spaces();
        let start = self.rest;
        if self.word() == kind {
            return self.name();
        }
        self.rest = start;
        Err(self.error(&format!("expected `{kind}.NAME`")))
    }

    /// `.NAME`, with no space around the dot.
    fn name(&mut self) -> Result<CompactString, QuantityError> {
        let Some(rest) = self.rest.strip_prefix('.') else {
            return Err(self.error("expected a dot and a name"));
        };
        self.rest = rest;
        let end = self.rest.find(|c: char| c.is_whitespace() || "(),".contains(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if let Some(fault) = identifier_fault(name) {
            return Err(self.error(&format!("expected a name; {fault}")));
        }
        self.rest = rest;
        Ok(name.into())
    }

    fn number(&mut self) -> Result<f64, QuantityError> {
        self.skip_spaces();
        let end = self.rest.find([')', ',', ' ']).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        let Some(number) = number.parse().ok().filter(|number: &f64| number.is_finite()) else {
            return Err(self.error("expected a number such as `0.5`"));
        };
        self.rest = rest;
        Ok(number)
    }

    fn token(&mut self, token: char) -> Result<(), QuantityError> {
        self.skip_spaces();
        let Some(rest) = self.rest.strip_prefix(token) else {
            return Err(self.error(&format!("expected `{token}`")));
        };
        self.rest = rest;
        Ok(())
    }

    fn word(&mut self) -> &'t str {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn error(&self, fault: &str) -> QuantityError {
        let read = &self.text[..self.text.len() - self.rest.len()];
        QuantityError {
            text: self.text.to_owned(),
            position: read.chars().count() + 1,
            fault: fault.to_owned(),
        }
    }
}
