//! The headers of a record as `events` reads them.

use messaging::Headers;
use smallvec::SmallVec;

/// Names and values, in their order. Most records have fewer than this many, and then nothing is allocated.
pub(crate) type Pairs<'a> = SmallVec<[(&'a str, &'a [u8]); 16]>;

pub(crate) fn pairs(headers: &Headers) -> Pairs<'_> {
    headers.iter().map(|header| (header.name.as_str(), &header.value[..])).collect()
}
