//! Where the definitions of experiments are looked up.

use std::sync::Arc;

use crate::Experiment;

/// Looks up the definitions of experiments that are known now. They may change while a service runs.
#[derive(Clone)]
pub struct Definitions(Arc<dyn Fn() -> (Vec<Experiment>, Vec<String>) + Send + Sync>);

impl Definitions {
    /// Asks `look_up` each time; it gives the definitions that can be read, and all that is wrong with the others.
    pub fn new(look_up: impl Fn() -> (Vec<Experiment>, Vec<String>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(look_up))
    }

    /// The definitions that can be read, and all that is wrong with the others.
    pub fn get(&self) -> (Vec<Experiment>, Vec<String>) {
        (self.0)()
    }
}

impl std::fmt::Debug for Definitions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Definitions").finish_non_exhaustive()
    }
}
