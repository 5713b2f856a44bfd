//! The schemas that a schema refers to, under other subjects.

use std::collections::HashSet;

use serde::Deserialize;

use super::{Schema, present};
use crate::error::Error;
use crate::http::Http;
use crate::subject::encoded;

/// The most schemas that one may refer to, directly or not.
const REFERENCES_MAX: usize = 256;

/// A named type that is defined elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub(super) struct Reference {
    subject: String,
    version: u32,
}

/// The texts of all that `wanted` refer to, each once. What is not there is left out: its type is then unknown to
/// whoever reads the schema, who says so.
pub(super) fn resolve(http: &Http, wanted: Vec<Reference>) -> Result<Vec<String>, Error> {
    let mut seen = HashSet::new();
    let mut texts = Vec::new();
    let mut left = wanted;
    while let Some(reference) = left.pop() {
        if !seen.insert(reference.clone()) {
            continue;
        }
        if seen.len() > REFERENCES_MAX {
            return Err(Error::Refused {
                subject: reference.subject,
                code: 0,
                message: format!("the schema refers to more than {REFERENCES_MAX} others"),
            });
        }
        // A version that was deleted may still be needed by what was written before.
        let path =
            format!("/subjects/{}/versions/{}?deleted=true", encoded(&reference.subject), reference.version);
        let found = http.ask::<Schema>(&path, None)?;
        if let Some(schema) = present(found, &reference.subject)? {
            left.extend(schema.references.unwrap_or_default());
            texts.push(schema.schema);
        }
    }
    Ok(texts)
}
