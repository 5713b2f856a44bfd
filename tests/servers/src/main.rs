//! Runs servers by hand, as tests do: `cargo run -p servers -- kafka nats registry`, until Ctrl-C.
#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::process::ExitCode;
use std::thread;

use servers::{Kafka, Nats, Registry};

fn main() -> ExitCode {
    let names: Vec<_> = std::env::args().skip(1).collect();
    let known = |name: &String| ["kafka", "nats", "registry"].contains(&name.as_str());
    if names.is_empty() || !names.iter().all(known) {
        println!("usage: servers kafka|nats|registry…");
        return ExitCode::from(64);
    }
    for name in &names {
        let (url, server) = match name.as_str() {
            "kafka" => (Kafka::shared().url(), &**Kafka::shared()),
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
