//! How a payload says what it is.

use crate::avro::{Known, Writer};
use crate::{DecodeError, SchemaId, Schemas, Undecoded};

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

impl<'a> Payload<'a> {
    /// Looks at the schema that a header named, if one did, and else at the first bytes: `{` after white space is
    /// JSON, `c3 01` is Avro's single-object encoding, `00` and `01` begin the id of a schema in a registry.
    pub(crate) fn tell(
        bytes: &'a [u8],
        schema: Option<SchemaId>,
        schemas: &Schemas,
    ) -> Result<Self, Undecoded> {
        match (bytes.trim_ascii_start(), schema) {
            ([], _) => Err(DecodeError::Empty.into()),
            (_, Some(id)) => Self::written_with(id, bytes, schemas),
            ([b'{', ..], None) => Ok(Self::Json(bytes)),
            (_, None) => match (SchemaId::split(bytes), bytes) {
                (Some(split), _) => split
                    .map_err(Undecoded::from)
                    .and_then(|(id, body)| Self::written_with(id, body, schemas)),
                (None, [first, second, rest @ ..]) if [*first, *second] == SINGLE_OBJECT => {
                    let (fingerprint, body) = rest.split_first_chunk().ok_or_else(cut)?;
                    Ok(Self::Avro { writer: schemas.by_fingerprint(*fingerprint)?, body })
                }
                (None, _) => Err(DecodeError::UnknownEncoding { first: bytes[0] }.into()),
            },
        }
    }

    fn written_with(id: SchemaId, body: &'a [u8], schemas: &Schemas) -> Result<Self, Undecoded> {
        match schemas.by_id(id)? {
            Known::Avro(writer) => Ok(Self::Avro { writer, body }),
            Known::Json | Known::Unusable(_) | Known::Absent(_) => Ok(Self::Json(body)),
        }
    }
}

fn cut() -> DecodeError {
    DecodeError::Malformed {
        encoding: "Avro",
        message: "the payload ends within the schema fingerprint".into(),
    }
}
