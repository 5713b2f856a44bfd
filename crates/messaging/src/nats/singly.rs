//! Outputs stored one by one, for servers that cannot store them together.

use async_nats::{HeaderMap, Subject, header};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::{Duration, timeout};

use crate::error::Error;
use crate::nats::codec;
use crate::nats::outputs::Planned;
use crate::nats::session::{self, Published, Refusal, Session, Stored};

/// How many may be on their way at once.
const IN_FLIGHT: usize = 500;
/// How long the next answer may take.
const ANSWER: Duration = Duration::from_secs(10);

/// What became of outputs that were stored one by one.
#[derive(Debug)]
pub(crate) enum Singly {
    /// All are stored, at these sequences.
    Stored(Vec<u64>),
    /// One is refused; others may be stored.
    Refused(Refusal),
    /// Nobody knows of which.
    Unknown,
}

/// Publishes outputs one by one, in order. Under the same ids they can be published again: the server drops what it
/// has.
pub(crate) async fn send(
    session: &Session,
    outputs: &[Planned],
    id: impl Fn(usize, &Planned) -> String,
) -> Result<Singly, Error> {
    let mut sequences = Vec::with_capacity(outputs.len());
    for (chunk, outputs) in outputs.chunks(IN_FLIGHT).enumerate() {
        let messages = outputs.iter().enumerate().map(|(place, planned)| {
            let (mut headers, payload) = codec::encode(&planned.output);
            headers.insert(header::NATS_MESSAGE_ID, id(chunk * IN_FLIGHT + place, planned));
            (planned.topic.subjects[planned.partition as usize].clone(), headers, payload)
        });
        match store(session, messages).await? {
            Singly::Stored(stored) => sequences.extend(stored),
            other => return Ok(other),
        }
    }
    Ok(Singly::Stored(sequences))
}

async fn store(
    session: &Session,
    messages: impl ExactSizeIterator<Item = (Subject, HeaderMap, Bytes)>,
) -> Result<Singly, Error> {
    let inbox = session.client.new_inbox();
    let Ok(mut answers) = session.client.subscribe(format!("{inbox}.*")).await else {
        return Ok(Singly::Unknown);
    };
    let mut sequences: Vec<Option<u64>> = vec![None; messages.len()];
    for (place, (subject, headers, payload)) in messages.enumerate() {
        let reply = format!("{inbox}.{place}");
        let published = session.client.publish_with_reply_and_headers(subject, reply, headers, payload);
        tokio::select! {
            biased;
            sent = published => if sent.is_err() { return Ok(Singly::Unknown) },
            ended = session.ended() => return Err(ended),
        }
    }
    while sequences.iter().any(Option::is_none) {
        let answer = tokio::select! {
            ended = session.ended() => return Err(ended),
            answer = timeout(ANSWER, answers.next()) => answer,
        };
        let Ok(Some(answer)) = answer else { return Ok(Singly::Unknown) };
        let place = answer.subject.rsplit('.').next().and_then(|place| place.parse::<usize>().ok());
        match (session::published(&answer.payload), place.and_then(|place| sequences.get_mut(place))) {
            (Published::Stored(Stored { sequence }), Some(slot)) => *slot = Some(sequence),
            (Published::Refused(refusal), _) => return Ok(Singly::Refused(refusal)),
            _ => return Ok(Singly::Unknown),
        }
    }
    Ok(Singly::Stored(sequences.into_iter().flatten().collect()))
}
