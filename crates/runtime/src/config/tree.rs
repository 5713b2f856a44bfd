//! A configuration as it was written: values, and where each of them stands.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::path::{Path, Step};
use super::problems::{Place, Problem};

/// A value and where it was written.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

// No `Debug`: what is written may be a secret.
#[derive(Clone)]
pub(super) enum Value {
    Text(String),
    Integer(i128),
    Float(f64),
    Boolean(bool),
    /// A date or time, as RFC 3339 writes it.
    Moment(String),
    Array(Vec<Node>),
    /// Entries in the order of the file.
    Table(Vec<(String, Node)>),
    /// A variable of the environment, whose type is what the field asks for.
    Variable(String),
}

/// Parses TOML, going on after errors, so that they are all found. The tree is whole only without problems.
pub(super) fn parse(text: &str) -> (Node, Vec<Problem>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let lines = Lines::of(text);
    let mut problems: Vec<_> = errors.iter().map(|error| syntax(error, &lines)).collect();
    let root = Node { place: Place::Whole, value: lines.table(table.into_inner(), &mut problems) };
    (root, problems)
}

/// Parses a single value, such as `5`, `true` or `[{ version = "14" }]`.
pub(super) fn literal(text: &str, place: &Place) -> Option<Node> {
    // Nothing may follow the value: with a line break, more keys could.
    if text.contains(['\n', '\r']) {
        return None;
    }
    let (root, problems) = parse(&format!("value = {text}"));
    match root.value {
        Value::Table(entries) if problems.is_empty() && entries.len() == 1 => {
            entries.into_iter().next().map(|(_, node)| node.at(place))
        }
        _ => None,
    }
}

impl Node {
    /// The place of the value at `path`, or of the table or array that it is missing from.
    pub(super) fn place_of(&self, path: &Path) -> Place {
        let mut node = self;
        for step in path.steps() {
            match node.child(step) {
                Some(child) => node = child,
                None => break,
            }
        }
        node.place.clone()
    }

    fn child(&self, step: &Step) -> Option<&Self> {
        match (&self.value, step) {
            (Value::Table(entries), Step::Key(key)) => {
                entries.iter().find(|(name, _)| name == key).map(|(_, node)| node)
            }
            (Value::Array(items), Step::Index(index)) => items.get(*index),
            _ => None,
        }
    }

    /// This value with everything in it, written at `place`.
    fn at(mut self, place: &Place) -> Self {
        self.place = place.clone();
        self.value = match self.value {
            Value::Array(items) => Value::Array(items.into_iter().map(|item| item.at(place)).collect()),
            Value::Table(entries) => {
                Value::Table(entries.into_iter().map(|(key, node)| (key, node.at(place))).collect())
            }
            plain => plain,
        };
        self
    }
}

/// Only the message and the line: the error's own `Display` quotes the source, which may hold a secret.
fn syntax(error: &toml::de::Error, lines: &Lines) -> Problem {
    let place = error.span().map_or(Place::Whole, |span| lines.place(span.start));
    Problem { place, path: String::new(), message: error.message().to_owned() }
}

/// Where the lines of a text begin.
struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    fn of(text: &str) -> Self {
        Self { starts: text.match_indices('\n').map(|(at, _)| at + 1).collect() }
    }

    fn place(&self, offset: usize) -> Place {
        Place::Line(self.starts.partition_point(|start| *start <= offset) + 1)
    }

    fn table(&self, table: DeTable<'_>, problems: &mut Vec<Problem>) -> Value {
        let entry = |(key, value): (Spanned<std::borrow::Cow<'_, str>>, Spanned<DeValue<'_>>)| {
            // The line of the key, not of the value: that is where a reader looks for a field.
            let place = self.place(key.span().start);
            (key.into_inner().into_owned(), self.node(place, value.into_inner(), problems))
        };
        Value::Table(table.into_iter().map(entry).collect())
    }

    fn node(&self, place: Place, value: DeValue<'_>, problems: &mut Vec<Problem>) -> Node {
        let value = match value {
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Boolean(boolean) => Value::Boolean(boolean),
            DeValue::Datetime(moment) => Value::Moment(moment.to_string()),
            DeValue::Array(items) => {
                let node = |item: Spanned<DeValue<'_>>| {
                    let place = self.place(item.span().start);
                    self.node(place, item.into_inner(), problems)
                };
                Value::Array(items.into_iter().map(node).collect())
            }
            DeValue::Table(table) => self.table(table, problems),
            DeValue::Integer(digits) => match i128::from_str_radix(digits.as_str(), digits.radix()) {
                Ok(integer) => Value::Integer(integer),
                Err(_) => {
                    problems.push(Problem { place: place.clone(), path: String::new(), message: beyond() });
                    Value::Integer(0)
                }
            },
            // TOML's floats are Rust's, `inf` and `nan` included.
            DeValue::Float(digits) => match digits.as_str().parse() {
                Ok(float) => Value::Float(float),
                Err(_) => {
                    problems.push(Problem { place: place.clone(), path: String::new(), message: beyond() });
                    Value::Float(0.0)
                }
            },
        };
        Node { place, value }
    }
}

fn beyond() -> String {
    "a number that cannot be represented".to_owned()
}
