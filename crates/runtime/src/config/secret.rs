//! Values that are never shown.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// The largest secret, in bytes: a private key with its chain of certificates has a tenth of it.
pub const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// What a [`Secret`] asks for by, so that its reader knows a secret when it sees one.
pub(super) const TOKEN: &str = "$runtime::Secret";

/// A password, a token or a key: written as text, or as where to find it, `{ file = "/run/secrets/kafka" }` or
/// `{ env = "KAFKA_PASSWORD" }`.
///
/// Shown as `***` wherever it is shown, in debug output, messages, logs and the effective configuration, and so is
/// the place where it is found. Prefer a file over a variable, and a variable over text: a variable is
/// inherited by child processes, and a configuration file is copied around.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Source);

#[derive(Clone, PartialEq, Eq)]
enum Source {
    Text(String),
    File(PathBuf),
    Variable(String),
}

/// Why a secret cannot be had. Says where it should have been, never what it is.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read as text.
    #[error("the secret in file `{}` cannot be read", path.display())]
    File {
        /// Where it should have been.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file is too large for a secret.
    #[error("the secret in file `{}` is larger than {MAX_SECRET_BYTES} bytes", .0.display())]
    TooLarge(PathBuf),
    /// The file has nothing in it.
    #[error("the secret in file `{}` is empty", .0.display())]
    EmptyFile(PathBuf),
    /// The variable is not set, or empty.
    #[error("the secret in the environment variable `{0}` is not set")]
    Variable(String),
}

impl Secret {
    /// A secret that is known already.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Source::Text(text.into()))
    }

    /// The secret itself. Opens the file or looks into `environment` now, not when the configuration was read, so
    /// that a rotated secret is found; of a file, one line break at its end is cut.
    ///
    /// # Errors
    ///
    /// When the file or the variable does not hold a secret.
    pub fn reveal(&self, environment: &BTreeMap<String, String>) -> Result<String, SecretError> {
        match &self.0 {
            Source::Text(text) => Ok(text.clone()),
            Source::File(path) => reveal_file(path),
            Source::Variable(name) => {
                let value = environment.get(name).filter(|value| !value.is_empty());
                value.cloned().ok_or_else(|| SecretError::Variable(name.clone()))
            }
        }
    }
}

fn reveal_file(path: &Path) -> Result<String, SecretError> {
    let fault = |source| SecretError::File { path: path.to_owned(), source };
    let mut text = String::new();
    let file = File::open(path).map_err(fault)?;
    let length = file.take(MAX_SECRET_BYTES + 1).read_to_string(&mut text).map_err(fault)?;
    if u64::try_from(length).is_ok_and(|length| length > MAX_SECRET_BYTES) {
        return Err(SecretError::TooLarge(path.to_owned()));
    }
    let line = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if line.is_empty() {
        return Err(SecretError::EmptyFile(path.to_owned()));
    }
    Ok(line.to_owned())
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(TOKEN, SecretVisitor)
    }
}

const EXPECTED: &str = "a secret: text, { file = \"path\" } or { env = \"NAME\" }";

/// Serde's own messages quote what they found. So everything that can be found is caught here.
struct SecretVisitor;

macro_rules! caught {
    ($($method:ident($type:ty))*) => {$(
        fn $method<E: de::Error>(self, _: $type) -> Result<Secret, E> {
            Err(E::custom(format_args!("expected {EXPECTED}; a secret of digits needs quotes")))
        }
    )*};
}

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Secret, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Secret, E> {
        if text.is_empty() { Err(E::custom("is empty")) } else { Ok(Secret::new(text)) }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Secret, A::Error> {
        let source = match entries.next_key::<String>()?.as_deref() {
            Some("file") => Source::File(entries.next_value()?),
            Some("env") => Source::Variable(entries.next_value()?),
            _ => return Err(de::Error::custom(format_args!("expected {EXPECTED}"))),
        };
        match entries.next_key::<String>()? {
            None => Ok(Secret(source)),
            Some(_) => Err(de::Error::custom("expected either `file` or `env`, and nothing else")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Secret, A::Error> {
        Err(de::Error::custom(format_args!("expected {EXPECTED}, found an array")))
    }

    caught! { visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64) visit_i128(i128) visit_u128(u128) visit_bytes(&[u8]) }
}

#[cfg(test)]
mod tests;
