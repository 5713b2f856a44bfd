//! The W3C trace context of a record, passed on to all that follows from it.

use bytes::Bytes;
use messaging::{Headers, Record};

const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";
/// Where a CloudEvent carries the trace in which it arose, with the extension for distributed tracing.
const EVENT_PARENTS: [&str; 2] = ["ce_traceparent", "ce-traceparent"];
const EVENT_STATES: [&str; 2] = ["ce_tracestate", "ce-tracestate"];

/// The most bytes that are passed on: a `traceparent` has 55, and the specification lets a `tracestate` have 512.
const BYTES_MAX: usize = 512;

/// The trace that a record belongs to, if it says so.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trace<'a> {
    parent: Option<&'a Bytes>,
    state: Option<&'a Bytes>,
}

impl<'a> Trace<'a> {
    /// How many headers a trace has.
    pub(crate) const HEADERS: usize = 2;

    /// The trace of a record: that of its headers, which is the nearest; else that of the CloudEvent in it.
    pub(crate) fn of(record: &'a Record) -> Self {
        let headers = &record.headers;
        if headers.is_empty() {
            return Self::default();
        }
        let found = |name: &str| headers.get(name).filter(|value| value.len() <= BYTES_MAX);
        if let Some(parent) = found(PARENT) {
            return Self { parent: Some(parent), state: found(STATE) };
        }
        // A state without its parent says nothing.
        let Some(parent) = EVENT_PARENTS.into_iter().find_map(found) else { return Self::default() };
        Self { parent: Some(parent), state: EVENT_STATES.into_iter().find_map(found) }
    }

    /// Adds the trace to the headers of what follows.
    pub(crate) fn pass_on(self, headers: &mut Headers) {
        if let Some(parent) = self.parent {
            headers.push(PARENT, parent.clone());
        }
        if let Some(state) = self.state {
            headers.push(STATE, state.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::record;

    fn passed_on(headers: &[(&'static str, &'static [u8])]) -> Vec<(String, Bytes)> {
        let mut from = record(0, "");
        for (name, value) in headers {
            from.headers.push(*name, Bytes::from_static(value));
        }
        let mut to = Headers::new();
        Trace::of(&from).pass_on(&mut to);
        to.into_iter().map(|header| (header.name.to_string(), header.value)).collect()
    }

    #[test]
    fn a_trace_is_passed_on_as_it_came() {
        let pair = |name: &str, value: &'static [u8]| (name.to_owned(), Bytes::from_static(value));
        assert!(passed_on(&[]).is_empty());
        let both = passed_on(&[
            ("tracestate", b"a=1"),
            ("other", b""),
            ("traceparent", b"00-1"),
            ("ce_traceparent", b"2"),
        ]);
        assert_eq!(both, [pair("traceparent", b"00-1"), pair("tracestate", b"a=1")]);
        for event in [["ce_traceparent", "ce_tracestate"], ["ce-traceparent", "ce-tracestate"]] {
            let from_event = passed_on(&[(event[0], b"2"), (event[1], b"b=2"), ("tracestate", b"a=1")]);
            assert_eq!(from_event, [pair("traceparent", b"2"), pair("tracestate", b"b=2")]);
        }
    }

    #[test]
    fn what_is_no_trace_is_left_behind() {
        assert!(passed_on(&[("tracestate", b"a=1")]).is_empty());
        assert!(passed_on(&[("traceparent", &[b'x'; BYTES_MAX + 1])]).is_empty());
    }
}
