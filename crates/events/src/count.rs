//! Counts on the wire. Avro knows no unsigned numbers, so a count travels as a `long` that is not negative.

use serde::{Deserialize, Deserializer, Serializer, de, ser};

pub(crate) fn serialize<S: Serializer>(count: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    let long =
        i64::try_from(*count).map_err(|_| ser::Error::custom(format!("{count} is beyond 2^63 - 1")))?;
    serializer.serialize_i64(long)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let long = i64::deserialize(deserializer)?;
    u64::try_from(long)
        .map_err(|_| de::Error::invalid_value(de::Unexpected::Signed(long), &"a whole number from 0"))
}
