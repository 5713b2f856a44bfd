//! How a payload, or a header beside it, names the schema that it was written with.

use std::fmt;

use crate::DecodeError;

/// The id of a schema in a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SchemaId {
    /// A number that the registry gave; another registry may have given it to another schema.
    Number(u32),
    /// A number that is made from the schema and is the same in every registry.
    Guid([u8; 16]),
}

/// A number begins with this byte, and has four more, highest first.
const NUMBER: u8 = 0x00;
/// A GUID begins with this byte, and has sixteen more.
const GUID: u8 = 0x01;

impl SchemaId {
    /// The header that names the schema of a record's value, with the bytes of [`SchemaId::frame`] in it.
    pub const HEADER: &str = "__value_schema_id";

    /// The bytes that stand before a payload, or in the header: 5 for a number, 17 for a GUID.
    pub fn frame(self) -> Vec<u8> {
        match self {
            Self::Number(number) => [&[NUMBER], &number.to_be_bytes()[..]].concat(),
            Self::Guid(guid) => [&[GUID], &guid[..]].concat(),
        }
    }

    /// Reads a GUID as people and registries write it, with dashes or without.
    pub fn parse_guid(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
        let mut guid = [0; 16];
        if digits.len() != 2 * guid.len() {
            return None;
        }
        for (byte, pair) in guid.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = hex_byte(pair)?;
        }
        Some(Self::Guid(guid))
    }

    /// Takes an id off the beginning of a payload; none where it begins otherwise.
    pub(crate) fn split(bytes: &[u8]) -> Option<Result<(Self, &[u8]), DecodeError>> {
        let split = match bytes {
            [NUMBER, rest @ ..] => rest
                .split_first_chunk()
                .map(|(number, body)| (Self::Number(u32::from_be_bytes(*number)), body)),
            [GUID, rest @ ..] => rest.split_first_chunk().map(|(guid, body)| (Self::Guid(*guid), body)),
            _ => return None,
        };
        Some(split.ok_or_else(|| cut("the payload ends within the schema id")))
    }

    /// Reads the value of the header.
    pub(crate) fn from_header(value: &[u8]) -> Result<Self, DecodeError> {
        match Self::split(value) {
            Some(Ok((id, []))) => Ok(id),
            _ => Err(cut("the header __value_schema_id is neither 00 and 4 bytes nor 01 and 16 bytes")),
        }
    }
}

/// The byte that two hexadecimal digits stand for.
pub(crate) fn hex_byte(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits else { return None };
    let value = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(value(*high)? << 4 | value(*low)?).ok()
}

fn cut(message: &str) -> DecodeError {
    DecodeError::Malformed { encoding: "Avro", message: message.into() }
}

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "id {number}"),
            Self::Guid(_) => write!(f, "guid {}", self.path()),
        }
    }
}

impl SchemaId {
    /// The id as it stands in a registry's addresses: `7`, or `89791762-2336-4186-9674-299b90a802e2`.
    pub fn path(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Guid(guid) => {
                let hex: String = guid.iter().map(|byte| format!("{byte:02x}")).collect();
                [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID_TEXT: &str = "89791762-2336-4186-9674-299b90a802e2";

    #[test]
    fn ids_survive_their_frames() {
        for id in [SchemaId::Number(0), SchemaId::Number(u32::MAX), SchemaId::parse_guid(GUID_TEXT).unwrap()]
        {
            let payload = [id.frame(), vec![7, 8]].concat();
            assert_eq!(SchemaId::split(&payload).unwrap().unwrap(), (id, &[7, 8][..]));
            assert_eq!(SchemaId::from_header(&id.frame()).unwrap(), id);
        }
        assert_eq!(SchemaId::Number(7).frame(), [0, 0, 0, 0, 7]);
    }

    #[test]
    fn guids_are_written_as_they_are_read() {
        let id = SchemaId::parse_guid(GUID_TEXT).unwrap();
        assert_eq!((id.path().as_str(), id.frame()[..3].to_vec()), (GUID_TEXT, vec![1, 0x89, 0x79]));
        assert_eq!(SchemaId::parse_guid(&GUID_TEXT.replace('-', "")), Some(id));
        for text in
            ["", "8979", "89791762-2336-4186-9674-299b90a802eg", "+9791762-2336-4186-9674-299b90a802e2"]
        {
            assert_eq!(SchemaId::parse_guid(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_cut_or_too_long_is_no_id() {
        for value in [&[][..], &[0], &[0, 0, 0, 0], &[0, 0, 0, 0, 7, 0], &[1; 16], &[1; 18], &[2; 5]] {
            assert_eq!(SchemaId::from_header(value).unwrap_err().reason(), "malformed", "{value:?}");
        }
        assert!(SchemaId::split(&[0, 0, 0]).unwrap().is_err());
        assert!(SchemaId::split(b"{}").is_none());
    }
}
