//! The producer: it writes events at a steady pace, and knows where each of them went.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use messaging::{Placed, Writer};
use tokio::task::JoinHandle;

use crate::events::{Event, Sent, event};
use crate::witness::Look;

/// 40 events every 50 ms: about 800 a second, so that commits come thick and fast and a run has thousands of events.
const CHUNK: usize = 40;
const PAUSE: Duration = Duration::from_millis(50);

/// A producer that runs until it is stopped.
pub(crate) struct Feed {
    sent: Arc<Mutex<Vec<Sent>>>,
    must_stop: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Feed {
    pub(crate) fn start(Look { runtime, broker }: &Look) -> Self {
        let sent = Arc::<Mutex<Vec<Sent>>>::default();
        let must_stop = Arc::<AtomicBool>::default();
        let task = runtime.spawn(produce(broker.writer(), Arc::clone(&sent), Arc::clone(&must_stop)));
        Self { sent, must_stop, task }
    }

    /// Takes note of an event that somebody else has written.
    pub(crate) fn add(&self, sent: Sent) {
        self.sent.lock().unwrap().push(sent);
    }

    /// Lets `look` see what is on the topic.
    pub(crate) fn with_sent<T>(&self, look: impl FnOnce(&[Sent]) -> T) -> T {
        look(&self.sent.lock().unwrap())
    }

    /// Stops, and returns all that was sent.
    pub(crate) fn stop(&mut self, Look { runtime, .. }: &Look) -> Vec<Sent> {
        self.must_stop.store(true, Ordering::Relaxed);
        runtime.block_on(&mut self.task).unwrap();
        std::mem::take(&mut *self.sent.lock().unwrap())
    }
}

async fn produce(writer: Writer, sent: Arc<Mutex<Vec<Sent>>>, must_stop: Arc<AtomicBool>) {
    let mut next = 0;
    while !must_stop.load(Ordering::Relaxed) {
        let events: Vec<Event> = (next..next + CHUNK).map(event).collect();
        next += CHUNK;
        let outputs = events.iter().map(|event| event.output.clone()).collect();
        let placed: Vec<Placed> = writer.append(outputs).await.unwrap();
        let known = events.into_iter().zip(placed).map(|(event, placed)| Sent { event, placed });
        sent.lock().unwrap().extend(known);
        tokio::time::sleep(PAUSE).await;
    }
}
