//! Topic to score to topic: the lanes.
//!
//! A lane takes a batch of records, decodes them, scores them, and commits what came of them together with its
//! position. There is one lane for production, which routes canary and variants inside it, and one for each shadow.
//! Read [`lane`] first: it is the whole service on a page.
//!
//! **Invariant:** a shadow is a lane of its own, with its own consumer group, its own thread and its own copy of
//! the model. It can fail, lag or hang, and production does not notice.

mod config;
pub mod dead_letter;
pub mod deployment;
mod headers;
pub mod lane;
mod lanes;
mod metrics;
mod predictions;
pub mod redrive;
mod schemas;
mod service;
mod setup;
#[cfg(test)]
mod testing;
mod totals;
mod trace;
mod work;

pub use config::{
    BatchConfig, FramingKind, InputConfig, ModelConfig, OutputConfig, SchemaFile, ShadowConfig, Topics,
};
pub use service::{Config, Lanes, Service};
pub use setup::SetupError;
pub use totals::{LaneList, LaneTotals, NamedTotals, Totals};
