//! One consumer, and what has come from it.

use std::collections::VecDeque;
use std::sync::Arc;

use async_nats::{Message, Subject};
use tokio::time::{Duration, Instant};

use super::reply::Delivery;
use crate::lane::Limits;
use crate::nats::codec;
use crate::nats::topics::Topic;
use crate::record::Record;

/// The header of a refusal that says how many records are not coming.
const PENDING: &str = "Nats-Pending-Messages";

/// What a record costs beside its payload, in bytes.
const OVERHEAD: usize = 64;

/// A consumer of one partition.
#[derive(Debug)]
pub(crate) struct Tap {
    pub(crate) topic: Arc<Topic>,
    pub(crate) partition: u32,
    pub(crate) consumer: String,
    /// The offset after the last record that was taken.
    pub(crate) taken: u64,
    /// The offset after the last record that has come.
    pub(crate) position: u64,
    /// How many records the consumer has delivered.
    pub(crate) delivered: u64,
    /// How many it still has, as it said last.
    pub(crate) pending: u64,
    /// How many it was asked for and has not delivered.
    pub(crate) asked: usize,
    pub(crate) is_broken: bool,
    /// When something came from it last, or it was asked after nothing was to come.
    pub(super) heard: Instant,
    records: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    record: Record,
    bytes: usize,
    ack: Subject,
}

/// What was taken of a tap.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// Acknowledges all of it, and all before.
    pub(crate) ack: Option<Subject>,
}

impl Tap {
    /// A consumer that begins at an offset.
    pub(crate) fn new(topic: &Arc<Topic>, partition: u32, consumer: String, offset: u64) -> Self {
        Self {
            topic: Arc::clone(topic),
            partition,
            consumer,
            taken: offset,
            position: offset,
            delivered: 0,
            pending: 0,
            asked: 0,
            is_broken: false,
            heard: Instant::now(),
            records: VecDeque::new(),
        }
    }

    /// Goes on with another consumer, which begins where this one was.
    pub(crate) fn reopen(&mut self, consumer: String) {
        self.consumer = consumer;
        self.delivered = 0;
        self.asked = 0;
        self.is_broken = false;
    }

    /// Returns how many records have come and were not taken.
    pub(crate) fn waiting(&self) -> usize {
        self.records.len()
    }

    /// Returns how many records to ask for: some, once half of the window is empty.
    pub(super) fn room(&self, window: usize) -> Option<usize> {
        let count = self.asked + self.records.len();
        (!self.is_broken && count <= window / 2).then(|| window - count)
    }

    pub(super) fn ask(&mut self, count: usize) {
        if self.asked == 0 {
            self.heard = Instant::now();
        }
        self.asked += count;
    }

    /// Says whether it was asked and nothing came for so long.
    pub(super) fn is_silent(&self, long: Duration) -> bool {
        self.asked > 0 && self.heard.elapsed() > long
    }

    /// Notes a record. `ack` is the message's reply.
    pub(super) fn deliver(&mut self, delivery: Delivery<'_>, ack: Subject, message: Message) {
        self.asked = self.asked.saturating_sub(1);
        self.heard = Instant::now();
        if delivery.delivery != self.delivered + 1 {
            // Some have gone elsewhere: to a lane that was here before, or with a connection.
            self.is_broken = true;
        }
        if self.is_broken {
            return;
        }
        self.delivered = delivery.delivery;
        self.pending = delivery.pending;
        if delivery.sequence < self.position {
            return;
        }
        self.position = delivery.sequence + 1;
        let decoded = codec::decode(message.headers, message.payload);
        let record = Record {
            topic: Arc::clone(&self.topic.name),
            partition: self.partition,
            offset: delivery.sequence,
            timestamp: decoded.timestamp.unwrap_or(delivery.stored),
            key: decoded.key,
            value: decoded.value,
            headers: decoded.headers,
        };
        self.records.push_back(Waiting { record, bytes: message.length + OVERHEAD, ack });
    }

    /// Notes that records are not coming: a request has expired or had enough bytes, or the consumer is gone.
    pub(super) fn refuse(&mut self, message: &Message) {
        let pending = message.headers.as_ref().and_then(|headers| headers.get(PENDING));
        match pending.and_then(|pending| pending.as_str().parse::<usize>().ok()) {
            Some(pending) => self.asked = self.asked.saturating_sub(pending),
            None => self.is_broken = true,
        }
    }

    /// Takes what is there, up to an offset and the limits of the batch, whose first record comes in any case.
    pub(super) fn take(
        &mut self,
        until: u64,
        limits: Limits,
        records: &mut Vec<Record>,
        bytes: &mut usize,
    ) -> Option<Taken> {
        let from = self.taken;
        let mut ack = None;
        while let Some(first) = self.records.front().filter(|first| first.record.offset < until) {
            let is_full = records.len() >= limits.records || *bytes + first.bytes > limits.bytes;
            if is_full && !records.is_empty() {
                break;
            }
            let Some(first) = self.records.pop_front() else { break };
            *bytes += first.bytes;
            self.taken = first.record.offset + 1;
            ack = Some(first.ack);
            records.push(first.record);
        }
        ack.is_some().then_some(Taken { from, to: self.taken, ack })
    }

    /// Returns the offset of the first record that waits.
    pub(crate) fn first(&self) -> Option<u64> {
        self.records.front().map(|first| first.record.offset)
    }
}
