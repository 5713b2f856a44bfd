//! A schema registry: Apicurio Registry, which speaks the API of Confluent's.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::Deref;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use crate::files::{folder, java};
use crate::ports;
use crate::server::{Readiness, Server, loopback, scratch};

/// How long one question may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(2);

/// A schema registry that keeps its schemas in a file: neither a restart nor a kill
/// loses any.
///
/// It checks no compatibility unless told to (`PUT /config/<subject>`), where Confluent's begins with `BACKWARD`, and
/// it knows schemas by number only, not by GUID.
#[derive(Debug)]
pub struct Registry {
    server: Server,
    port: u16,
}

impl Registry {
    /// Starts a registry of the caller's own, and waits until it answers.
    ///
    /// # Panics
    ///
    /// When its files are missing, when there is no Java, and when it does not start.
    pub fn start() -> Self {
        let port = ports::free();
        let folder = scratch("registry");
        let mut command = Command::new(java());
        command.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
        command.args(["-Dquarkus.http.host=127.0.0.1", &format!("-Dquarkus.http.port={port}")]);
        // Without the delay, which by itself lets a kill lose the last half second.
        let database = format!("jdbc:h2:file:{};WRITE_DELAY=0", folder.join("data").display());
        command.arg(format!("-Dapicurio.datasource.url={database}"));
        command.arg("-jar").arg(archive());
        let readiness = Readiness { port, ask: is_healthy };
        Self { server: Server::start("registry", folder, &command, readiness), port }
    }

    /// The registry that all tests of this process share. None may kill or pause it, and each uses subjects with
    /// names of its own.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Registry> = LazyLock::new(Registry::start);
        &SHARED
    }

    /// Where it listens, as `127.0.0.1:port`.
    pub fn address(&self) -> String {
        loopback(self.port).to_string()
    }

    /// What Confluent's clients call `schema.registry.url`.
    pub fn url(&self) -> String {
        format!("http://{}/apis/ccompat/v7", self.address())
    }
}

impl Deref for Registry {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

fn archive() -> PathBuf {
    let folder = folder("APICURIO");
    let files = folder.read_dir().into_iter().flatten().flatten().map(|file| file.path());
    let archive = files.into_iter().find(|file| file.to_string_lossy().ends_with("-runner.jar"));
    archive.expect("the registry's folder has its archive")
}

fn is_healthy(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, ASK_TIMEOUT)?;
    stream.set_read_timeout(Some(ASK_TIMEOUT))?;
    stream.write_all(b"GET /health/ready HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.lines().next().is_some_and(|status| status.contains(" 200 ")))
}
