//! How a payload says what it is.

use crate::DecodeError;
use crate::avro::Writer;
pub use crate::avro::{SchemaSource, Schemas};

/// How large a payload may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of one payload.
    pub payload_bytes: usize,
}

impl Default for Limits {
    /// One mebibyte: what Kafka's brokers take unless told otherwise.
    fn default() -> Self {
        Self { payload_bytes: 1 << 20 }
    }
}

/// A payload told apart by its first bytes.
pub(crate) enum Payload<'a> {
    /// JSON text.
    Json(&'a [u8]),
    /// An Avro value and the schema that it was written with.
    Avro { writer: &'static Writer, body: &'a [u8] },
}

/// Avro's single-object encoding begins with this, then the fingerprint's eight bytes, lowest first.
pub(crate) const SINGLE_OBJECT: [u8; 2] = [0xc3, 0x01];
/// The Confluent wire format begins with this, then the schema's id in four bytes, highest first.
const CONFLUENT: u8 = 0x00;

impl<'a> Payload<'a> {
    /// Looks at the first bytes: `{` after white space is JSON, `c3 01` is Avro's single-object encoding, `00` is
    /// the Confluent wire format.
    pub(crate) fn tell(bytes: &'a [u8], limits: Limits, schemas: &Schemas) -> Result<Self, DecodeError> {
        if bytes.len() > limits.payload_bytes {
            return Err(DecodeError::TooLarge { size: bytes.len(), limit: limits.payload_bytes });
        }
        let cut = |what: &str| DecodeError::Malformed {
            encoding: "Avro",
            message: format!("the payload ends within {what}"),
        };
        match bytes.trim_ascii_start() {
            [] => Err(DecodeError::Empty),
            [b'{', ..] => Ok(Self::Json(bytes)),
            _ => match bytes {
                [CONFLUENT, rest @ ..] => {
                    let (id, body) = rest.split_first_chunk().ok_or_else(|| cut("the schema id"))?;
                    Ok(Self::Avro { writer: schemas.by_id(u32::from_be_bytes(*id))?, body })
                }
                [first, second, rest @ ..] if [*first, *second] == SINGLE_OBJECT => {
                    let (fingerprint, body) =
                        rest.split_first_chunk().ok_or_else(|| cut("the schema fingerprint"))?;
                    Ok(Self::Avro { writer: schemas.by_fingerprint(*fingerprint)?, body })
                }
                _ => Err(DecodeError::UnknownEncoding { first: bytes[0] }),
            },
        }
    }
}
