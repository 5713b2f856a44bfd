//! The connection: who we are, whether the server is there, and requests that are asked again until it is.

mod login;

use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State as Connection;
use async_nats::jetstream::response::Response;
use async_nats::{Client, Event, HeaderMap, Request, RequestErrorKind};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::config::Config;
use crate::error::Error;

/// How long one request may take before it is asked again; a commit of many megabytes is one.
const REQUEST: Duration = Duration::from_secs(20);
/// How long the first requests are tried: a wrong address should be said soon.
const FIRST: Duration = Duration::from_secs(10);
/// How long to wait before a request is asked again: doubled each time.
const PAUSES: std::ops::RangeInclusive<Duration> = Duration::from_millis(50)..=Duration::from_secs(2);
/// How long closing waits for what is under way.
const DRAIN: Duration = Duration::from_secs(30);

/// JetStream has no leader just now, or is just starting.
const UNAVAILABLE: usize = 503;

/// What everything of one broker shares.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) server: String,
    pub(crate) patience: Duration,
    /// Where tasks run, whoever starts them.
    pub(crate) runtime: Handle,
    pub(crate) state: watch::Receiver<State>,
    change: watch::Sender<State>,
    under_way: watch::Sender<usize>,
}

/// What has become of the connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    /// How often it was made: what was delivered to an earlier one may be lost.
    pub(crate) connects: u64,
    /// Since when it is gone.
    gone: Option<Instant>,
    /// Why the broker cannot be used any more.
    pub(crate) ended: Option<Error>,
}

/// What the server said to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: usize,
    pub(crate) error: u64,
    pub(crate) text: String,
}

/// Whether the server has taken a message.
#[derive(Debug)]
pub(crate) enum Published {
    /// It is stored.
    Stored(Stored),
    /// It is not, because of what it is.
    Refused(Refusal),
    /// Nobody knows: there was no answer, or none that says so.
    Unknown,
}

/// Where a message was stored.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
pub(crate) struct Stored {
    #[serde(rename = "seq")]
    pub(crate) sequence: u64,
}

/// Counts something that has to be over before the connection is closed.
#[derive(Debug)]
pub(crate) struct UnderWay(watch::Sender<usize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Session {
    /// Connects, and watches the connection from then on.
    pub(crate) async fn connect(config: &Config, servers: &str) -> Result<Arc<Self>, Error> {
        let change = watch::Sender::new(State::default());
        let events = change.clone();
        let options = login::options(&config.nats, servers)?;
        let server = login::without_user(servers);
        let client = options
            .event_callback(move |event| {
                note(&events, &event);
                std::future::ready(())
            })
            .connect(servers.split(',').collect::<Vec<_>>())
            .await
            .map_err(|error| Error::Server {
                server: server.clone(),
                problem: format!("cannot connect: {}", login::chain(&error)),
            })?;
        let session = Arc::new(Self {
            client,
            server,
            patience: config.nats.patience,
            runtime: Handle::current(),
            state: change.subscribe(),
            change,
            under_way: watch::Sender::new(0),
        });
        session.runtime.spawn(watchdog(session.change.clone(), session.server.clone(), session.patience));
        Ok(session)
    }

    /// Returns an error about this server.
    pub(crate) fn problem(&self, problem: impl Into<String>) -> Error {
        Error::Server { server: self.server.clone(), problem: problem.into() }
    }

    /// Returns why the broker cannot be used any more, if it cannot.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.state.borrow().ended.clone().map_or(Ok(()), Err)
    }

    /// Tells whether the server can be reached, now and whenever that changes.
    pub(crate) async fn watch_reachability(&self, tell: impl Fn(bool)) {
        let mut state = self.state.clone();
        loop {
            tell(state.borrow_and_update().gone.is_none());
            if state.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits until the broker cannot be used any more, and returns why.
    pub(crate) async fn ended(&self) -> Error {
        let mut state = self.state.clone();
        let ended = state.wait_for(|state| state.ended.is_some()).await;
        ended.ok().and_then(|state| state.ended.clone()).unwrap_or(Error::Closed)
    }

    /// Returns a name that nothing else has.
    pub(crate) fn unique(&self) -> String {
        let inbox = self.client.new_inbox();
        inbox.rsplit('.').next().unwrap_or_default().to_owned()
    }

    /// Keeps the connection open until what is returned is dropped.
    pub(crate) fn begin(&self) -> UnderWay {
        self.under_way.send_modify(|count| *count += 1);
        UnderWay(self.under_way.clone())
    }

    /// Asks JetStream something, until it answers or we lose patience.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        subject: &str,
        body: &impl Serialize,
    ) -> Result<Result<T, Refusal>, Error> {
        self.ask_within(subject, body, self.patience).await
    }

    /// As [`Session::ask`], without much patience: for whether anybody is there at all.
    pub(crate) async fn ask_first<T: DeserializeOwned>(
        &self,
        subject: &str,
        body: &impl Serialize,
    ) -> Result<Result<T, Refusal>, Error> {
        self.ask_within(subject, body, FIRST.min(self.patience)).await
    }

    async fn ask_within<T: DeserializeOwned>(
        &self,
        subject: &str,
        body: &impl Serialize,
        patience: Duration,
    ) -> Result<Result<T, Refusal>, Error> {
        let body = serde_json::to_vec(body).map_err(|error| self.problem(format!("{subject}: {error}")))?;
        let (subject, body) = (format!("$JS.API.{subject}"), Bytes::from(body));
        let mut patience = Patience::new(patience);
        loop {
            let answer = self.request(&subject, None, body.clone()).await?;
            let problem = match answer {
                Ok(payload) => match parse(&payload) {
                    Ok(Err(refusal)) if refusal.code == UNAVAILABLE => refusal.text,
                    Ok(answer) => return Ok(answer),
                    Err(error) => return Err(self.problem(format!("{subject}: {error}"))),
                },
                Err(RequestErrorKind::NoResponders) => {
                    "nobody answers; is JetStream enabled (`nats-server -js`), and for this account?"
                        .to_owned()
                }
                Err(kind) => kind.to_string(),
            };
            patience.pause().await.map_err(|waited| self.gave_up(&subject, waited, &problem))?;
        }
    }

    /// Publishes one message and waits for what comes of it, once.
    pub(crate) async fn publish(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<Published, Error> {
        let answer = self.request(subject, Some(headers), payload).await?;
        Ok(answer.map_or(Published::Unknown, |answer| published(&answer)))
    }

    async fn request(
        &self,
        subject: &str,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> Result<Result<Bytes, RequestErrorKind>, Error> {
        let mut request = Request::new().payload(payload).timeout(Some(REQUEST));
        if let Some(headers) = headers {
            request = request.headers(headers);
        }
        let mut state = self.state.clone();
        let connects = state.borrow_and_update().connects;
        tokio::select! {
            ended = self.ended() => Err(ended),
            // What was sent over an earlier connection is answered there, or not at all.
            _ = state.wait_for(|state| state.connects != connects) => Ok(Err(RequestErrorKind::TimedOut)),
            answer = self.client.send_request(subject.to_owned(), request) => {
                Ok(answer.map(|message| message.payload).map_err(|error| error.kind()))
            }
        }
    }

    /// Returns the error of who waited for so long in vain.
    pub(crate) fn gave_up(&self, what: &str, waited: Duration, problem: &str) -> Error {
        self.problem(format!("{what}: no answer for {}s: {problem}", waited.as_secs()))
    }

    /// Waits for what is under way, and ends the connection.
    pub(crate) async fn close(&self) {
        let mut under_way = self.under_way.subscribe();
        let idle = under_way.wait_for(|count| *count == 0);
        if timeout_at(Instant::now() + DRAIN, idle).await.is_err() {
            tracing::warn!(server = self.server, "closed while commits were under way");
        }
        self.end(Error::Closed);
        if self.client.connection_state() == Connection::Connected
            && let Err(error) = self.client.flush().await
        {
            tracing::debug!(%error, "not everything was sent");
        }
        if let Err(error) = self.client.drain().await {
            tracing::debug!(%error, "the connection was gone already");
        }
    }

    /// Ends the broker for everybody, unless it has ended already.
    pub(crate) fn end(&self, why: Error) {
        self.change.send_if_modified(|state| state.end(why));
    }
}

impl State {
    fn end(&mut self, why: Error) -> bool {
        let ends = self.ended.is_none();
        self.ended.get_or_insert(why);
        ends
    }
}

/// How long something is still tried.
#[derive(Debug)]
pub(crate) struct Patience {
    since: Instant,
    until: Instant,
    pause: Duration,
}

impl Patience {
    pub(crate) fn new(patience: Duration) -> Self {
        let now = Instant::now();
        Self { since: now, until: now + patience, pause: *PAUSES.start() }
    }

    /// Waits a little.
    ///
    /// # Errors
    /// With how long it was tried, when it is enough.
    pub(crate) async fn pause(&mut self) -> Result<(), Duration> {
        let now = Instant::now();
        if now >= self.until {
            return Err(now - self.since);
        }
        tokio::time::sleep(self.pause.min(self.until - now)).await;
        self.pause = (self.pause * 2).min(*PAUSES.end());
        Ok(())
    }
}

/// Reads the answer to a message.
pub(crate) fn published(answer: &[u8]) -> Published {
    match parse(answer) {
        Ok(Ok(stored)) => Published::Stored(stored),
        Ok(Err(refusal)) if refusal.code != UNAVAILABLE => Published::Refused(refusal),
        Ok(Err(_)) | Err(_) => Published::Unknown,
    }
}

fn parse<T: DeserializeOwned>(payload: &[u8]) -> Result<Result<T, Refusal>, serde_json::Error> {
    Ok(match serde_json::from_slice::<Response<T>>(payload)? {
        Response::Ok(answer) => Ok(answer),
        Response::Err { error } => {
            Err(Refusal { code: error.code(), error: error.error_code().0, text: error.to_string() })
        }
    })
}

fn note(change: &watch::Sender<State>, event: &Event) {
    match event {
        Event::Connected => {
            tracing::info!("connected to NATS");
            change.send_modify(|state| {
                state.connects += 1;
                state.gone = None;
            });
        }
        Event::Disconnected => {
            tracing::warn!("connection to NATS lost");
            change.send_modify(|state| state.gone = state.gone.or_else(|| Some(Instant::now())));
        }
        Event::SlowConsumer(_) | Event::ServerError(_) | Event::ClientError(_) => {
            tracing::warn!(%event, "NATS");
        }
        Event::LameDuckMode | Event::Draining | Event::Closed => tracing::debug!(%event, "NATS"),
    }
}

/// Ends the broker once its server has been away for longer than we wait.
async fn watchdog(change: watch::Sender<State>, server: String, patience: Duration) {
    let mut state = change.subscribe();
    loop {
        let (gone, ended) = {
            let state = state.borrow_and_update();
            (state.gone, state.ended.is_some())
        };
        if ended {
            return;
        }
        let changed = state.changed();
        match gone {
            None => drop(changed.await),
            Some(gone) => {
                if timeout_at(gone + patience, changed).await.is_err() {
                    let problem = format!("not connected for {}s", patience.as_secs());
                    change.send_if_modified(|state| state.end(Error::Server { server, problem }));
                    return;
                }
            }
        }
    }
}
