//! What an error of the client library means for us.

use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

use super::Settings;
use crate::error::Error;

/// The result with its error as ours. Only for what never succeeds by trying again.
pub(crate) fn checked<T>(result: KafkaResult<T>, servers: &str) -> Result<T, Error> {
    result.map_err(|error| match error {
        KafkaError::ClientConfig(_, reason, option, _) => {
            let problem = format!("kafka option `{option}`: {}", reason.trim());
            Error::Config { problems: vec![problem] }
        }
        KafkaError::ClientCreation(reason) => Error::Config { problems: vec![reason] },
        other => Error::Server { server: format!("kafka://{servers}"), problem: other.to_string() },
    })
}

/// Why the cluster says no for good, in words that say what to do where that is known.
pub(crate) fn refusal(error: &KafkaError, settings: &Settings) -> String {
    if error.rdkafka_error_code() != Some(RDKafkaErrorCode::FencedInstanceId) {
        return error.to_string();
    }
    let instance = settings.instance.as_deref().unwrap_or_default();
    format!("another process runs as instance {instance:?}; each needs a name of its own")
}

/// What is to be done about a step of a transaction that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// The same call again.
    Retry,
    /// The transaction is over, and nothing of it counts; the producer is sound.
    Abort,
    /// What became of the transaction is not known, or the producer is of no more use: a new one with the same
    /// id ends what the old one began, and the positions tell.
    Rebuild,
    /// The cluster knows us and says no: trying again does not help.
    GiveUp,
}

/// Tells what to do about an error of a transaction, by the three flags that librdkafka gives it.
///
/// A time-out is ambiguous: the request may still arrive, and with a protocol that does not number transactions
/// (before KIP-890, which librdkafka does not speak) even end the next one. Only a new producer, whose epoch
/// fences the old one's requests, is safe then (librdkafka#5423).
pub(crate) fn remedy(error: &KafkaError) -> Remedy {
    match error {
        KafkaError::Transaction(error) if crate::kafka::client::is_refusal(error.code()) => Remedy::GiveUp,
        KafkaError::Transaction(error) if error.is_fatal() => Remedy::Rebuild,
        KafkaError::Transaction(error) if error.txn_requires_abort() => Remedy::Abort,
        KafkaError::Transaction(error) if error.code() == RDKafkaErrorCode::OperationTimedOut => {
            Remedy::Rebuild
        }
        KafkaError::Transaction(error) if error.is_retriable() => Remedy::Retry,
        KafkaError::Flush(_) => Remedy::Abort,
        // librdkafka's own advice for an error without a flag: as if it were fatal.
        _ => Remedy::Rebuild,
    }
}
