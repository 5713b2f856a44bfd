//! Drafts of inputs for artifacts that say which columns they read.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::write::{category, number, quoted};
use super::{Drafter, unnamed};
use crate::encoder::spell;
use crate::manifest::DataType;
use crate::signature::{Column, ColumnKind, Signature};

/// What stands between feature and value in the name of a one-hot column.
const ONE_HOT: char = '=';

/// An input in the making.
enum Drafted<'s> {
    /// A column by itself.
    Column(&'s Column),
    /// The one-hot columns of a feature.
    OneHot { feature: &'s str, values: Vec<&'s str> },
}

impl Drafter<'_> {
    /// The inputs of an artifact.
    pub(super) fn columns(&mut self, signature: &Signature) {
        let features = self.features(signature);
        for drafted in group(&signature.columns) {
            match drafted {
                Drafted::OneHot { feature, values } => self.one_hot(feature, &values),
                Drafted::Column(column) => {
                    let feature =
                        features.get(&column.name).cloned().unwrap_or_else(|| Arc::clone(&column.name));
                    self.column(column, &feature);
                }
            }
        }
    }

    /// For columns that the artifact does not name, the features that feed them.
    fn features(&mut self, signature: &Signature) -> BTreeMap<Arc<str>, Arc<str>> {
        if signature.is_named {
            return BTreeMap::new();
        }
        let names: Vec<_> = signature.columns.iter().map(|column| Arc::clone(&column.name)).collect();
        let known = &self.found.around.columns;
        if known.len() != names.len() {
            self.open.push(unnamed(&names));
            return BTreeMap::new();
        }
        self.notes.push("the columns have the names of the signature, in its order".to_owned());
        names.into_iter().zip(known.iter().map(|name| name.as_str().into())).collect()
    }

    fn column(&mut self, column: &Column, feature: &str) {
        self.writer.table("input");
        self.writer.field("feature", &quoted(feature));
        if feature != &*column.name {
            self.writer.field("column", &quoted(&column.name));
        }
        let codes = self.beside.categories.as_ref().and_then(|codes| {
            let values: Option<Vec<_>> = codes.categories.get(feature)?.iter().map(category).collect();
            Some((values?, codes.unknown))
        });
        match (&column.kind, codes) {
            (ColumnKind::Text, _) => {
                self.writer.field("kind", "\"text\"");
                self.writer.field("fill", "\"\"");
            }
            (ColumnKind::Boolean, _) => self.writer.field("kind", "\"boolean\""),
            (ColumnKind::Category(values), _) if !values.is_empty() => {
                let values: Vec<_> = values.iter().map(as_toml).collect();
                self.writer.field("kind", "\"category\"");
                self.writer.list("values", &values);
            }
            (_, Some((values, unknown))) => {
                self.writer.field("kind", "\"category\"");
                self.writer.list("values", &values);
                if let Some(unknown) = unknown {
                    self.writer.field("unknown", &number(unknown));
                    self.writer.field("missing", &number(unknown));
                }
            }
            (ColumnKind::Category(_), None) => {
                self.writer.field("kind", "\"number\"");
                self.notes.push(format!(
                    "the column {} holds codes of categories that are nowhere listed: events must carry the codes, or \
                     `kind = \"category\"` the list",
                    column.name
                ));
            }
            (ColumnKind::Number(data_type), None) => {
                self.writer.field("kind", "\"number\"");
                match data_type {
                    DataType::Int64 => self.writer.field("type", "\"int64\""),
                    DataType::Int32 => self.writer.field("type", "\"int32\""),
                    DataType::Float | DataType::Double => {}
                }
            }
        }
    }

    fn one_hot(&mut self, feature: &str, values: &[&str]) {
        self.notes.push(format!(
            "the {} columns {feature}{ONE_HOT}… are taken for the one-hot categories of the feature {feature}, all of \
             them 0 for other values",
            values.len()
        ));
        self.writer.table("input");
        self.writer.field("feature", &quoted(feature));
        self.writer.field("kind", "\"one_hot\"");
        self.writer.field("column", &quoted(&format!("{feature}{ONE_HOT}{{}}")));
        self.writer.list("values", &values.iter().map(|value| quoted(value)).collect::<Vec<_>>());
        self.writer.field("unknown", "\"zeros\"");
        self.writer.field("missing", "\"zeros\"");
    }
}

/// Columns by themselves, and those of one feature together, where the first of them stands.
fn group(columns: &[Column]) -> Vec<Drafted<'_>> {
    let mut drafted: Vec<Drafted<'_>> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for column in columns {
        let split = column.name.split_once(ONE_HOT).filter(|(feature, _)| !feature.is_empty());
        let (Some((feature, value)), ColumnKind::Number(_) | ColumnKind::Boolean) = (split, &column.kind)
        else {
            drafted.push(Drafted::Column(column));
            continue;
        };
        let place = *places.entry(feature).or_insert(drafted.len());
        match drafted.get_mut(place) {
            Some(Drafted::OneHot { values, .. }) => values.push(value),
            _ => drafted.push(Drafted::OneHot { feature, values: vec![value] }),
        }
    }
    drafted
}

fn as_toml(value: &events::Value) -> String {
    match value {
        events::Value::Text(text) => quoted(text),
        events::Value::Number(value) => number(*value),
        other => spell(other),
    }
}
