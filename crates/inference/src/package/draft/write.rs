//! The text of a drafted manifest.

use crate::manifest::NAME_BYTES_MAX;

/// The width that lists are broken at.
const LINE_WIDTH: usize = 110;

/// Writes a manifest field by field.
#[derive(Debug, Default)]
pub(super) struct Writer {
    text: String,
}

impl Writer {
    /// A field of the table at hand, with its value as TOML has it.
    pub(super) fn field(&mut self, key: &str, value: &str) {
        self.line(&format!("{key} = {value}"));
    }

    /// The next element of an array of tables.
    pub(super) fn table(&mut self, name: &str) {
        self.line(&format!("\n[[{name}]]"));
    }

    /// A field whose value is a list.
    pub(super) fn list(&mut self, key: &str, values: &[String]) {
        let short = format!("{key} = [{}]", values.join(", "));
        if short.len() <= LINE_WIDTH {
            return self.line(&short);
        }
        self.line(&format!("{key} = ["));
        let mut line = String::from("   ");
        for value in values {
            if line.len() + value.len() + 2 > LINE_WIDTH {
                self.line(&std::mem::replace(&mut line, String::from("   ")));
            }
            line.push(' ');
            line.push_str(value);
            line.push(',');
        }
        self.line(&line);
        self.line("]");
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// The whole text, with what a person should know above it.
    pub(super) fn finish(self, notes: &[String], open: &[String]) -> String {
        let mut head = String::from("# Drafted by `serin model init`.\n");
        for note in notes {
            comment(&mut head, "", note);
        }
        for question in open {
            comment(&mut head, "TO SAY: ", question);
        }
        head + &self.text
    }
}

fn comment(text: &mut String, mark: &str, note: &str) {
    // What comes from files must not end the comment.
    let note: String = note.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.push_str(&format!("# - {mark}{note}\n"));
}

/// A text as TOML has it.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// The nearest name that a manifest may have.
pub(super) fn identifier(name: &str) -> String {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let name: String = name.chars().map(|c| if legal(c) { c } else { '_' }).collect();
    let name = name.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let name = &name[..name.len().min(NAME_BYTES_MAX)];
    match name {
        "" => "unnamed".to_owned(),
        "event_id" | "error" => format!("{name}_"),
        name => name.to_owned(),
    }
}

/// A number as TOML has it.
pub(super) fn number(number: f64) -> String {
    toml::Value::Float(number).to_string()
}

/// A category as TOML has it; `None` for what can be none.
pub(super) fn category(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(quoted(text)),
        serde_json::Value::Bool(flag) => Some(flag.to_string()),
        serde_json::Value::Number(value) => value.as_f64().filter(|value| value.is_finite()).map(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_legal() {
        for (name, expected) in [
            ("late", "late"),
            ("my model (2)", "my_model__2_"),
            ("_x", "x"),
            ("événement", "v_nement"),
            ("", "unnamed"),
            ("error", "error_"),
        ] {
            assert_eq!(identifier(name), expected, "{name}");
        }
        assert_eq!(identifier(&"x".repeat(100)).len(), NAME_BYTES_MAX);
    }

    #[test]
    fn texts_of_files_cannot_break_out() {
        let mut writer = Writer::default();
        writer.field("name", &quoted("a\"\nb = 1 '''"));
        let text = writer.finish(&["note\nversion = 2".to_owned()], &[]);
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table.len(), 1, "{text}");
        assert_eq!(table["name"].as_str(), Some("a\"\nb = 1 '''"));
    }

    #[test]
    fn long_lists_are_broken() {
        let mut writer = Writer::default();
        let values: Vec<_> = (0..100).map(|at| quoted(&format!("value {at}"))).collect();
        writer.list("values", &values);
        let text = writer.finish(&[], &[]);
        assert!(text.lines().all(|line| line.len() <= LINE_WIDTH), "{text}");
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["values"].as_array().unwrap().len(), 100);
    }
}
