//! Places in a document.

use std::fmt;

use compact_str::CompactString;

use crate::MappingError;

/// A JSON pointer (RFC 6901) to a member: `/card/hash`. It names Avro fields just as well.
///
/// Unlike the RFC, `/` alone means the whole document, not the member with the empty name: that is what
/// people write for it, and no event has such a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pointer(Vec<CompactString>);

impl Pointer {
    /// Reads the pointer in the field `field` of a mapping.
    pub(crate) fn parse(field: &str, text: &str) -> Result<Self, MappingError> {
        let bad = || MappingError::BadPointer { field: field.into(), pointer: text.into() };
        if text == "/" {
            return Ok(Self(Vec::new()));
        }
        let path = text.strip_prefix('/').ok_or_else(bad)?;
        path.split('/').map(|name| unescape(name).ok_or_else(bad)).collect::<Result<_, _>>().map(Self)
    }

    /// The pointer through members of these names.
    pub(crate) fn of(names: &[&str]) -> Self {
        Self(names.iter().map(|name| CompactString::from(*name)).collect())
    }

    pub(crate) fn names(&self) -> &[CompactString] {
        &self.0
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
        if self.0.is_empty() {
            return f.write_str("/");
        }
        self.0.iter().try_for_each(|name| write!(f, "/{}", name.replace('~', "~0").replace('/', "~1")))
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
            assert_eq!(pointer.names(), names, "{text}");
            assert_eq!(pointer.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_pointer_is_refused() {
        for text in ["", "a", "a/b", "/~", "/~2", "$.a"] {
            let refused = Pointer::parse("units.card", text).unwrap_err().to_string();
            assert!(refused.contains(&format!("\"{text}\"")) && refused.contains("units.card"), "{refused}");
        }
    }
}
