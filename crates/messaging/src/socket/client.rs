//! A guest's side of the socket.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use tokio::net::UnixStream;
use tokio::sync::Mutex;

use crate::embedded::tail::{Fetched, Stretch};
use crate::error::Error;
use crate::lane::{Limits, Start};
use crate::record::{Lag, Output, Placed, Position, TopicInfo};
use crate::socket::protocol::{self, FrameError, MAX_FRAME, Request, Response, VERSION};

/// The log of another process.
#[derive(Debug)]
pub struct Remote {
    path: PathBuf,
    /// `None` after a request that was not carried through, and before the first: the next one connects.
    stream: Mutex<Option<UnixStream>>,
}

impl Remote {
    /// Connects to the owner that listens at `path`; `None` if nobody does.
    pub(crate) async fn connect(path: &Path) -> Result<Option<Self>, Error> {
        let remote = Self { path: path.to_owned(), stream: Mutex::new(None) };
        let stream = match UnixStream::connect(path).await {
            Ok(stream) => stream,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                return Ok(None);
            }
            Err(error) => return Err(remote.broken(&error)),
        };
        let greeted = remote.greet(stream).await?;
        *remote.stream.lock().await = Some(greeted);
        Ok(Some(remote))
    }

    /// Returns another way to the same owner, with a connection of its own.
    pub(crate) fn another(&self) -> Self {
        Self { path: self.path.clone(), stream: Mutex::new(None) }
    }

    pub(crate) async fn create_topic(&self, name: &str, partitions: Option<u32>) -> Result<(), Error> {
        match self.call(&Request::CreateTopic { name: name.to_owned(), partitions }).await? {
            Response::Done => Ok(()),
            other => Err(self.unexpected(&other)),
        }
    }

    pub(crate) async fn topics(&self) -> Result<Vec<TopicInfo>, Error> {
        match self.call(&Request::Topics).await? {
            Response::Topics(topics) => Ok(topics),
            other => Err(self.unexpected(&other)),
        }
    }

    pub(crate) async fn committed(&self, group: &str) -> Result<Vec<Position>, Error> {
        self.positions(&Request::Committed { group: group.to_owned() }).await
    }

    pub(crate) async fn start(&self, topics: &[String], start: Start) -> Result<Vec<Position>, Error> {
        self.positions(&Request::Start { topics: topics.to_vec(), start }).await
    }

    async fn positions(&self, request: &Request) -> Result<Vec<Position>, Error> {
        match self.call(request).await? {
            Response::Positions(positions) => Ok(positions),
            other => Err(self.unexpected(&other)),
        }
    }

    pub(crate) async fn lag(&self, group: &str) -> Result<Vec<Lag>, Error> {
        match self.call(&Request::Lag { group: group.to_owned() }).await? {
            Response::Lags(lags) => Ok(lags),
            other => Err(self.unexpected(&other)),
        }
    }

    pub(crate) async fn append(&self, outputs: Vec<Output>) -> Result<Vec<Placed>, Error> {
        match self.call(&Request::Append { outputs }).await? {
            Response::Placed(placed) => Ok(placed),
            other => Err(self.unexpected(&other)),
        }
    }

    pub(crate) async fn fetch(
        &self,
        stretches: &[Stretch],
        limits: Limits,
        (turn, wait): (usize, bool),
    ) -> Result<Fetched, Error> {
        let request = Request::Read { stretches: stretches.to_vec(), limits, turn: turn as u64, wait };
        match self.call(&request).await? {
            Response::Records { records, offsets } => Ok(Fetched { records, offsets }),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Sends a request and waits for its answer. When the future is dropped the connection goes with it,
    /// and no later request finds the answer to an earlier one.
    async fn call(&self, request: &Request) -> Result<Response, Error> {
        let frame = protocol::encode(request).map_err(|error| match error {
            FrameError::TooLong { length } => Error::WriteTooLarge { size: length, limit: MAX_FRAME as u64 },
            other => self.broken(&other),
        })?;
        let mut slot = self.stream.lock().await;
        let mut stream = match slot.take() {
            Some(stream) => stream,
            None => {
                self.greet(UnixStream::connect(&self.path).await.map_err(|error| self.broken(&error))?)
                    .await?
            }
        };
        let response = self.exchange(&mut stream, &frame).await?;
        *slot = Some(stream);
        response.accepted()
    }

    async fn greet(&self, mut stream: UnixStream) -> Result<UnixStream, Error> {
        let hello =
            protocol::encode(&Request::Hello { version: VERSION }).map_err(|error| self.broken(&error))?;
        self.exchange(&mut stream, &hello).await?.accepted()?;
        Ok(stream)
    }

    async fn exchange(&self, stream: &mut UnixStream, frame: &[u8]) -> Result<Response, Error> {
        protocol::send(stream, frame).await.map_err(|error| self.broken(&error))?;
        let response = protocol::receive(stream).await.map_err(|error| self.broken(&error))?;
        response.ok_or_else(|| self.broken(&"closed by the owner"))
    }

    fn broken(&self, problem: &dyn std::fmt::Display) -> Error {
        Error::Connection { path: self.path.clone(), problem: problem.to_string() }
    }

    fn unexpected(&self, response: &Response) -> Error {
        self.broken(&format!("an answer to another question: {response:.80?}"))
    }
}

impl Response {
    fn accepted(self) -> Result<Self, Error> {
        match self {
            Self::Refused { message, fate } => Err(Error::Remote { message, fate }),
            other => Ok(other),
        }
    }
}
