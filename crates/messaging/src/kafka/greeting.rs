//! The first word with a cluster, which shows that the address, the encryption and the credentials are right.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::{Shared, client, fault};
use crate::error::Error;

/// How long one question may take before the complaints are looked at.
const QUESTION: Duration = Duration::from_secs(1);

/// How long the first answer is waited for: a wrong address should be said soon.
const FIRST: Duration = Duration::from_secs(10);

/// Keeps what the client complains about.
#[derive(Debug, Default)]
struct Complaints(Mutex<Option<(Option<RDKafkaErrorCode>, String)>>);

impl ClientContext for Complaints {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // The reason why a connection failed is only told here.
        if facility == "FAIL" {
            let (_thread, reason) = message.split_once("]: ").unwrap_or(("", message));
            self.note(None, reason);
        } else {
            client::log(level, facility, message);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // That all servers are down follows from what was said before.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            self.note(error.rdkafka_error_code(), reason);
        }
    }
}

impl Complaints {
    /// Keeps the latest complaint, and the code of the latest that has one.
    fn note(&self, code: Option<RDKafkaErrorCode>, reason: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let code = code.or(known.as_ref().and_then(|(code, _)| *code));
        *known = Some((code, reason.to_owned()));
    }
}

impl ConsumerContext for Complaints {}

/// Waits until a server answers.
///
/// # Errors
/// [`Error::Server`] with what the client has to complain about: at once where it is not let in, else when nobody has
/// answered for ten seconds.
pub(super) fn greet(shared: &Arc<Shared>) -> Result<(), Error> {
    let config = client::with_options(shared.client.clone(), &shared.config.kafka);
    let consumer: BaseConsumer<Complaints> =
        fault::checked(config.create_with_context(Complaints::default()), &shared.servers)?;
    let began = Instant::now();
    loop {
        let Err(error) = consumer.fetch_metadata(Some("__consumer_offsets"), QUESTION) else { return Ok(()) };
        // The complaints come by the client's own queue.
        while consumer.poll(Duration::ZERO).is_some() {}
        let complaint = consumer.context().0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_hopeless = complaint.as_ref().is_some_and(|(code, _)| code.is_some_and(is_hopeless));
        if is_hopeless || began.elapsed() > FIRST {
            let reason = complaint.map_or_else(|| error.to_string(), |(_, reason)| reason);
            return Err(shared.server_error(format!("cannot connect: {reason}")));
        }
    }
}

/// Whether waiting does not help.
fn is_hopeless(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::SSL | RDKafkaErrorCode::Resolve) || client::is_refusal(code)
}
