//! Just enough of two text formats to read what other systems say of a model: block mappings of YAML, and protobuf's
//! text format. Both become paths with values, `signature.inputs` and its text. What is beyond that is passed over, or
//! refused where it could mean something else than it seems to.

/// A path of keys with dots between them, and the value there.
type Entry = (String, String);

/// The most entries of one file.
const ENTRIES_MAX: usize = 10_000;
/// How deep a file may nest.
const DEPTH_MAX: usize = 32;

/// The scalars of a YAML document of nested block mappings, as PyYAML writes it. Lists are passed over; anchors, aliases
/// and tags are refused.
pub(super) fn yaml(text: &str) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut lines = text.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let content = line.trim_start();
        if content.is_empty() || content.starts_with(['#', '-', '%']) {
            continue;
        }
        let indent = line.len() - content.len();
        while open.last().is_some_and(|(above, _)| *above >= indent) {
            open.pop();
        }
        // What is no `key: value` belongs to a list or a text that is passed over.
        let Some((key, value)) = split_entry(content) else { continue };
        let mut path: Vec<&str> = open.iter().map(|(_, key)| key.as_str()).collect();
        path.push(key);
        if path.len() > DEPTH_MAX || entries.len() >= ENTRIES_MAX {
            return Err("it is too large or too deep".to_owned());
        }
        let path = path.join(".");
        if value.is_empty() {
            open.push((indent, key.to_owned()));
            continue;
        }
        let mut value = value.to_owned();
        while let Some((_, next)) = lines.next_if(|(_, next)| goes_on(&value, next, indent)) {
            value.push(' ');
            value.push_str(next.trim());
        }
        let value = scalar(&value).map_err(|fault| format!("line {}: {fault}", number + 1))?;
        entries.push((path, value));
    }
    Ok(entries)
}

/// `key: value`, the value perhaps empty.
fn split_entry(content: &str) -> Option<(&str, &str)> {
    let at = content.find(": ").or_else(|| content.ends_with(':').then(|| content.len() - 1))?;
    let (key, value) = content.split_at(at);
    Some((key.trim_matches(['"', '\'']), value[1..].trim()))
}

/// Whether a scalar goes on in the next line: a quoted one until its quote, a plain one while it is deeper and is no
/// entry itself.
fn goes_on(value: &str, next: &str, indent: usize) -> bool {
    match value.chars().next() {
        Some(quote @ ('\'' | '"')) => !is_closed(value, quote),
        _ => {
            let content = next.trim_start();
            let depth = next.len() - content.len();
            depth > indent
                && !content.is_empty()
                && split_entry(content).is_none()
                && !content.starts_with('-')
        }
    }
}

fn is_closed(value: &str, quote: char) -> bool {
    let inner = &value[1..];
    match quote {
        // Two of them are one in the text.
        '\'' => inner.ends_with('\'') && inner.chars().rev().take_while(|c| *c == '\'').count() % 2 == 1,
        _ => inner.ends_with('"') && inner.chars().rev().skip(1).take_while(|c| *c == '\\').count() % 2 == 0,
    }
}

fn scalar(value: &str) -> Result<String, String> {
    match value.chars().next() {
        Some('\'') if value.len() >= 2 && is_closed(value, '\'') => {
            Ok(value[1..value.len() - 1].replace("''", "'"))
        }
        Some('"') if value.len() >= 2 && is_closed(value, '"') => {
            serde_json::from_str(value).map_err(|error| error.to_string())
        }
        Some('\'' | '"') => Err("a text is not closed".to_owned()),
        Some('&' | '*' | '!') => Err("anchors, aliases and tags are not read".to_owned()),
        _ => Ok(value.split(" #").next().unwrap_or_default().trim().to_owned()),
    }
}

/// The scalars of a message in protobuf's text format.
pub(super) fn text_proto(text: &str) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    let mut path: Vec<String> = Vec::new();
    // What was opened: a message under a key, or a list, whose elements have the key that is before it.
    let mut open: Vec<bool> = Vec::new();
    let mut key: Option<String> = None;
    for token in tokens(text)? {
        if entries.len() >= ENTRIES_MAX || path.len() > DEPTH_MAX || open.len() > DEPTH_MAX {
            return Err("it is too large or too deep".to_owned());
        }
        match (token, key.take()) {
            (Token::Sign(b'{'), field) => {
                open.push(field.is_some());
                path.extend(field);
            }
            (Token::Sign(b'}'), _) => {
                let named = open.pop().ok_or("a brace is closed that was not opened")?;
                if named {
                    path.pop();
                }
            }
            (Token::Sign(b'['), Some(field)) => path.push(field),
            (Token::Sign(b']'), _) => drop(path.pop()),
            (Token::Sign(b':'), field) => key = field,
            (Token::Sign(_), _) => {}
            (Token::Word(word), None) if is_key(&word) => key = Some(word),
            (Token::Word(value) | Token::Text(value), Some(field)) => {
                let at = path.iter().chain([&field]).map(String::as_str).collect::<Vec<_>>().join(".");
                entries.push((at, value));
            }
            // An element of a list.
            (Token::Word(value) | Token::Text(value), None) => entries.push((path.join("."), value)),
        }
    }
    Ok(entries)
}

fn is_key(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
}

enum Token {
    Sign(u8),
    Word(String),
    Text(String),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '{' | '}' | '[' | ']' | ':' | ',' | ';' => {
                tokens.push(Token::Sign(rest.as_bytes()[0]));
                1
            }
            '"' | '\'' => {
                let end = rest[1..].find(first).ok_or("a text is not closed")?;
                tokens.push(Token::Text(rest[1..=end].to_owned()));
                end + 2
            }
            _ => {
                let is_end = |c: char| c.is_whitespace() || "{}[]:,;#\"'".contains(c);
                let end = rest.find(is_end).unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..end].to_owned()));
                end
            }
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get<'e>(entries: &'e [Entry], path: &str) -> Option<&'e str> {
        entries.iter().find(|(each, _)| each == path).map(|(_, value)| value.as_str())
    }

    const MLMODEL: &str = r#"artifact_path: model
flavors:
  lightgbm:
    code: null
    data: model.lgb   # the text
    model_class: lightgbm.basic.Booster
  python_function:
    env:
      conda: conda.yaml
    loader_module: mlflow.lightgbm
    list:
    - a: b
    - c
mlflow_version: 3.17.2
signature:
  inputs: '[{"type": "double", "name": "it''s", "required": true}, {"type": "long",
    "name": "b", "required": true}]'
  outputs: "[{\"type\": \"tensor\"}]"
  params: null
utc_time_created: '2026-11-24 17:00:00.000000'
"#;

    #[test]
    fn block_mappings_of_yaml_are_read() {
        let entries = yaml(MLMODEL).unwrap();
        for (path, value) in [
            ("artifact_path", "model"),
            ("flavors.lightgbm.data", "model.lgb"),
            ("flavors.python_function.env.conda", "conda.yaml"),
            ("mlflow_version", "3.17.2"),
            (
                "signature.inputs",
                r#"[{"type": "double", "name": "it's", "required": true}, {"type": "long", "name": "b", "required": true}]"#,
            ),
            ("signature.outputs", r#"[{"type": "tensor"}]"#),
            ("utc_time_created", "2026-11-24 17:00:00.000000"),
        ] {
            assert_eq!(get(&entries, path), Some(value), "{path}");
        }
        for bad in ["a: &x 1", "a: *x", "a: !!python/object:os.system x", "a: 'open"] {
            assert!(yaml(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn protobufs_text_is_read() {
        let text = r#"
name: "late"   # a comment
backend: 'fil'
max_batch_size: 8192
input [ { name: "input__0" data_type: TYPE_FP32 dims: [ 16 ] } ]
version_policy: { specific { versions: [1, 3] } }
parameters [
  { key: "model_type" value: { string_value: "xgboost_json" } },
  { key: "threshold" value { string_value: "0.3" } }
]
dynamic_batching { }
"#;
        let entries = text_proto(text).unwrap();
        assert_eq!(get(&entries, "name"), Some("late"));
        assert_eq!(get(&entries, "backend"), Some("fil"));
        assert_eq!(get(&entries, "input.dims"), Some("16"));
        let versions = entries.iter().filter(|(path, _)| path == "version_policy.specific.versions");
        assert_eq!(versions.map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["1", "3"]);
        let keys: Vec<_> = entries.iter().filter(|(path, _)| path.starts_with("parameters.")).collect();
        assert_eq!(keys.len(), 4, "{keys:?}");
        assert_eq!(keys[2].1, "threshold");
        assert_eq!((keys[3].0.as_str(), keys[3].1.as_str()), ("parameters.value.string_value", "0.3"));
        assert!(text_proto("a { b: 1 } }").is_err());
        assert!(text_proto("a: \"open").is_err());
    }
}
