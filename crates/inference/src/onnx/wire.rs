//! The wire format of Protocol Buffers, read in place.
//!
//! Our own rather than a library's: a model file is not trusted, and libraries build a message for every two
//! bytes that claim to be one, a hundred times the size of the file. This reader borrows everything, and its
//! callers count what they keep. The format: <https://protobuf.dev/programming-guides/encoding/>.

/// The value of a field, as it is on the wire.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'b> {
    /// An integer, a truth value or an enumeration.
    Varint(u64),
    /// Eight bytes: a double.
    Eight([u8; 8]),
    /// Bytes, a text, a message, or packed numbers.
    Bytes(&'b [u8]),
    /// Four bytes: a float.
    Four([u8; 4]),
}

/// The fields of a message, in the order of the file.
#[derive(Clone, Debug)]
pub(super) struct Fields<'b> {
    rest: &'b [u8],
}

impl<'b> Fields<'b> {
    pub(super) fn of(message: &'b [u8]) -> Self {
        Self { rest: message }
    }

    fn field(&mut self) -> Result<(u64, Value<'b>), String> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Eight(self.array()?),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| truncated())?;
                Value::Bytes(self.bytes(length)?)
            }
            5 => Value::Four(self.array()?),
            kind => {
                return Err(format!("wire type {kind} does not occur in ONNX: not an ONNX file, or damaged"));
            }
        };
        Ok((key >> 3, value))
    }

    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number is longer than ten bytes: not an ONNX file, or damaged".to_owned())
    }

    fn bytes(&mut self, length: usize) -> Result<&'b [u8], String> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }
}

fn truncated() -> String {
    "it ends in the middle of a field: truncated or damaged".to_owned()
}

impl<'b> Iterator for Fields<'b> {
    type Item = Result<(u64, Value<'b>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'b> Value<'b> {
    pub(super) fn integer(self) -> Result<i64, String> {
        match self {
            Self::Varint(value) => Ok(value.cast_signed()),
            _ => Err(wrong("an integer")),
        }
    }

    pub(super) fn float(self) -> Result<f32, String> {
        match self {
            Self::Four(bytes) => Ok(f32::from_le_bytes(bytes)),
            _ => Err(wrong("a float")),
        }
    }

    pub(super) fn bytes(self) -> Result<&'b [u8], String> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(wrong("bytes")),
        }
    }

    pub(super) fn text(self) -> Result<&'b str, String> {
        std::str::from_utf8(self.bytes()?).map_err(|_| "a text is not UTF-8".to_owned())
    }

    /// Adds one integer, or packed ones.
    pub(super) fn integers(self, all: &mut Vec<i64>) -> Result<(), String> {
        let Self::Bytes(bytes) = self else {
            all.push(self.integer()?);
            return Ok(());
        };
        let mut packed = Fields::of(bytes);
        while !packed.rest.is_empty() {
            all.push(packed.varint()?.cast_signed());
        }
        Ok(())
    }

    /// Adds one float, or packed ones.
    pub(super) fn floats(self, all: &mut Vec<f32>) -> Result<(), String> {
        let Self::Bytes(bytes) = self else {
            all.push(self.float()?);
            return Ok(());
        };
        let (values, rest) = bytes.as_chunks();
        all.extend(values.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        if rest.is_empty() { Ok(()) } else { Err(truncated()) }
    }

    /// Adds one double, or packed ones.
    pub(super) fn doubles(self, all: &mut Vec<f64>) -> Result<(), String> {
        let (values, rest) = match &self {
            Self::Eight(bytes) => (std::slice::from_ref(bytes), &[][..]),
            Self::Bytes(bytes) => bytes.as_chunks(),
            _ => return Err(wrong("a double")),
        };
        all.extend(values.iter().map(|bytes| f64::from_le_bytes(*bytes)));
        if rest.is_empty() { Ok(()) } else { Err(truncated()) }
    }
}

fn wrong(expected: &str) -> String {
    format!("expected {expected} in a field that has another wire type: not an ONNX file, or damaged")
}
