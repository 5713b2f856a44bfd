//! Places in a document, or in the envelope around it.

use std::fmt;

use compact_str::CompactString;

use crate::MappingError;

/// A JSON pointer (RFC 6901) to a member, `/card/hash`, which names Avro fields just as well; or an attribute of the
/// CloudEvent around the document, `ce:id`.
///
/// Unlike the RFC, `/` alone means the whole document, not the member with the empty name: that is what
/// people write for it, and no event has such a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pointer {
    /// The member that these names lead to.
    Member(Vec<CompactString>),
    /// The attribute of this name.
    Attribute(CompactString),
}

/// What the name of an attribute stands behind.
const ATTRIBUTE: &str = "ce:";

impl Pointer {
    /// Reads the pointer in the field `field` of a mapping.
    pub(crate) fn parse(field: &str, text: &str) -> Result<Self, MappingError> {
        let bad = || MappingError::BadPointer { field: field.into(), pointer: text.into() };
        if text == "/" {
            return Ok(Self::Member(Vec::new()));
        }
        if let Some(name) = text.strip_prefix(ATTRIBUTE) {
            // CloudEvents have lower-case letters and digits, and nothing else.
            let is_name = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
            return if is_name && !name.is_empty() { Ok(Self::Attribute(name.into())) } else { Err(bad()) };
        }
        let path = text.strip_prefix('/').ok_or_else(bad)?;
        path.split('/').map(|name| unescape(name).ok_or_else(bad)).collect::<Result<_, _>>().map(Self::Member)
    }

    /// The pointer through members of these names.
    pub(crate) fn of(names: &[&str]) -> Self {
        Self::Member(names.iter().map(|name| CompactString::from(*name)).collect())
    }
}

/// `~1` is a slash and `~0` a tilde; anything else after a tilde is an error.
fn unescape(name: &str) -> Option<CompactString> {
    let mut plain = CompactString::default();
    let mut parts = name.split('~');
    plain.push_str(parts.next()?);
    for part in parts {
        let (escape, rest) = part.split_at_checked(1)?;
        plain.push(match escape {
            "0" => '~',
            "1" => '/',
            _ => return None,
        });
        plain.push_str(rest);
    }
    Some(plain)
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute(name) => write!(f, "{ATTRIBUTE}{name}"),
            Self::Member(names) if names.is_empty() => f.write_str("/"),
            Self::Member(names) => {
                names.iter().try_for_each(|name| write!(f, "/{}", name.replace('~', "~0").replace('/', "~1")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_round_trip() {
        for (text, names) in
            [("/", vec![]), ("/a", vec!["a"]), ("/a/b", vec!["a", "b"]), ("/a~1b/~0c", vec!["a/b", "~c"])]
        {
            let pointer = Pointer::parse("id", text).unwrap();
            assert_eq!(pointer, Pointer::of(&names), "{text}");
            assert_eq!(pointer.to_string(), text);
        }
        let attribute = Pointer::parse("id", "ce:id").unwrap();
        assert_eq!((attribute.to_string().as_str(), attribute), ("ce:id", Pointer::Attribute("id".into())));
    }

    #[test]
    fn what_is_no_pointer_is_refused() {
        for text in ["", "a", "a/b", "/~", "/~2", "$.a", "ce:", "ce:Id", "ce_id", "ce:a/b"] {
            let refused = Pointer::parse("units.card", text).unwrap_err().to_string();
            assert!(refused.contains(&format!("\"{text}\"")) && refused.contains("units.card"), "{refused}");
        }
    }
}
