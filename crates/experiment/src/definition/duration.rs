//! Durations as people write them: a whole number and a unit.

use std::time::Duration;

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum DurationError {
    #[error(
        "{0:?} is not a duration; write a whole number and a unit: \"250ms\", \"30s\", \"30m\", \"12h\" or \"14d\""
    )]
    Malformed(String),
    #[error("{0:?} is longer than can be counted")]
    TooLong(String),
}

/// Reads `"250ms"`, `"30s"`, `"30m"`, `"12h"` or `"14d"`; a day is 24 hours.
pub(super) fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let malformed = || DurationError::Malformed(text.to_owned());
    let too_long = || DurationError::TooLong(text.to_owned());
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(malformed)?;
    let (number, unit) = text.split_at(digits);
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(malformed()),
    };
    if number.is_empty() {
        return Err(malformed());
    }
    // Only digits are left, so the one way to fail is to be too large.
    let number: u64 = number.parse().map_err(|_| too_long())?;
    number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(too_long)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_unit() {
        let rows = [
            ("250ms", Duration::from_millis(250)),
            ("30s", Duration::from_secs(30)),
            ("30m", Duration::from_secs(1_800)),
            ("12h", Duration::from_secs(43_200)),
            ("14d", Duration::from_secs(14 * 86_400)),
            ("0d", Duration::ZERO),
            ("007s", Duration::from_secs(7)),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_duration(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_number_and_a_unit() {
        for text in ["", "14", "d", "14 d", "1.5h", "-1d", "+1d", "1h30m", "14D", "14days", "٣d", "1µs"] {
            assert_eq!(parse_duration(text), Err(DurationError::Malformed(text.to_owned())), "{text}");
        }
        for text in ["99999999999999999999d", "18446744073709551615s"] {
            assert_eq!(parse_duration(text), Err(DurationError::TooLong(text.to_owned())), "{text}");
        }
    }
}
