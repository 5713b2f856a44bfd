//! `serin health`: asks the service beside it how it is, for orchestrators that can only run a command.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail};
use runtime::admin::{Address, AdminConfig};

use crate::cli::HealthArguments;
use crate::config;

/// How long connecting, asking and answering may take, each.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The longest answer: the names of all gates and loops are far below it.
const ANSWER_BYTES: u64 = 64 << 10;

/// Returns when the process behind the configured admin port is ready, or alive if that is what was asked.
///
/// # Errors
/// When it is not, with what it waits for, and when nobody answers.
pub(crate) fn run(arguments: &HealthArguments, environment: &BTreeMap<String, String>) -> anyhow::Result<()> {
    let AdminConfig { address } = config::admin(&arguments.config, environment)?;
    let Address::At(address) = address else {
        bail!("there is nobody to ask: `admin.address` is \"off\"");
    };
    let address = within(address);
    let path = if arguments.alive { "/livez" } else { "/readyz" };
    let answer = ask(address, path).with_context(|| format!("nobody answers at {address}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if !head.starts_with("HTTP/1.1 200 ") {
        let faults: Vec<_> = body.lines().collect();
        bail!("{address}{path} says no: {}", faults.join(", "));
    }
    Ok(())
}

/// Where a port that is open on every address of this machine is reached from inside.
fn within(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn ask(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let question = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(question.as_bytes())?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES).read_to_string(&mut answer)?;
    Ok(answer)
}
