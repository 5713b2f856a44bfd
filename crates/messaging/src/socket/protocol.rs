//! What crosses the socket: a length in four bytes, little-endian, and that much postcard.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::config::{COMMIT_HEADROOM_BYTES, MAX_RECORD_BYTES};
use crate::embedded::tail::Stretch;
use crate::error::{Error, Fate};
use crate::lane::{Limits, Start};
use crate::record::{Lag, Output, Placed, Position, Record, TopicInfo};

/// The protocol's version; both sides must have the same.
pub(crate) const VERSION: u32 = 1;

/// The largest frame in either direction, in bytes: room for the largest record and then some.
pub(crate) const MAX_FRAME: usize = 64 << 20;

// A guest who tails dead letters gets the largest record that a lane may commit: it has to fit, with as much
// again for its headers' lengths, its topic and the other offsets.
const _: () = assert!(MAX_RECORD_BYTES + 2 * COMMIT_HEADROOM_BYTES <= MAX_FRAME as u64);

/// The most that one read returns, besides that the first record always comes: the rest takes another.
pub(crate) const MAX_READ: Limits = Limits { records: 10_000, bytes: 8 << 20 };

/// What a peer asks for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Comes first.
    Hello {
        version: u32,
    },
    CreateTopic {
        name: String,
        partitions: Option<u32>,
    },
    Topics,
    Committed {
        group: String,
    },
    Lag {
        group: String,
    },
    Append {
        outputs: Vec<Output>,
    },
    Start {
        topics: Vec<String>,
        start: Start,
    },
    Read {
        stretches: Vec<Stretch>,
        limits: Limits,
        turn: u64,
        wait: bool,
    },
}

/// What the owner answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Response {
    Done,
    Topics(Vec<TopicInfo>),
    Positions(Vec<Position>),
    Lags(Vec<Lag>),
    Placed(Vec<Placed>),
    Records { records: Vec<Record>, offsets: Vec<u64> },
    Refused { message: String, fate: Fate },
}

impl Response {
    pub(crate) fn refused(error: &Error) -> Self {
        Self::Refused { message: error.to_string(), fate: error.fate() }
    }
}

/// Why a frame could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("frame of {length} bytes is longer than {MAX_FRAME}")]
    TooLong { length: usize },
    #[error("frame is not understood: {0}")]
    Content(#[from] postcard::Error),
}

/// Encodes a message with its length before it.
pub(crate) fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    let mut frame = postcard::to_extend(message, vec![0; 4])?;
    let length = frame.len() - 4;
    let prefix = u32::try_from(length).ok().filter(|_| length <= MAX_FRAME);
    frame[..4].copy_from_slice(&prefix.ok_or(FrameError::TooLong { length })?.to_le_bytes());
    Ok(frame)
}

/// Sends an encoded message.
pub(crate) async fn send(stream: &mut (impl AsyncWrite + Unpin), frame: &[u8]) -> Result<(), FrameError> {
    stream.write_all(frame).await?;
    Ok(stream.flush().await?)
}

/// Receives a message; `None` if the peer has closed the connection between two.
pub(crate) async fn receive<T: DeserializeOwned>(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Option<T>, FrameError> {
    let mut prefix = [0; 4];
    if stream.read(&mut prefix[..1]).await? == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut prefix[1..]).await?;
    let length = u32::from_le_bytes(prefix) as usize;
    if length > MAX_FRAME {
        return Err(FrameError::TooLong { length });
    }
    // Room is made as bytes come, not as the peer promises.
    let mut frame = Vec::new();
    if stream.take(length as u64).read_to_end(&mut frame).await? < length {
        return Err(FrameError::Io(std::io::ErrorKind::UnexpectedEof.into()));
    }
    let (message, rest) = postcard::take_from_bytes(&frame)?;
    if rest.is_empty() { Ok(Some(message)) } else { Err(postcard::Error::DeserializeBadEncoding.into()) }
}
