//! What can happen, each on both brokers.

mod groups;
mod inputs;
mod kills;
mod models;
mod networks;
mod servers;

/// How often what is repeated is repeated: 25 times, or as `SERIN_FAULT_RUNS` says.
pub(crate) fn runs() -> usize {
    std::env::var("SERIN_FAULT_RUNS").map_or(25, |runs| runs.parse().unwrap())
}

/// Tells each story on Kafka and on NATS, as two tests.
macro_rules! on_both {
    ($($story:ident),* $(,)?) => {
        mod kafka {
            $(#[test] fn $story() { super::$story(crate::server::Kind::Kafka); })*
        }
        mod nats {
            $(#[test] fn $story() { super::$story(crate::server::Kind::Nats); })*
        }
    };
}
pub(crate) use on_both;
