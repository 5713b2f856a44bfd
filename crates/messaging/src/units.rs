//! Reads sizes ("1 GiB") and durations ("7d") as they are written in a configuration.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer, Error, Visitor};

const SIZES: [(&str, u64); 7] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

const DURATIONS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a size: a number of bytes, or a text such as "16 MiB".
pub(crate) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_any(Quantity { what: "size such as \"16 MiB\"", units: &SIZES, plain: true })
}

/// Reads a size that may be absent.
pub(crate) fn optional_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    size(deserializer).map(Some)
}

/// Reads a duration, such as "7d".
pub(crate) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let quantity = Quantity { what: "duration such as \"7d\"", units: &DURATIONS, plain: false };
    deserializer.deserialize_any(quantity).map(Duration::from_millis)
}

/// Reads a duration that may be absent.
pub(crate) fn optional_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

struct Quantity {
    what: &'static str,
    units: &'static [(&'static str, u64)],
    /// Whether a bare number is understood.
    plain: bool,
}

impl Quantity {
    fn parse(&self, text: &str) -> Option<u64> {
        let digits = text.trim_end_matches(|character: char| character.is_alphabetic());
        let number: u64 = digits.trim().parse().ok()?;
        let unit = text.get(digits.len()..)?;
        let (_, factor) = self.units.iter().find(|(name, _)| *name == unit)?;
        number.checked_mul(*factor)
    }

    fn names(&self) -> String {
        self.units.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }
}

impl Visitor<'_> for Quantity {
    type Value = u64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a {}", self.what)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        self.parse(text)
            .ok_or_else(|| E::custom(format!("{text:?} is not a {} (units: {})", self.what, self.names())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        if self.plain {
            Ok(number)
        } else {
            Err(E::custom(format!("{number} lacks a unit ({})", self.names())))
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        let number = u64::try_from(number)
            .map_err(|_negative| E::custom(format!("{number} is negative; expected a {}", self.what)))?;
        self.visit_u64(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(text: &str) -> Option<u64> {
        Quantity { what: "size", units: &SIZES, plain: true }.parse(text)
    }

    fn durations(text: &str) -> Option<u64> {
        Quantity { what: "duration", units: &DURATIONS, plain: false }.parse(text)
    }

    #[test]
    fn sizes_are_read() {
        let rows = [
            ("16 MiB", Some(16 << 20)),
            ("1GiB", Some(1 << 30)),
            ("3 kB", Some(3_000)),
            ("0 B", Some(0)),
            ("16", None),
            ("MiB", None),
            ("-1 MiB", None),
            ("1.5 MiB", None),
            ("1 mib", None),
            ("99999999999 GiB", None),
        ];
        for (text, expected) in rows {
            assert_eq!(sizes(text), expected, "{text:?}");
        }
    }

    #[test]
    fn durations_are_read() {
        let rows = [
            ("250ms", Some(250)),
            ("7d", Some(604_800_000)),
            ("1 h", Some(3_600_000)),
            ("7", None),
            ("7w", None),
        ];
        for (text, expected) in rows {
            assert_eq!(durations(text), expected, "{text:?}");
        }
    }
}
