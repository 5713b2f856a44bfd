//! Records on their way in: one subscription for all consumers of a lane or reader, which ask for so many records
//! ahead, and no more.

mod reply;
mod tap;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_nats::{StatusCode, Subscriber};
use futures_util::{FutureExt, StreamExt};
use serde_json::json;
use tokio::time::Instant;

use crate::error::Error;
use crate::lane::Limits;
use crate::nats::Shared;
use crate::nats::stream::nanoseconds;
use crate::record::Record;
use reply::Delivery;
pub(crate) use tap::{Taken, Tap};

/// How many records one consumer may have on their way and in memory, and all of them together.
const WINDOW: usize = 2_000;
const WINDOWS: usize = 128_000;
/// How long one request for records stands.
const EXPIRES: Duration = Duration::from_secs(30);
/// How often an idle consumer says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long the next of several records may take that are on their way.
const BREAK: Duration = Duration::from_millis(2);
/// How long a consumer that was asked may be silent. Its requests are lost where it is made anew just then.
const SILENCE: Duration = Duration::from_secs(5);

/// The consumers of a lane or reader, by a number that each gets once.
#[derive(Debug)]
pub(crate) struct Inflow {
    shared: Arc<Shared>,
    inbox: String,
    messages: Subscriber,
    taps: BTreeMap<u64, Tap>,
    /// By the consumer's name.
    numbers: HashMap<String, u64>,
    opened: u64,
    /// The connection over which the consumers were asked.
    connects: u64,
}

impl Inflow {
    pub(crate) async fn open(shared: &Arc<Shared>) -> Result<Self, Error> {
        let session = &shared.session;
        let inbox = session.client.new_inbox();
        let messages = session.client.subscribe(format!("{inbox}.*")).await;
        Ok(Self {
            shared: Arc::clone(shared),
            messages: messages.map_err(|error| session.problem(format!("cannot subscribe: {error}")))?,
            inbox,
            taps: BTreeMap::new(),
            numbers: HashMap::new(),
            opened: 0,
            connects: session.state.borrow().connects,
        })
    }

    /// Adds a consumer that is there.
    pub(crate) fn add(&mut self, tap: Tap) -> u64 {
        self.opened += 1;
        self.numbers.insert(tap.consumer.clone(), self.opened);
        self.taps.insert(self.opened, tap);
        self.opened
    }

    pub(crate) fn remove(&mut self, number: u64) -> Option<Tap> {
        let tap = self.taps.remove(&number)?;
        self.numbers.remove(&tap.consumer);
        Some(tap)
    }

    pub(crate) fn tap(&self, number: u64) -> Option<&Tap> {
        self.taps.get(&number)
    }

    /// Says whether what was delivered may be lost: a consumer has to be made anew, at its position.
    pub(crate) fn is_broken(&self, number: u64) -> bool {
        self.taps.get(&number).is_none_or(|tap| tap.is_broken)
    }

    /// Notes everything that has come.
    ///
    /// # Errors
    /// If the subscription is gone.
    pub(crate) fn drain(&mut self) -> Result<(), Error> {
        while let Some(message) = self.messages.next().now_or_never() {
            let message = message.ok_or_else(|| self.gone())?;
            self.hear(message);
        }
        let connects = self.shared.session.state.borrow().connects;
        if std::mem::replace(&mut self.connects, connects) != connects {
            // Whatever was on its way when the connection was lost is lost.
            self.taps.values_mut().for_each(|tap| tap.is_broken = true);
        }
        self.taps.values_mut().for_each(|tap| tap.is_broken |= tap.is_silent(SILENCE));
        Ok(())
    }

    /// Waits until something comes, or something should have.
    pub(crate) async fn wait(&mut self) -> Result<(), Error> {
        let mut state = self.shared.session.state.clone();
        let connects = self.connects;
        let message = tokio::select! {
            message = tokio::time::timeout(SILENCE, self.messages.next()) => message,
            // A new connection, or the end.
            _ = state.wait_for(|state| state.ended.is_some() || state.connects != connects) => {
                return self.shared.session.check();
            }
        };
        match message {
            Ok(Some(message)) => self.hear(message),
            Ok(None) => return Err(self.gone()),
            // Who was asked and is silent is seen to by whoever waits again.
            Err(_silent) => {}
        }
        Ok(())
    }

    /// Lets come what is on its way, if something has come: up to so many records, for as long as they come without
    /// a break.
    pub(crate) async fn gather(&mut self, records: usize) -> Result<(), Error> {
        loop {
            let waiting: usize = self.taps.values().map(Tap::waiting).sum();
            let is_coming = self.taps.values().any(|tap| tap.pending > 0 && tap.asked > 0 && !tap.is_broken);
            if waiting == 0 || waiting >= records || !is_coming {
                return Ok(());
            }
            match tokio::time::timeout(BREAK, self.messages.next()).await {
                Ok(Some(message)) => self.hear(message),
                Ok(None) => return Err(self.gone()),
                Err(_break) => return Ok(()),
            }
            self.drain()?;
        }
    }

    fn gone(&self) -> Error {
        self.shared.session.check().err().unwrap_or(Error::Closed)
    }

    fn hear(&mut self, message: async_nats::Message) {
        if message.status.is_none() {
            return self.deliver(message);
        }
        let number = message.subject.rsplit('.').next().and_then(|number| number.parse().ok());
        let Some(tap) = number.and_then(|number: u64| self.taps.get_mut(&number)) else { return };
        match message.status {
            Some(StatusCode::IDLE_HEARTBEAT) => tap.heard = Instant::now(),
            _ => tap.refuse(&message),
        }
    }

    /// Notes a record. It has the subject under which it was stored, and only its acknowledgement says who sends it.
    fn deliver(&mut self, mut message: async_nats::Message) {
        let Some(ack) = message.reply.take() else { return };
        let Some(delivery) = Delivery::parse(&ack) else { return };
        let number = self.numbers.get(delivery.consumer);
        if let Some(tap) = number.and_then(|number| self.taps.get_mut(number)) {
            tap.deliver(delivery, ack.clone(), message);
        }
    }

    /// Asks for records where there is room.
    pub(crate) async fn ask(&mut self) -> Result<(), Error> {
        let bytes = self.bytes();
        let window = (WINDOWS / self.taps.len().max(1)).min(WINDOW);
        let session = &self.shared.session;
        for (number, tap) in &mut self.taps {
            let Some(count) = tap.room(window) else { continue };
            let request = json!({
                "batch": count,
                "expires": nanoseconds(EXPIRES),
                "idle_heartbeat": nanoseconds(HEARTBEAT),
                "max_bytes": bytes,
            });
            let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", tap.topic.stream, tap.consumer);
            let reply = format!("{}.{number}", self.inbox);
            let request = serde_json::to_vec(&request).unwrap_or_default();
            let asked = session.client.publish_with_reply(subject, reply, request.into());
            tokio::select! {
                biased;
                asked = asked => if asked.is_ok() { tap.ask(count) },
                ended = session.ended() => return Err(ended),
            }
        }
        Ok(())
    }

    /// How many bytes each consumer may have on their way: the largest message at least.
    fn bytes(&self) -> u64 {
        let share = self.shared.config.queue_bytes / (2 * self.taps.len().max(1) as u64);
        share.max(2 * self.shared.session.client.max_payload() as u64)
    }

    /// Takes records of these consumers in turn, each from where it was, up to `limits` and to each one's bound.
    pub(crate) fn take(
        &mut self,
        numbers: &[(u64, u64)],
        limits: Limits,
    ) -> (Vec<Record>, Vec<(u64, Taken)>) {
        let mut records = Vec::new();
        let mut taken = Vec::new();
        let mut bytes = 0;
        for (number, until) in numbers {
            let Some(tap) = self.taps.get_mut(number) else { continue };
            if let Some(moved) = tap.take(*until, limits, &mut records, &mut bytes) {
                taken.push((*number, moved));
            }
        }
        (records, taken)
    }
}
