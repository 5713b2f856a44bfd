//! One connection of the admin port, within its limits.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;

use crate::shutdown::Shutdown;

/// The longest wait for the head of a request, the first one and those that follow on the same connection.
const HEAD_LIMIT: Duration = Duration::from_secs(5);
/// The largest head of a request, in bytes; hyper answers a larger one with 431.
const HEAD_BYTES: usize = 16 * 1024;
/// The most header lines of a request; hyper answers more with 431.
const HEADERS: usize = 64;
/// The longest life of a connection, so that one peer cannot hold a place for ever.
const LIFE_LIMIT: Duration = Duration::from_secs(300);
/// How long an answer may take to leave once the connection is to end.
const ENDING_LIMIT: Duration = Duration::from_secs(5);

/// Answers the requests on `stream` until the peer leaves, a limit is reached or the port closes.
///
/// Failures of a connection are the peer's own affair, and are logged at debug level only.
pub(super) async fn serve(stream: TcpStream, router: Router, closing: Shutdown) {
    let mut http = Builder::new();
    // Without a timer hyper ignores its own time limits.
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
    tokio::select! {
        ended = connection.as_mut() => return note(ended),
        () = tokio::time::sleep(LIFE_LIMIT) => {}
        () = closing.requested() => {}
    }
    connection.as_mut().graceful_shutdown();
    end(connection).await;
}

async fn end<C: Future<Output = hyper::Result<()>>>(connection: Pin<&mut C>) {
    if let Ok(ended) = tokio::time::timeout(ENDING_LIMIT, connection).await {
        note(ended);
    }
}

fn note(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "admin port: a connection ended early");
    }
}
