//! Universal Binary JSON (draft 12), with what XGBoost makes of it: big-endian numbers, typed and counted arrays.

use super::{Array, DEPTH_MAX, VALUES_MAX, Value, spend};

/// Reads one document, and nothing behind it.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, String> {
    let mut reader = Reader { bytes, at: 0, budget: VALUES_MAX };
    let value = reader.value(0).map_err(|message| format!("byte {}: {message}", reader.at))?;
    match reader.at == bytes.len() {
        true => Ok(value),
        false => Err(format!("byte {}: something follows behind the end of the document", reader.at)),
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    budget: usize,
}

/// The type and the number of the elements of a container, where it says them.
#[derive(Default)]
struct Header {
    marker: Option<u8>,
    count: Option<usize>,
}

impl<'b> Reader<'b> {
    fn peek(&self) -> Result<u8, String> {
        self.bytes.get(self.at).copied().ok_or_else(cut_off)
    }

    fn marker(&mut self) -> Result<u8, String> {
        let marker = self.peek()?;
        self.at += 1;
        Ok(marker)
    }

    fn take(&mut self, count: usize) -> Result<&'b [u8], String> {
        let end = self.at.checked_add(count).ok_or_else(cut_off)?;
        let taken = self.bytes.get(self.at..end).ok_or_else(cut_off)?;
        self.at = end;
        Ok(taken)
    }

    fn array_of<const N: usize>(&mut self) -> Result<[u8; N], String> {
        self.take(N)?.try_into().map_err(|_| cut_off())
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        let marker = self.marker()?;
        self.value_of(marker, depth)
    }

    fn value_of(&mut self, marker: u8, depth: usize) -> Result<Value, String> {
        if depth > DEPTH_MAX {
            return Err(format!("nested deeper than {DEPTH_MAX} levels"));
        }
        match marker {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'Z' => Ok(Value::Null),
            b'T' => Ok(Value::Bool(true)),
            b'F' => Ok(Value::Bool(false)),
            b'S' => self.text().map(Value::Text),
            b'C' => Ok(Value::Text(char::from(self.marker()?).to_string())),
            _ => self.number(marker).map(Value::Number),
        }
    }

    /// A number of the type `marker`; 64-bit integers above 2^53 lose their last digits, and no model has any.
    fn number(&mut self, marker: u8) -> Result<f64, String> {
        Ok(match marker {
            b'i' => f64::from(i8::from_be_bytes(self.array_of()?)),
            b'U' => f64::from(u8::from_be_bytes(self.array_of()?)),
            b'I' => f64::from(i16::from_be_bytes(self.array_of()?)),
            b'l' => f64::from(i32::from_be_bytes(self.array_of()?)),
            #[expect(clippy::cast_precision_loss, reason = "as said")]
            b'L' => i64::from_be_bytes(self.array_of()?) as f64,
            b'd' => f64::from(f32::from_be_bytes(self.array_of()?)),
            b'D' => f64::from_be_bytes(self.array_of()?),
            b'H' => return Err("numbers of high precision (`H`) are not supported".to_owned()),
            _ => return Err(format!("unknown type `{}`", marker.escape_ascii())),
        })
    }

    fn count(&mut self) -> Result<usize, String> {
        let marker = self.marker()?;
        if !matches!(marker, b'i' | b'U' | b'I' | b'l' | b'L') {
            return Err(format!("expected the type of a length, found `{}`", marker.escape_ascii()));
        }
        let number = self.number(marker)?;
        super::whole(number).ok_or_else(|| format!("`{number}` is no length"))
    }

    fn text(&mut self) -> Result<String, String> {
        let count = self.count()?;
        let bytes = self.take(count)?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| "the text is no UTF-8".to_owned())
    }

    fn header(&mut self) -> Result<Header, String> {
        let mut header = Header::default();
        if self.peek()? == b'$' {
            self.at += 1;
            header.marker = Some(self.marker()?);
            if self.peek()? != b'#' {
                return Err("a typed array must say its length".to_owned());
            }
        }
        if self.peek()? == b'#' {
            self.at += 1;
            header.count = Some(self.count()?);
        }
        Ok(header)
    }

    fn array(&mut self, depth: usize) -> Result<Value, String> {
        match self.header()? {
            Header { marker: Some(marker), count: Some(count) } => self.typed(marker, count),
            Header { count: Some(count), .. } => {
                let mut array = Array::new();
                // No space is taken on the word of the file: each element must be there first.
                for _ in 0..count {
                    let value = self.value(depth + 1)?;
                    array.push(value, &mut self.budget)?;
                }
                Ok(array.finish())
            }
            _ => {
                let mut array = Array::new();
                while self.peek()? != b']' {
                    let value = self.value(depth + 1)?;
                    array.push(value, &mut self.budget)?;
                }
                self.at += 1;
                Ok(array.finish())
            }
        }
    }

    /// An array whose elements come without their type.
    fn typed(&mut self, marker: u8, count: usize) -> Result<Value, String> {
        let size = match marker {
            b'i' | b'U' => 1,
            b'I' => 2,
            b'l' | b'd' => 4,
            b'L' | b'D' => 8,
            _ => return Err(format!("typed arrays of `{}` are not supported", marker.escape_ascii())),
        };
        let rest = self.bytes.len() - self.at;
        if count > rest / size {
            return Err(format!("an array says that it has {count} elements, but the document is cut off"));
        }
        (0..count).map(|_| self.number(marker)).collect::<Result<_, _>>().map(Value::Numbers)
    }

    fn object(&mut self, depth: usize) -> Result<Value, String> {
        let header = self.header()?;
        if header.marker.is_some() {
            return Err("typed objects are not supported".to_owned());
        }
        let mut members = Vec::new();
        loop {
            match header.count {
                Some(count) if members.len() == count => break,
                None if self.peek()? == b'}' => {
                    self.at += 1;
                    break;
                }
                _ => {}
            }
            spend(&mut self.budget, 1)?;
            let key = self.text()?;
            members.push((key, self.value(depth + 1)?));
        }
        super::object(members)
    }
}

fn cut_off() -> String {
    "the document is cut off here".to_owned()
}
