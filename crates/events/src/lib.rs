//! What crosses a topic: the events, their codecs, and the mapping from a user's own shape to ours.
//!
//! Bytes become events here, once, and nowhere else; inside the house there are only the types of this crate.
//! Four events are ours: [`FeatureEvent`] (one thing to score), [`PredictionEvent`] (one score by one model),
//! [`OutcomeEvent`] (what happened afterwards) and [`Deployment`] (which versions of a model serve). Their Avro
//! schemas live in `schemas/avro`, with golden bytes for every version ever published beside them.
//!
//! **Invariant:** only this crate knows Avro.

mod avro;
mod cloud_event;
mod count;
mod decoder;
mod deployment;
mod document;
mod envelope;
mod error;
mod feature;
mod fields;
mod identity;
mod mapping;
mod native;
mod outcome;
mod prediction;
mod schema_id;
mod timestamp;
mod wire;

pub use avro::{SchemaKind, SchemaText, Schemas};
pub use cloud_event::{Attributes, Binding, CloudEvents, STRUCTURED_TYPE};
pub use decoder::{Decoded, Decoder, Origin, OutcomeDecoder, Row, RowDecoder};
pub use deployment::{
    ArmRoute, Deployment, ExperimentRoute, LayerRoute, Shadow, TargetingRule, TargetingTest,
};
pub use envelope::{Headers, ORIGIN_HEADER};
pub use error::{DecodeError, EncodeError, MappingError, Undecoded};
pub use feature::{FeatureEvent, Unit, Units};
pub use fields::{FieldNames, Fields, FieldsBuilder, Value};
pub use identity::{SERVED_SLOT, event_sample, outcome_id, prediction_id, shadow_slot};
pub use mapping::{FeatureMapping, FieldsAt, OutcomeMapping, Pairs, TimeFormat, TypeMapping, UnitsAt};
pub use native::{Encoding, Event, Framing, NativeDecoder};
pub use outcome::{OutcomeEvent, Subject};
pub use prediction::{Fallback, Outputs, PredictionEvent, Role};
pub use schema_id::SchemaId;
pub use timestamp::Timestamp;
pub use wire::Limits;
