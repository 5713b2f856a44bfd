//! Quantities with their unit: durations and sizes.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserializer, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A length of time as people write it: a whole number and its unit, such as `"250ms"`, `"5s"` or `"14d"`.
///
/// Units are `us`, `ms`, `s`, `m` (minutes), `h` and `d` (24 hours, whatever daylight saving does). A number
/// without a unit is refused: a reader could take 5 for milliseconds as well as for seconds. The longest is
/// 106,751,991 days, which still fits microseconds in an `i64`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(std::time::Duration);

/// A number of bytes as people write it: a whole number and its unit, such as `"512 B"`, `"64 KiB"` or `"5 MiB"`.
///
/// `KiB`, `MiB`, `GiB` and `TiB` are powers of 1024; `kB`, `MB`, `GB` and `TB` powers of 1000. A number without a
/// unit is refused. The largest is 2^63 - 1 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

/// A text that is no quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found:?}")]
pub struct QuantityError {
    expected: &'static str,
    found: String,
}

const DURATION: &str = "a duration such as \"250ms\", \"5s\" or \"14d\" (us, ms, s, m, h, d)";
const SIZE: &str =
    "a size such as \"512 B\", \"64 KiB\" or \"5 MiB\" (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)";

/// Microseconds per unit; the largest unit first, so that writing finds the shortest text.
const TIMES: [(&str, u64); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// Bytes per unit; the binary units first, so that writing prefers them, and the largest first.
const BYTES: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl Duration {
    /// A duration of whole microseconds; a finer rest is cut, and what is too long becomes the longest.
    pub fn new(duration: std::time::Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).min(i64::MAX.unsigned_abs());
        Self(std::time::Duration::from_micros(micros))
    }

    /// The duration as the standard library has it.
    pub fn get(self) -> std::time::Duration {
        self.0
    }

    /// Whole microseconds.
    pub fn as_micros(self) -> i64 {
        // `new` and `from_str` hold this bound.
        i64::try_from(self.0.as_micros()).unwrap_or(i64::MAX)
    }
}

impl Size {
    /// A size in bytes; what is too large becomes the largest.
    pub fn new(bytes: u64) -> Self {
        Self(bytes.min(i64::MAX.unsigned_abs()))
    }

    /// Bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }

    /// Bytes, as a length in memory.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl From<std::time::Duration> for Duration {
    fn from(duration: std::time::Duration) -> Self {
        Self::new(duration)
    }
}

impl From<Duration> for std::time::Duration {
    fn from(duration: Duration) -> Self {
        duration.get()
    }
}

impl FromStr for Duration {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let micros = parse(text, &TIMES)
            .ok_or_else(|| QuantityError { expected: DURATION, found: text.to_owned() })?;
        Ok(Self(std::time::Duration::from_micros(micros)))
    }
}

impl FromStr for Size {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let bytes =
            parse(text, &BYTES).ok_or_else(|| QuantityError { expected: SIZE, found: text.to_owned() })?;
        Ok(Self(bytes))
    }
}

/// A whole number, perhaps a space, and a unit.
fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    let product = number.parse::<u64>().ok()?.checked_mul(*factor)?;
    (product <= i64::MAX.unsigned_abs()).then_some(product)
}

/// The number and the largest unit that divides it.
fn shortest<'a>(amount: u64, units: &[(&'a str, u64)]) -> (u64, &'a str) {
    let fits = units.iter().find(|(_, factor)| amount > 0 && amount.is_multiple_of(*factor));
    let (unit, factor) = fits.or(units.last()).copied().unwrap_or(("", 1));
    (amount / factor, unit)
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = shortest(self.as_micros().unsigned_abs(), &TIMES);
        write!(f, "{number}{unit}")
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = shortest(self.0, &BYTES);
        write!(f, "{number} {unit}")
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text { expected: DURATION, parse: |text| text.parse().ok() })
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text { expected: SIZE, parse: |text| text.parse().ok() })
    }
}

struct Text<T> {
    expected: &'static str,
    parse: fn(&str) -> Option<T>,
}

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        for (text, micros) in [
            ("0s", 0),
            ("7us", 7),
            ("250ms", 250_000),
            ("5s", 5_000_000),
            ("5 s", 5_000_000),
            ("90m", 5_400_000_000),
            ("14d", 1_209_600_000_000),
            ("106751991d", 9_223_372_022_400_000_000),
        ] {
            assert_eq!(text.parse::<Duration>().unwrap().as_micros(), micros, "{text}");
        }
        for text in [
            "",
            "5",
            "s",
            "5 parsecs",
            "-5s",
            "1.5s",
            "5S",
            "5  s",
            " 5s",
            "5s ",
            "106751992d",
            "1h30m",
            "٣s",
        ] {
            let error = text.parse::<Duration>().unwrap_err();
            assert_eq!(error.to_string(), format!("expected {DURATION}, found {text:?}"));
        }
    }

    #[test]
    fn sizes_are_a_number_and_a_unit() {
        for (text, bytes) in [
            ("0 B", 0),
            ("512B", 512),
            ("64 KiB", 65_536),
            ("5 MiB", 5_242_880),
            ("5 MB", 5_000_000),
            ("1kB", 1_000),
            ("8388607 TiB", 9_223_370_937_343_148_032),
        ] {
            assert_eq!(text.parse::<Size>().unwrap().bytes(), bytes, "{text}");
        }
        for text in [
            "",
            "5",
            "MiB",
            "5 KB",
            "5 mib",
            "5 M",
            "-1 B",
            "1.5 MiB",
            "8388608 TiB",
            "99999999999999999999 B",
        ] {
            let error = text.parse::<Size>().unwrap_err();
            assert_eq!(error.to_string(), format!("expected {SIZE}, found {text:?}"));
        }
    }

    #[test]
    fn they_are_written_in_their_largest_unit() {
        for (micros, text) in [(0, "0us"), (250_000, "250ms"), (60_000_000, "1m"), (61_000_000, "61s")] {
            assert_eq!(Duration::new(std::time::Duration::from_micros(micros)).to_string(), text);
        }
        for (bytes, text) in [(0, "0 B"), (5_242_880, "5 MiB"), (5_000_000, "5 MB"), (1_536, "1536 B")] {
            assert_eq!(Size::new(bytes).to_string(), text);
        }
    }

    #[test]
    fn what_is_too_much_becomes_the_most() {
        assert_eq!(Duration::new(std::time::Duration::MAX).as_micros(), i64::MAX);
        assert_eq!(Size::new(u64::MAX).bytes(), i64::MAX.unsigned_abs());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(amount in 0..=i64::MAX.unsigned_abs()) {
            let duration = Duration::new(std::time::Duration::from_micros(amount));
            prop_assert_eq!(duration.to_string().parse::<Duration>(), Ok(duration));
            let size = Size::new(amount);
            prop_assert_eq!(size.to_string().parse::<Size>(), Ok(size));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*") {
            prop_assert_eq!(text.parse::<Size>().is_ok() && text.parse::<Duration>().is_ok(), false);
        }
    }
}
