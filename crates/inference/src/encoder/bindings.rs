//! Where the columns of an encoder are in the events of a stream.

use std::sync::Arc;

use events::FieldNames;

use super::Column;

/// Lists of names whose columns stay bound. Producers have a handful; a stream whose every event has other names
/// binds again and again, in bounded memory.
pub(super) const BINDINGS_MAX: usize = 64;

/// Where the columns of one encoder are in events of the shapes seen last. Of one thread, and of one encoder.
#[derive(Debug, Default)]
pub(crate) struct Bindings {
    pub(super) known: Vec<Binding>,
    /// The one used last: nearly always the next one too.
    last: usize,
}

#[derive(Debug)]
pub(super) struct Binding {
    /// Held, not only looked at: while it lives, no other list can have its address.
    names: Arc<FieldNames>,
    /// For each column its place in the event, where the event has it.
    places: Vec<Option<usize>>,
}

impl Bindings {
    pub(super) fn places(&mut self, names: &Arc<FieldNames>, columns: &[Column]) -> &[Option<usize>] {
        let is_it = |binding: &Binding| Arc::ptr_eq(&binding.names, names);
        if !self.known.get(self.last).is_some_and(is_it) {
            self.last = self.known.iter().position(is_it).unwrap_or_else(|| self.bind(names, columns));
        }
        &self.known[self.last].places
    }

    fn bind(&mut self, names: &Arc<FieldNames>, columns: &[Column]) -> usize {
        if self.known.len() >= BINDINGS_MAX {
            self.known.clear();
        }
        let places = columns.iter().map(|column| names.position(&column.feature)).collect();
        self.known.push(Binding { names: Arc::clone(names), places });
        self.known.len() - 1
    }
}
