//! The admin port: metrics and health over HTTP, for Prometheus, orchestrators and people.

mod connection;

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;
use std::{io, sync::Arc};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde::de::{self, Deserializer, Unexpected};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::health::Health;
use crate::shutdown::Shutdown;
use crate::telemetry::Metrics;

/// Connections served at once; more wait in the operating system's queue until one ends.
pub const MAX_CONNECTIONS: usize = 32;

/// How long to wait before accepting again when the operating system is out of something, file handles say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Where the admin port is; the section `[admin]` of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct AdminConfig {
    /// An address such as `"127.0.0.1:9464"` (default), or `"off"`. Port 0 takes any free port and logs which.
    ///
    /// The port answers whoever reaches it, without a password, and its metrics name models and experiments: so it
    /// stays on loopback unless told otherwise, and says so in the log where it does not.
    pub address: Address,
}

/// The address of the admin port, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// No port is opened.
    Off,
    /// The port is opened here.
    At(SocketAddr),
}

impl Default for Address {
    fn default() -> Self {
        Self::At(SocketAddr::from(([127, 0, 0, 1], 9464)))
    }
}

impl FromStr for Address {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" { Ok(Self::Off) } else { text.parse().map(Self::At) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::At(address) => address.fmt(f),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl de::Visitor<'_> for Text {
            type Value = Address;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an IP address with a port, such as \"127.0.0.1:9464\", or \"off\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Address, E> {
                text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// The admin port could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the admin port `{address}`{}", advice(.source))]
pub struct AdminError {
    /// Where it should have been.
    pub address: SocketAddr,
    /// What the operating system says.
    pub source: io::Error,
}

/// The open admin port. Dropping it closes the port.
///
/// It stays open while the process drains, because that is when an orchestrator must hear that the process is
/// alive and not ready: keep it until the work has returned.
///
/// What it holds to: [`MAX_CONNECTIONS`] at once; a request's head within 5 seconds and 16 KiB; no body is read;
/// a connection lives 5 minutes at most; one that does not take its answer is cut 5 seconds later.
#[derive(Debug)]
pub struct Admin {
    address: Option<SocketAddr>,
    closing: Shutdown,
}

impl Admin {
    /// Opens the port and answers in the background:
    ///
    /// - `GET /metrics`: Prometheus text;
    /// - `GET /livez`: 200, or 503 with the names of the loops that stalled;
    /// - `GET /readyz`: 200, or 503 with the gates that are closed, and from the request to stop on.
    ///
    /// Also keeps `metrics` up, even where the address is [`Address::Off`].
    ///
    /// # Errors
    ///
    /// When the address is in use, or not one of this machine's.
    pub async fn start(config: &AdminConfig, health: Health, metrics: Metrics) -> Result<Self, AdminError> {
        let closing = Shutdown::new();
        // Nobody waits for these tasks: they end with `closing`, and a panic in them ends the process.
        drop(tokio::spawn(metrics.clone().keep_up(closing.clone())));
        let Address::At(address) = config.address else {
            return Ok(Self { address: None, closing });
        };
        let (listener, address) = listen(address).await.map_err(|source| AdminError { address, source })?;
        announce(address);
        drop(tokio::spawn(accept(listener, router(health, metrics), closing.clone())));
        Ok(Self { address: Some(address), closing })
    }

    /// Where the port is, with its real number where port 0 was asked for; `None` where it is off.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.closing.request();
    }
}

async fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

fn announce(address: SocketAddr) {
    if address.ip().is_loopback() {
        tracing::info!(%address, "admin port open");
    } else {
        tracing::warn!(%address, "admin port open beyond this machine, to everyone who reaches it");
    }
}

async fn accept(listener: TcpListener, router: Router, closing: Shutdown) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while let Some(next) = unless(&closing, next(&listener, &places)).await {
        match next {
            Ok((stream, place)) => {
                let serving = connection::serve(stream, router.clone(), closing.clone());
                drop(tokio::spawn(async move {
                    serving.await;
                    drop(place);
                }));
            }
            Err(error) => {
                tracing::warn!(%error, "admin port: cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

type Place = tokio::sync::OwnedSemaphorePermit;

async fn next(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<(tokio::net::TcpStream, Place)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

/// What `work` yields, unless the port is closed first.
async fn unless<T>(closing: &Shutdown, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        () = closing.requested() => None,
        done = work => Some(done),
    }
}

fn router(health: Health, metrics: Metrics) -> Router {
    let metrics = Router::new().route("/metrics", get(render)).with_state(metrics);
    let health = Router::new().route("/livez", get(livez)).route("/readyz", get(readyz)).with_state(health);
    metrics.merge(health)
}

async fn render(State(metrics): State<Metrics>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render())
}

async fn livez(State(health): State<Health>) -> (StatusCode, String) {
    let line = |(name, age): (String, Duration)| {
        format!("stalled: {name}, last tick {:.1} s ago\n", age.as_secs_f64())
    };
    verdict("alive\n", health.stalled().into_iter().map(line).collect())
}

async fn readyz(State(health): State<Health>) -> (StatusCode, String) {
    let stopping = health.is_stopping().then(|| "stopping\n".to_owned());
    let closed = health.closed().into_iter().map(|name| format!("waiting: {name}\n"));
    verdict("ready\n", stopping.into_iter().chain(closed).collect())
}

fn verdict(well: &str, faults: String) -> (StatusCode, String) {
    if faults.is_empty() {
        (StatusCode::OK, well.to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, faults)
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            ": another process has it; set `address` in `[admin]` to another port, or to \"off\""
        }
        io::ErrorKind::AddrNotAvailable => ": this machine has no such address",
        io::ErrorKind::PermissionDenied => ": ports below 1024 may need a privilege",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
