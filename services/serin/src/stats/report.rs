//! Answers as people read them: an estimate with its interval, a line each, and then what it says.

use std::io::Write as _;

use runtime::Output;
use serde_json::{Map, Value};
use statistics::{Alpha, Estimate};

use super::arguments::Shape;

/// An answer: lines for people, members for programs.
#[derive(Debug, Default)]
pub(super) struct Report {
    lines: Vec<(String, String)>,
    sentences: Vec<String>,
    members: Map<String, Value>,
}

impl Report {
    /// Adds a line with a name.
    pub(super) fn line(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.lines.push((name.into(), text.into()));
        self
    }

    /// Adds a sentence that says what the lines mean.
    pub(super) fn sentence(mut self, text: impl Into<String>) -> Self {
        self.sentences.push(text.into());
        self
    }

    /// Adds a member for programs.
    pub(super) fn member(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.members.insert(key.to_owned(), value.into());
        self
    }

    pub(super) fn print(self, shape: Shape) -> anyhow::Result<()> {
        let mut out = Output::stdout();
        if shape == Shape::Json {
            writeln!(out, "{:#}", Value::Object(self.members))?;
            return Ok(out.flush()?);
        }
        let width = self.lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, text) in &self.lines {
            writeln!(out, "{name:<width$}  {text}")?;
        }
        for sentence in &self.sentences {
            writeln!(out, "{sentence}")?;
        }
        Ok(out.flush()?)
    }
}

/// How numbers of a kind are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// As they are, in four significant digits.
    Plain,
    /// In percent.
    Percent,
    /// In percent, where it is a difference of percentages.
    Points,
}

impl Unit {
    fn write(self, number: f64, signed: bool) -> String {
        let scaled = if self == Self::Plain { number } else { 100.0 * number };
        let digits = significant(scaled, 4);
        if signed && scaled > 0.0 { format!("+{digits}") } else { digits }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Percent => " %",
            Self::Points => " points",
        }
    }
}

/// `5.000 % [4.197, 5.947]`.
pub(super) fn interval(estimate: &Estimate, unit: Unit, signed: bool) -> String {
    let [value, low, high] =
        [estimate.value, estimate.low, estimate.high].map(|number| unit.write(number, signed));
    format!("{value}{} [{low}, {high}]", unit.name())
}

/// The confidence of intervals at alpha: `95 %`.
pub(super) fn confidence(alpha: Alpha) -> String {
    format!("{} %", significant(100.0 * (1.0 - alpha.get()), 4).trim_end_matches('0').trim_end_matches('.'))
}

/// A p-value: by its logarithm where it is too small for a float.
pub(super) fn p(log_p: f64) -> String {
    let p = log_p.exp();
    if log_p == f64::NEG_INFINITY {
        "p = 0".to_owned()
    } else if p < 1e-300 {
        format!("p = 1e{:.0}", log_p / std::f64::consts::LN_10)
    } else {
        format!("p = {}", significant(p, 3))
    }
}

/// So many significant digits; very large and very small numbers with an exponent.
pub(super) fn significant(number: f64, digits: u32) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    if !number.is_finite() {
        return if number.is_nan() {
            "unknown"
        } else if number > 0.0 {
            "infinity"
        } else {
            "-infinity"
        }
        .to_owned();
    }
    let size = number.abs().log10().floor();
    if (-4.0..9.0).contains(&size) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to some dozen")]
        let decimals = (f64::from(digits) - 1.0 - size).max(0.0) as usize;
        format!("{number:.decimals$}")
    } else {
        format!("{number:.*e}", digits as usize - 1)
    }
}

/// A count with its thousands apart.
pub(super) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_sensible_digits() {
        for (number, digits, text) in [
            (0.052_345, 3, "0.0523"),
            (-12.345_678, 4, "-12.35"),
            (123_456.7, 4, "123457"),
            (0.0, 4, "0"),
            (-0.0, 4, "0"),
            (4.3e-12, 3, "4.30e-12"),
            (1e15, 4, "1.000e15"),
            (f64::INFINITY, 4, "infinity"),
        ] {
            assert_eq!(significant(number, digits), text);
        }
        assert_eq!((count(0), count(999), count(1_234_567)), ("0".into(), "999".into(), "1,234,567".into()));
        assert_eq!((p(0.5_f64.ln()), p(-2302.585)), ("p = 0.500".into(), "p = 1e-1000".into()));
        assert_eq!(confidence(Alpha::USUAL), "95 %");
    }
}
