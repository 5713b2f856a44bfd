//! The conformance suite over real NATS servers: one that commits a batch at once, and an older one that cannot.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use messaging::{Config, conformance};
use servers::{Nats, NatsBuilder};

/// The largest record of the suite is 5 MiB.
fn server(builder: NatsBuilder) -> Nats {
    builder.configure("max_payload: 8MB").start()
}

static SERVER: LazyLock<Nats> = LazyLock::new(|| server(Nats::builder()));
static OLDER: LazyLock<Nats> = LazyLock::new(|| server(Nats::builder().older()));

/// A stream of its own.
fn fresh(server: &Nats) -> Config {
    static STREAMS: AtomicU32 = AtomicU32::new(0);
    let mut config = Config::new(server.url());
    config.nats.stream = format!("test-{}", STREAMS.fetch_add(1, Ordering::Relaxed));
    config.nats.prefix.clone_from(&config.nats.stream);
    config
}

conformance!(nats, fresh(&SERVER), kept);
mod at_least_once {
    use super::*;
    conformance!(nats, fresh(&OLDER), kept, at_least_once);
}
