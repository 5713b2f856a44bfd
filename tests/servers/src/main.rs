//! Runs servers by hand, as tests do: `cargo run -p servers -- kafka nats registry`, until Ctrl-C. With `load` before
//! the names, Kafka runs for speed instead of a quick start.
#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::cell::LazyCell;
use std::process::ExitCode;
use std::thread;

use servers::{Kafka, Nats, Registry};

fn main() -> ExitCode {
    let mut names: Vec<_> = std::env::args().skip(1).collect();
    let is_loaded = names.first().is_some_and(|first| first == "load");
    names.drain(..usize::from(is_loaded));
    let known = |name: &String| ["kafka", "nats", "registry"].contains(&name.as_str());
    if names.is_empty() || !names.iter().all(known) {
        println!("usage: servers [load] kafka|nats|registry…");
        return ExitCode::from(64);
    }
    let kafka = LazyCell::new(|| {
        let kafka = Kafka::builder();
        if is_loaded { kafka.for_load().start() } else { kafka.start() }
    });
    for name in &names {
        let (url, server) = match name.as_str() {
            "kafka" => (kafka.url(), &**kafka),
            "nats" => (Nats::shared().url(), &**Nats::shared()),
            _ => (Registry::shared().url(), &**Registry::shared()),
        };
        println!(
            "{name} at {url}, process {}, log and data in {}",
            server.process_id(),
            server.folder().display()
        );
    }
    loop {
        thread::park();
    }
}
