//! Moments in time, to the microsecond.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment in UTC, in whole microseconds since 1970-01-01T00:00:00Z.
///
/// Microseconds, because that is what Avro's `timestamp-micros`, Parquet and the SQL warehouses keep: a finer
/// time would be lost on the way, silently. JSON shows it as RFC 3339 text, Avro as a `long`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest moment that can be written as RFC 3339 text: 0000-01-01T00:00:00Z.
    pub const MIN: Self = Self(-62_167_219_200_000_000);
    /// The latest moment that can be written as RFC 3339 text: 9999-12-30T22:00:00Z.
    pub const MAX: Self = Self(253_402_207_200_000_000);

    /// The moment `micros` microseconds after 1970, or `None` where it lies outside the years 0 to 9999.
    pub fn from_micros(micros: i64) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0).contains(&micros).then_some(Self(micros))
    }

    /// The moment `millis` milliseconds after 1970, or `None` where it lies outside the years 0 to 9999.
    pub fn from_millis(millis: i64) -> Option<Self> {
        Self::from_micros(millis.checked_mul(1_000)?)
    }

    /// Microseconds since 1970.
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since 1970, rounded down; what brokers keep.
    pub fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// This moment plus `micros` microseconds (which may be negative), held at the ends of the range.
    #[must_use]
    pub fn saturating_add_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros).clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Microseconds from `earlier` to this moment; negative where this moment is the earlier one.
    pub fn micros_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// Reads RFC 3339 text such as `2013-04-01T08:54:00Z`. Digits below the microsecond are cut.
    pub fn parse(text: &str) -> Option<Self> {
        let moment: jiff::Timestamp = text.parse().ok()?;
        Self::from_micros(moment.as_microsecond())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(moment) => moment.fmt(f),
            Err(_) => write!(f, "{} µs since 1970", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimestampVisitor)
    }
}

struct TimestampVisitor;

impl de::Visitor<'_> for TimestampVisitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an RFC 3339 time")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
        Timestamp::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }

    // Only Avro arrives here: in JSON a bare number would leave its unit to guesswork.
    fn visit_i64<E: de::Error>(self, micros: i64) -> Result<Timestamp, E> {
        Timestamp::from_micros(micros).ok_or_else(|| E::invalid_value(de::Unexpected::Signed(micros), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_micros_agree() {
        for (text, micros) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2013-04-01T08:54:00Z", 1_364_806_440_000_000),
            ("2013-04-01T08:54:00.123456Z", 1_364_806_440_123_456),
            ("1969-12-31T23:59:59.999999Z", -1),
        ] {
            assert_eq!(Timestamp::parse(text).unwrap().as_micros(), micros, "{text}");
            assert_eq!(Timestamp::from_micros(micros).unwrap().to_string(), text);
        }
    }

    #[test]
    fn offsets_are_converted_and_local_times_refused() {
        assert_eq!(Timestamp::parse("2013-04-01T10:54:00+02:00"), Timestamp::parse("2013-04-01T08:54:00Z"));
        for text in ["2013-04-01T08:54:00", "2013-04-01", "yesterday", "", "1364806440"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_ends_of_the_range_can_be_written() {
        for end in [Timestamp::MIN, Timestamp::MAX] {
            assert_eq!(Timestamp::parse(&end.to_string()), Some(end));
        }
        assert_eq!(Timestamp::from_micros(Timestamp::MAX.as_micros() + 1), None);
        assert_eq!(Timestamp::from_millis(i64::MAX), None);
    }

    #[test]
    fn milliseconds_round_down() {
        assert_eq!(Timestamp(-1).as_millis(), -1);
        assert_eq!(Timestamp(1_999).as_millis(), 1);
    }
}
