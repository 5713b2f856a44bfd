//! Finds types that contain themselves.

use std::collections::{HashMap, HashSet};

use apache_avro::Schema;
use apache_avro::schema::{Name, NamespaceRef};

/// A type of `schema` that contains itself, if there is one; `references` are the named types that it uses.
pub(super) fn find(schema: &Schema, references: &[Schema]) -> Option<String> {
    let mut search = Search::default();
    for reference in references {
        search.name(reference);
    }
    search.visit(schema, None)
}

#[derive(Default)]
struct Search<'s> {
    named: HashMap<Name, &'s Schema>,
    /// The records around the place at hand.
    around: Vec<Name>,
    /// The records that are known not to contain themselves.
    done: HashSet<Name>,
}

impl<'s> Search<'s> {
    fn name(&mut self, schema: &'s Schema) {
        if let Schema::Record(record) = schema {
            self.named.insert(record.name.clone(), schema);
        }
    }

    fn visit(&mut self, schema: &'s Schema, namespace: NamespaceRef<'_>) -> Option<String> {
        match schema {
            Schema::Array(array) => self.visit(&array.items, namespace),
            Schema::Map(map) => self.visit(&map.types, namespace),
            Schema::Union(union) => union.variants().iter().find_map(|each| self.visit(each, namespace)),
            Schema::Record(record) => {
                let name = record.name.fully_qualified_name(namespace).into_owned();
                self.named.entry(name.clone()).or_insert(schema);
                self.enter(name, schema)
            }
            Schema::Ref { name } => {
                let name = name.fully_qualified_name(namespace).into_owned();
                let named = self.named.get(&name).copied();
                // Enums and fixed bytes contain nothing.
                named.and_then(|named| self.enter(name, named))
            }
            _ => None,
        }
    }

    fn enter(&mut self, name: Name, schema: &'s Schema) -> Option<String> {
        if self.around.contains(&name) {
            return Some(name.fullname(None));
        }
        let Schema::Record(record) = schema else { return None };
        if self.done.contains(&name) {
            return None;
        }
        let namespace = name.namespace().map(ToOwned::to_owned);
        self.around.push(name.clone());
        let found = record.fields.iter().find_map(|field| self.visit(&field.schema, namespace.as_deref()));
        self.around.pop();
        self.done.insert(name);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recursive(text: &str, references: &[&str]) -> Option<String> {
        let (schema, references) = Schema::parse_str_with_list(text, references).unwrap();
        find(&schema, &references)
    }

    #[test]
    fn types_that_contain_themselves_are_found() {
        let list = r#"{"type": "record", "name": "List", "namespace": "a", "fields": [
            {"name": "next", "type": ["null", "List"], "default": null}]}"#;
        let around = r#"{"type": "record", "name": "Around", "fields": [
            {"name": "all", "type": {"type": "array", "items": {"type": "map", "values": "a.List"}}}]}"#;
        assert_eq!(recursive(list, &[]).as_deref(), Some("a.List"));
        assert_eq!(recursive(around, &[list]).as_deref(), Some("a.List"));
    }

    #[test]
    fn a_type_may_be_used_again_and_again() {
        let twice = r#"{"type": "record", "name": "Twice", "fields": [
            {"name": "a", "type": {"type": "record", "name": "Part", "fields": [
                {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["x"]}}]}},
            {"name": "b", "type": "Part"}, {"name": "c", "type": ["null", "Part"]}, {"name": "d", "type": "Kind"}]}"#;
        assert_eq!(recursive(twice, &[]), None);
    }
}
