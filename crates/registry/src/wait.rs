//! Waiting for a registry that cannot answer now.

#[cfg(test)]
mod tests;

use std::sync::atomic::Ordering;
use std::time::Duration;

use events::{SchemaId, Schemas};
use runtime::Shutdown;

use crate::client::{Registry, Shared};
use crate::error::Error;
use crate::metrics;

/// The first pause between two tries.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// How often who waits says that it lives.
const BEAT: Duration = Duration::from_secs(1);

/// How waiting for a schema ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "who was asked to stop has nothing to decode by"]
pub enum Learned {
    /// The registry has said what is behind the id, or that there is nothing.
    Yes,
    /// There was a request to stop first.
    Stopped,
}

impl Registry {
    /// Finds what is behind `id` for `schemas`, however long it takes: while the registry cannot say, it is asked
    /// again and again, with pauses that grow up to [`Config::retry`](crate::Config::retry). Says so once in the log,
    /// in the metric `serin_registry_waiting` and in readiness, and calls `beat` every second meanwhile.
    ///
    /// # Errors
    /// Where waiting cannot help: the registry refuses us, or answers against its own rules.
    pub async fn learn(
        &self,
        id: SchemaId,
        schemas: &Schemas,
        shutdown: &Shutdown,
        beat: impl Fn(),
    ) -> Result<Learned, Error> {
        let found = self.until_answered(|| self.schema(id), shutdown, beat).await?;
        let Some(found) = found else { return Ok(Learned::Stopped) };
        schemas.learn(id, found);
        Ok(Learned::Yes)
    }

    /// Asks until there is an answer, as [`Registry::learn`] does; none where there was a request to stop first.
    ///
    /// # Errors
    /// As [`Registry::learn`].
    pub async fn until_answered<T, F>(
        &self,
        ask: impl Fn() -> F,
        shutdown: &Shutdown,
        beat: impl Fn(),
    ) -> Result<Option<T>, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut outage = None;
        let mut pause = FIRST_PAUSE;
        loop {
            match unless_stopped(ask(), shutdown, &beat).await {
                None => return Ok(None),
                Some(Ok(answer)) => return Ok(Some(answer)),
                Some(Err(error)) if error.is_passing() => {
                    outage.get_or_insert_with(|| Outage::begin(&self.shared, &error));
                }
                Some(Err(error)) => return Err(error),
            }
            pause = pause.min(self.shared.config.retry.get());
            if unless_stopped(tokio::time::sleep(pause), shutdown, &beat).await.is_none() {
                return Ok(None);
            }
            pause = pause.saturating_mul(2);
        }
    }
}

/// What comes of `work`, or none where there was a request to stop before.
async fn unless_stopped<T>(
    work: impl Future<Output = T>,
    shutdown: &Shutdown,
    beat: &impl Fn(),
) -> Option<T> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            biased;
            () = shutdown.requested() => return None,
            done = &mut work => return Some(done),
            () = tokio::time::sleep(BEAT) => beat(),
        }
    }
}

/// The time for which one lane waits.
struct Outage<'r>(&'r Shared);

impl<'r> Outage<'r> {
    fn begin(shared: &'r Shared, error: &Error) -> Self {
        ::metrics::gauge!(metrics::WAITING).increment(1);
        // Several lanes may wait; one line is enough.
        if shared.waiting.fetch_add(1, Ordering::AcqRel) == 0 {
            tracing::warn!(
                "{error}; what needs a schema that is not known yet waits, and so does all behind it"
            );
            if let Some(gate) = shared.gate.get() {
                gate.close();
            }
        }
        Self(shared)
    }
}

impl Drop for Outage<'_> {
    fn drop(&mut self) {
        ::metrics::gauge!(metrics::WAITING).decrement(1);
        if self.0.waiting.fetch_sub(1, Ordering::AcqRel) == 1 {
            tracing::info!("nobody waits for the schema registry any more");
            if let Some(gate) = self.0.gate.get() {
                gate.open();
            }
        }
    }
}
