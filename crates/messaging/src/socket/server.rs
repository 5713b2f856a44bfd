//! The owner's side of the socket.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::embedded::log::Log;
use crate::embedded::{self, lag, tail};
use crate::error::{Error, Fate};
use crate::metrics::DROPPED_PEERS;
use crate::socket::protocol::{self, FrameError, MAX_READ, Request, Response, VERSION};

/// The most peers at a time; one more is told so and sent away.
const MAX_PEERS: usize = 64;

/// A socket that serves a log until it is stopped.
#[derive(Debug)]
pub(crate) struct Server {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Server {
    /// Binds the socket and serves it. The caller owns the directory: a socket that is there already is one
    /// of a dead owner, and is replaced.
    pub(crate) fn start(log: &Arc<Log>, path: &Path) -> Result<Self, Error> {
        let listener = bind(path).map_err(Error::io(format!("cannot bind {}", path.display())))?;
        let task = tokio::spawn(accept(listener, Arc::clone(log)));
        Ok(Self { path: path.to_owned(), task })
    }

    /// Stops serving; peers see the connection end.
    pub(crate) fn stop(&self) {
        self.task.abort();
        if let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove the socket");
        }
    }
}

/// Binds beside the path and moves the socket there when its mode is set, so that nobody finds it half made.
fn bind(path: &Path) -> std::io::Result<UnixListener> {
    // No longer than the path itself.
    let beside = path.with_file_name("serin.new");
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&beside)?;
    std::fs::set_permissions(&beside, Permissions::from_mode(0o600))?;
    std::fs::rename(&beside, path)?;
    Ok(listener)
}

async fn accept(listener: UnixListener, log: Arc<Log>) {
    let mut peers = JoinSet::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: wait for some to come free.
                tracing::warn!(%error, "cannot accept a peer on the socket");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        while peers.try_join_next().is_some() {}
        let full = peers.len() >= MAX_PEERS;
        let log = Arc::clone(&log);
        peers.spawn(async move {
            let served = if full { send_away(stream).await } else { serve(stream, &log).await };
            if let Err(error) = served {
                tracing::warn!(%error, "dropped a peer of the socket");
                metrics::counter!(DROPPED_PEERS).increment(1);
            }
        });
    }
}

async fn send_away(mut stream: UnixStream) -> Result<(), FrameError> {
    let message = format!("{MAX_PEERS} peers are connected already");
    let refused = Response::Refused { message, fate: Fate::Failed };
    protocol::send(&mut stream, &protocol::encode(&refused)?).await
}

/// Answers requests until the peer goes; an error is what it did wrong.
async fn serve(stream: UnixStream, log: &Arc<Log>) -> Result<(), FrameError> {
    let (mut from, mut to) = stream.into_split();
    if !greet(&mut from, &mut to).await? {
        return Ok(());
    }
    while let Some(request) = protocol::receive::<Request>(&mut from).await? {
        let response = tokio::select! {
            // While a request is answered nothing comes but the end of the connection.
            gone = silence(&mut from) => return gone,
            response = respond(log, request) => response.unwrap_or_else(|error| Response::refused(&error)),
        };
        let frame = match protocol::encode(&response) {
            Err(too_long @ FrameError::TooLong { .. }) => {
                protocol::encode(&Response::Refused { message: too_long.to_string(), fate: Fate::Refused })?
            }
            frame => frame?,
        };
        protocol::send(&mut to, &frame).await?;
    }
    Ok(())
}

async fn greet(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf) -> Result<bool, FrameError> {
    let response = match protocol::receive(from).await? {
        Some(Request::Hello { version: VERSION }) => Response::Done,
        Some(Request::Hello { version }) => Response::Refused {
            message: format!("protocol version {version} is not {VERSION}; use the same build on both sides"),
            fate: Fate::Failed,
        },
        Some(_) => Response::Refused { message: "expected a greeting".to_owned(), fate: Fate::Failed },
        None => return Ok(false),
    };
    protocol::send(to, &protocol::encode(&response)?).await?;
    Ok(matches!(response, Response::Done))
}

/// Resolves when the peer closes the connection, or talks out of turn.
async fn silence(from: &mut OwnedReadHalf) -> Result<(), FrameError> {
    match from.read(&mut [0; 1]).await? {
        0 => Ok(()),
        _ => Err(FrameError::Io(std::io::Error::other("a request before the last one was answered"))),
    }
}

async fn respond(log: &Arc<Log>, request: Request) -> Result<Response, Error> {
    Ok(match request {
        Request::Hello { .. } => Response::Done,
        Request::CreateTopic { name, partitions } => {
            embedded::create_topic(log, &name, partitions).await?;
            Response::Done
        }
        Request::Topics => Response::Topics(log.infos()),
        Request::Committed { group } => {
            Response::Positions(log.blocking(move |log| lag::committed(log, &group)).await?)
        }
        Request::Lag { group } => Response::Lags(log.blocking(move |log| lag::lag(log, &group)).await?),
        Request::Append { outputs } => Response::Placed(embedded::append(log, &outputs).await?),
        Request::Start { topics, start } => Response::Positions(tail::start(log, &topics, start).await?),
        Request::Read { stretches, limits, turn, wait } => {
            let turn = usize::try_from(turn).unwrap_or(0);
            let fetched =
                tail::fetch(log, &stretches, limits.at_least_one().cut(MAX_READ), (turn, wait)).await?;
            Response::Records { records: fetched.records, offsets: fetched.offsets }
        }
    })
}
