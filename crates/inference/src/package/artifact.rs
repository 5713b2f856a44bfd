//! What a file is, by its content: names lie, and the same text of LightGBM is `model.txt`, `model.lgb` and
//! `model.bst`.

use std::fmt;

/// An artifact that serin reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    LightGbm,
    XgBoost,
    Onnx,
    Safetensors,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LightGbm => "LightGBM's text",
            Self::XgBoost => "XGBoost's JSON or UBJSON",
            Self::Onnx => "ONNX",
            Self::Safetensors => "safetensors",
        })
    }
}

/// What the bytes of a file turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// An artifact.
    Artifact(Kind),
    /// A model in a form that is not read, and what to do about it.
    Refused(String),
    /// No model that is known.
    Other,
}

/// How far from its beginning a JSON document is searched for the keys that tell what it is.
const SEARCHED_BYTES: usize = 64 * 1024 * 1024;

const PICKLE: &str = "a Python pickle, which runs code when it is read";
const EXPORT: &str = "export what is in it: `booster.save_model(\"model.txt\")` for LightGBM, \
                      `model.save_model(\"model.ubj\")` for XGBoost, `skl2onnx.to_onnx(pipeline, example)` for \
                      scikit-learn, `torch.onnx.export` or `safetensors.torch.save_file` for PyTorch";

/// Tells what a file is.
pub(super) fn tell(bytes: &[u8]) -> Content {
    let refused = |what: &str, instead: &str| Content::Refused(format!("it is {what}: {instead}"));
    match bytes {
        [] => Content::Refused("it is empty".to_owned()),
        [b't', b'r', b'e', b'e', b'\n' | b'\r', ..] => Content::Artifact(Kind::LightGbm),
        [0x80, 2..=5, ..] => refused(PICKLE, EXPORT),
        [b'P', b'K', 3, 4, ..] => tell_archive(bytes),
        [0x89, b'H', b'D', b'F', ..] => refused(
            "HDF5, as Keras writes it",
            "export ONNX with `model.export(\"model.onnx\", format=\"onnx\")`",
        ),
        [b'C', b'B', b'M', b'1', ..] => refused(
            "CatBoost's own format",
            "`model.save_model(\"model.onnx\", format=\"onnx\")` writes ONNX",
        ),
        [b'b', b'i', b'n', b'f', ..] => refused(
            "XGBoost's old binary format",
            "load it with XGBoost below 3.1 and `save_model(\"model.ubj\")`",
        ),
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] | [0x1f, 0x8b, ..] => {
            refused("compressed, as joblib does with pickles", EXPORT)
        }
        [b'{', b'L' | b'l' | b'I' | b'i' | b'U' | b'u' | b'#' | b'$', ..] if contains(bytes, b"learner") => {
            Content::Artifact(Kind::XgBoost)
        }
        _ if is_safetensors(bytes) => Content::Artifact(Kind::Safetensors),
        _ if bytes.trim_ascii_start().first() == Some(&b'{') => tell_json(bytes),
        _ if is_onnx(bytes) => Content::Artifact(Kind::Onnx),
        _ => Content::Other,
    }
}

fn tell_json(bytes: &[u8]) -> Content {
    if contains(bytes, b"\"learner\"") {
        return Content::Artifact(Kind::XgBoost);
    }
    if contains(bytes, b"\"oblivious_trees\"") {
        return Content::Refused(
            "it is CatBoost's JSON, which is not read: `save_model(\"model.onnx\", format=\"onnx\")` writes ONNX"
                .to_owned(),
        );
    }
    if contains(bytes, b"\"tree_info\"") && contains(bytes, b"\"pandas_categorical\"") {
        return Content::Refused(
            "it is LightGBM's `dump_model`, which leaves things out: `booster.save_model(\"model.txt\")` writes all"
                .to_owned(),
        );
    }
    Content::Other
}

fn tell_archive(bytes: &[u8]) -> Content {
    let what = if contains(bytes, b"data.pkl") {
        "an archive of PyTorch with a pickle in it: `torch.onnx.export` or `safetensors.torch.save_file` write what \
         is read"
    } else if contains(bytes, b"schema.json") {
        "a skops archive of scikit-learn: `skl2onnx.to_onnx(pipeline, example)` writes ONNX, which is read"
    } else if contains(bytes, b"model.weights.h5") {
        "an archive of Keras: `model.export(\"model.onnx\", format=\"onnx\")` writes ONNX, which is read"
    } else {
        "a zip archive: unpack it"
    };
    Content::Refused(format!("it is {what}"))
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes[..bytes.len().min(SEARCHED_BYTES)].windows(word.len()).any(|window| window == word)
}

/// Eight bytes with the length of a JSON header, then the header.
fn is_safetensors(bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk() else { return false };
    let length = u64::from_le_bytes(*length);
    rest.first() == Some(&b'{') && length >= 2 && length <= rest.len() as u64
}

/// The field of a `ModelProto` that holds the graph.
const GRAPH: u64 = 7;
/// The highest number of a field of a `ModelProto`.
const FIELDS: u64 = 32;

/// Whether the bytes are protobuf fields, one of them where a `ModelProto` has its graph.
fn is_onnx(mut bytes: &[u8]) -> bool {
    let mut has_graph = false;
    while !bytes.is_empty() {
        let Some(tag) = varint(&mut bytes) else { return has_graph };
        let (field, wire) = (tag >> 3, tag & 7);
        if field == 0 || field > FIELDS {
            return false;
        }
        match wire {
            0 if varint(&mut bytes).is_some() => {}
            2 => {
                has_graph |= field == GRAPH;
                let length = varint(&mut bytes).and_then(|length| usize::try_from(length).ok());
                // One that was cut off is ONNX still, and its reader says what is wrong with it.
                let Some(rest) = length.and_then(|length| bytes.get(length..)) else { return has_graph };
                bytes = rest;
            }
            _ => return false,
        }
    }
    has_graph
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..63).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_tells_what_a_file_is() {
        let artifact = |bytes: &[u8], kind| assert_eq!(tell(bytes), Content::Artifact(kind), "{bytes:?}");
        artifact(b"tree\nversion=v4\n", Kind::LightGbm);
        artifact(b"tree\r\nversion=v3\r\n", Kind::LightGbm);
        artifact(b" {\"version\":[3,2,0],\"learner\":{}}", Kind::XgBoost);
        artifact(b"{L\0\0\0\0\0\0\0\x07learner{", Kind::XgBoost);
        artifact(b"\x02\0\0\0\0\0\0\0{}", Kind::Safetensors);
        artifact(b"\x08\x09\x3a\x02\x0a\x00", Kind::Onnx);
        artifact(b"\x08\x09\x12\x01x\x3a\x7f\x0a", Kind::Onnx);
        for (bytes, says) in [
            (&b""[..], "empty"),
            (b"\x80\x04\x95", "save_model"),
            (b"PK\x03\x04..archive/data.pkl", "PyTorch"),
            (b"PK\x03\x04..schema.json", "skl2onnx"),
            (b"PK\x03\x04....", "unpack it"),
            (b"CBM1..", "CatBoost"),
            (b"binf..", "below 3.1"),
            (b"\x78\x9c..", "joblib"),
            (b"{\"oblivious_trees\":[]}", "CatBoost"),
            (b"{\"tree_info\":[],\"pandas_categorical\":[]}", "dump_model"),
        ] {
            let Content::Refused(told) = tell(bytes) else { panic!("{bytes:?}") };
            assert!(told.contains(says), "{told}");
        }
        for other in [&b"hello"[..], b"{\"categories\":{}}", b"\xff\xff\xff", b"tree", b"\x3b", b"\x08"] {
            assert_eq!(tell(other), Content::Other, "{other:?}");
        }
    }
}
