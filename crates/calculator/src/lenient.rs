//! What programs write for numbers that JSON does not know.

use serde_json::Value;

/// A line that has NaN, Infinity or -Infinity for numbers, as Python writes them: read as the texts `nan`, `inf` and
/// `-inf`, so that the answer names the place, and the request by its id. Nothing if that is not what is wrong with
/// the line.
pub(crate) fn parse(line: &[u8]) -> Option<Value> {
    const WORDS: [(&[u8], &[u8]); 3] =
        [(b"-Infinity", b"\"-inf\""), (b"Infinity", b"\"inf\""), (b"NaN", b"\"nan\"")];
    let mut read = Vec::with_capacity(line.len() + 16);
    let (mut rest, mut in_text) = (line, false);
    while let Some((&byte, tail)) = rest.split_first() {
        let word = WORDS.iter().find(|(word, _)| !in_text && rest.starts_with(word));
        match (word, byte) {
            (Some((word, text)), _) => {
                read.extend_from_slice(text);
                rest = rest.get(word.len()..)?;
            }
            (None, b'\\') if in_text => {
                // The next byte does not end the text, whatever it is.
                let (escape, after) = rest.split_at_checked(2)?;
                read.extend_from_slice(escape);
                rest = after;
            }
            (None, _) => {
                in_text ^= byte == b'"';
                read.push(byte);
                rest = tail;
            }
        }
    }
    serde_json::from_slice(&read).ok()
}

#[cfg(test)]
mod tests {
    use super::parse;
    use serde_json::json;

    #[test]
    fn words_for_numbers_are_texts_outside_of_texts_alone() {
        let line = br#"{"NaN \" NaN": [NaN, -Infinity, Infinity, "NaN"]}"#;
        assert_eq!(parse(line), Some(json!({ "NaN \" NaN": ["nan", "-inf", "inf", "NaN"] })));
        assert_eq!((parse(b"{nonsense"), parse(b"\"\\")), (None, None));
    }
}
