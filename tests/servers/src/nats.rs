//! NATS with JetStream: one process.

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::ops::Deref;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use crate::certificates::Certificates;
use crate::files::folder_of;
use crate::ports;
use crate::server::{Readiness, Server, loopback, scratch};

/// How long one question may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(2);

const TLS: &str = r#"tls { cert_file: "server.pem", key_file: "server.key", ca_file: "authority.pem", verify: true }
"#;

/// A NATS server with JetStream on disk.
#[derive(Debug)]
pub struct Nats {
    server: Server,
    certificates: Option<Certificates>,
    port: u16,
    monitor: u16,
}

/// A NATS server to be.
#[derive(Debug, Default)]
pub struct NatsBuilder {
    configuration: String,
    is_older: bool,
    secured: bool,
}

impl Nats {
    /// Starts a server of the caller's own.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A server with other settings.
    pub fn builder() -> NatsBuilder {
        NatsBuilder::default()
    }

    /// The server that all tests of this process share. None may kill or pause it, and each uses streams and
    /// subjects with names of its own.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Nats> = LazyLock::new(Nats::start);
        &SHARED
    }

    /// Where clients connect to, as `127.0.0.1:port`.
    pub fn address(&self) -> String {
        loopback(self.port).to_string()
    }

    /// The same as a broker's URL, `nats://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    /// The certificates of a secured server.
    ///
    /// # Panics
    ///
    /// Without [`NatsBuilder::secured`].
    pub fn certificates(&self) -> &Certificates {
        self.certificates.as_ref().expect("this NATS was built without `secured`")
    }

    /// Where its monitoring answers over HTTP (`/jsz`, `/healthz`), as `127.0.0.1:port`.
    pub fn monitor_address(&self) -> String {
        loopback(self.monitor).to_string()
    }
}

impl Deref for Nats {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl NatsBuilder {
    /// Adds lines to the server's configuration file, in its own language: `max_payload: 64KB`.
    #[must_use]
    pub fn configure(mut self, lines: &str) -> Self {
        self.configuration.push_str(lines);
        self.configuration.push('\n');
        self
    }

    /// Takes the older version, which cannot commit a batch at once.
    #[must_use]
    pub fn older(mut self) -> Self {
        self.is_older = true;
        self
    }

    /// Has the server ask for TLS and for a client's certificate. Users are the caller's to
    /// [`configure`](Self::configure).
    #[must_use]
    pub fn secured(mut self) -> Self {
        self.secured = true;
        self
    }

    /// Starts it, and waits until a client can use it.
    ///
    /// # Panics
    ///
    /// When its files are missing, and when it does not start.
    pub fn start(self) -> Nats {
        let [port, monitor] = [(); 2].map(|()| ports::free());
        let folder = scratch("nats");
        let certificates = self.secured.then(|| Certificates::make(&folder));
        let tls = if self.secured { TLS } else { "" };
        let own = format!(
            "server_name: under_test\nlisten: 127.0.0.1:{port}\nhttp: 127.0.0.1:{monitor}\n\
             jetstream {{ store_dir: \"data\" }}\n{tls}"
        );
        fs::write(folder.join("configuration"), own + &self.configuration)
            .expect("the folder can be written");
        let mut command = Command::new(program(self.is_older));
        command.args(["--config", "configuration"]);
        let readiness = Readiness { port, ask: has_jetstream };
        let server = Server::start("nats", folder, &command, readiness);
        Nats { server, certificates, port, monitor }
    }
}

fn program(is_older: bool) -> PathBuf {
    folder_of("NATS", if is_older { "NATS_OLDER" } else { "NATS" }).join("bin/nats-server")
}

/// A server greets with what it offers, which is all that this needs to know: a client may need a password.
fn has_jetstream(address: SocketAddr) -> io::Result<bool> {
    let stream = TcpStream::connect_timeout(&address, ASK_TIMEOUT)?;
    stream.set_read_timeout(Some(ASK_TIMEOUT))?;
    let mut greeting = String::new();
    BufReader::new(stream).read_line(&mut greeting)?;
    Ok(greeting.starts_with("INFO ") && greeting.contains("\"jetstream\":true"))
}
