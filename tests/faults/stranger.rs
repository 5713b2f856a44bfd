//! A producer that is not ours: a message published to NATS as its protocol has it, past all limits but the server's.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use serde_json::Value;

/// Publishes a record without a key on a subject of a stream, and returns its sequence.
pub(crate) fn publish(address: &str, subject: &str, timestamp: i64, value: &[u8]) -> u64 {
    let headers = format!("NATS/1.0\r\nSerin-Time: {timestamp}\r\n\r\n");
    let sizes = format!("{} {}", headers.len(), headers.len() + value.len());
    let mut stream = TcpStream::connect(address).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
    let connect = "CONNECT {\"verbose\":false,\"headers\":true}\r\nSUB answer 1";
    write!(stream, "{connect}\r\nHPUB {subject} answer {sizes}\r\n{headers}").unwrap();
    stream.write_all(value).unwrap();
    stream.write_all(b"\r\n").unwrap();
    let answer =
        lines.find(|line| !line.starts_with("INFO ") && !line.starts_with("MSG ") && line != "PING").unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{answer}"));
    answer["seq"].as_u64().unwrap_or_else(|| panic!("{answer}"))
}
