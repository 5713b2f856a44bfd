//! JSON, as XGBoost writes it: with bare `NaN` and `Infinity` where there are such numbers.

use super::{Array, DEPTH_MAX, VALUES_MAX, Value, spend};

/// Reads one document, and nothing behind it.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, String> {
    let mut reader = Reader { bytes, at: 0, budget: VALUES_MAX };
    let value = reader.value(0).map_err(|message| format!("byte {}: {message}", reader.at))?;
    reader.blank();
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(format!("byte {}: something follows behind the end of the document", reader.at)),
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    budget: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// The next byte that is no white space, which must be there.
    fn next(&mut self) -> Result<u8, String> {
        self.blank();
        self.peek().ok_or_else(|| "the document is cut off here".to_owned())
    }

    fn take(&mut self, wanted: u8) -> Result<(), String> {
        match self.next()? {
            byte if byte == wanted => {
                self.at += 1;
                Ok(())
            }
            byte => Err(format!("expected `{}`, found `{}`", char::from(wanted), byte.escape_ascii())),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > DEPTH_MAX {
            return Err(format!("nested deeper than {DEPTH_MAX} levels"));
        }
        match self.next()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.text().map(Value::Text),
            b'-' | b'0'..=b'9' => self.number().map(Value::Number),
            _ => self.word(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, String> {
        self.take(b'{')?;
        let mut members = Vec::new();
        if self.next()? == b'}' {
            self.at += 1;
            return Ok(Value::Object(members));
        }
        loop {
            spend(&mut self.budget, 1)?;
            self.next()?;
            let key = self.text()?;
            self.take(b':')?;
            members.push((key, self.value(depth + 1)?));
            if self.ends(b'}')? {
                return super::object(members);
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, String> {
        self.take(b'[')?;
        let mut array = Array::new();
        if self.next()? == b']' {
            self.at += 1;
            return Ok(array.finish());
        }
        loop {
            let value = self.value(depth + 1)?;
            array.push(value, &mut self.budget)?;
            if self.ends(b']')? {
                return Ok(array.finish());
            }
        }
    }

    /// Steps over a comma, or over `end`, which is reported.
    fn ends(&mut self, end: u8) -> Result<bool, String> {
        match self.next()? {
            b',' => {
                self.at += 1;
                Ok(false)
            }
            _ => self.take(end).map(|()| true),
        }
    }

    fn number(&mut self) -> Result<f64, String> {
        if self.bytes[self.at..].starts_with(b"-Infinity") {
            self.at += "-Infinity".len();
            return Ok(f64::NEG_INFINITY);
        }
        let rest = &self.bytes[self.at..];
        let length = rest
            .iter()
            .position(|byte| !matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'))
            .unwrap_or(rest.len());
        let text = std::str::from_utf8(&rest[..length]).unwrap_or_default();
        let number = text.parse().map_err(|_| format!("`{}` is no number", crate::error::shorten(text)))?;
        self.at += length;
        Ok(number)
    }

    fn word(&mut self) -> Result<Value, String> {
        let words = [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::Number(f64::NAN)),
            ("Infinity", Value::Number(f64::INFINITY)),
        ];
        let rest = &self.bytes[self.at..];
        let found = words.into_iter().find(|(word, _)| rest.starts_with(word.as_bytes()));
        let (word, value) = found.ok_or_else(|| "expected a value".to_owned())?;
        self.at += word.len();
        Ok(value)
    }

    fn text(&mut self) -> Result<String, String> {
        self.take(b'"')?;
        let mut text = Vec::new();
        loop {
            let rest = &self.bytes[self.at..];
            let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(rest.len());
            text.extend_from_slice(&rest[..plain]);
            self.at += plain;
            match self.peek().ok_or_else(|| "the text is cut off here".to_owned())? {
                b'"' => break,
                _ => self.escape(&mut text)?,
            }
        }
        self.at += 1;
        String::from_utf8(text).map_err(|_| "the text is no UTF-8".to_owned())
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), String> {
        let kind = self.bytes.get(self.at + 1).copied().unwrap_or_default();
        self.at += 2;
        let plain = match kind {
            b'"' | b'\\' | b'/' => kind,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let symbol = self.symbol()?;
                text.extend_from_slice(symbol.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err("the text has an unknown escape".to_owned()),
        };
        text.push(plain);
        Ok(())
    }

    /// A character that is written as one unit of UTF-16, or as two.
    fn symbol(&mut self) -> Result<char, String> {
        let first = self.unit()?;
        let mut units = vec![first];
        if (0xd800..0xdc00).contains(&first) && self.bytes[self.at..].starts_with(b"\\u") {
            self.at += 2;
            units.push(self.unit()?);
        }
        let symbol = char::decode_utf16(units).next().and_then(Result::ok);
        symbol.ok_or_else(|| "the text has half a character".to_owned())
    }

    fn unit(&mut self) -> Result<u16, String> {
        let digits = self.bytes.get(self.at..self.at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        self.at += 4;
        unit.ok_or_else(|| "the text has an unknown escape".to_owned())
    }
}
