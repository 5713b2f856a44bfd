//! Apache Kafka: processes that are both broker and controller.

mod cluster;
mod security;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::Deref;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use crate::certificates::Certificates;
use crate::files::{folder_of, java, own};
use crate::ports;
use crate::proxy::Proxy;
use crate::server::{Readiness, Server, loopback, scratch};

pub use cluster::KafkaCluster;

/// Settings that differ from Kafka's own: one broker cannot replicate, and few partitions of the internal topics
/// start sooner. Everything else is as in production.
const PROPERTIES: [(&str, &str); 15] = [
    ("process.roles", "broker,controller"),
    ("log.dirs", "data"),
    ("controller.listener.names", "CONTROLLER"),
    ("listener.security.protocol.map", "CONTROLLER:PLAINTEXT,DIRECT:PLAINTEXT,CLIENT:PLAINTEXT"),
    ("inter.broker.listener.name", "DIRECT"),
    ("auto.create.topics.enable", "false"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("offsets.topic.num.partitions", "4"),
    ("offsets.topic.replication.factor", "1"),
    ("transaction.state.log.num.partitions", "4"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("share.coordinator.state.topic.num.partitions", "1"),
    ("share.coordinator.state.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.min.isr", "1"),
];

/// For a start within seconds and little memory: no second compiler, no threads for collecting garbage.
const QUICK: [&str; 3] = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/// For a broker under measurement, as Kafka's own start script has it.
const FOR_LOAD: [&str; 4] = ["-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"];

const CLUSTER_ID: &str = "c2VyaW4tdW5kZXItdGVzdA";

/// How long one question may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(2);

/// Who may use a [secured](KafkaBuilder::secured) broker.
pub const USER: &str = "scorer";

/// That user's password.
pub const PASSWORD: &str = "not a secret";

/// Apache Kafka in one process.
#[derive(Debug)]
pub struct Kafka {
    server: Server,
    certificates: Option<Certificates>,
    port: u16,
    direct: u16,
    proxy: Option<Proxy>,
}

/// A Kafka to be.
#[derive(Debug, Default)]
pub struct KafkaBuilder {
    properties: BTreeMap<String, String>,
    behind_proxy: bool,
    secured: bool,
    for_load: bool,
    is_older: bool,
}

impl Kafka {
    /// Starts a broker of the caller's own.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A broker with other settings.
    pub fn builder() -> KafkaBuilder {
        KafkaBuilder::default()
    }

    /// The broker that all tests of this process share. None may kill or pause it, and each uses topics, groups and
    /// transactional ids with names of its own.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Kafka> = LazyLock::new(Kafka::start);
        &SHARED
    }

    /// Where clients connect to, as `127.0.0.1:port`; through the proxy if there is one.
    pub fn address(&self) -> String {
        loopback(self.port).to_string()
    }

    /// The same as a broker's URL, `kafka://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("kafka://{}", self.address())
    }

    /// A listener that no proxy stands before and that asks for no password, for a witness of what happens to others.
    pub fn direct_address(&self) -> String {
        loopback(self.direct).to_string()
    }

    /// The certificates of a secured broker.
    ///
    /// # Panics
    ///
    /// Without [`KafkaBuilder::secured`].
    pub fn certificates(&self) -> &Certificates {
        self.certificates.as_ref().expect("this Kafka was built without `secured`")
    }

    /// The proxy that all clients of [`address`](Self::address) go through.
    ///
    /// # Panics
    ///
    /// Without [`KafkaBuilder::behind_proxy`].
    pub fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().expect("this Kafka was built without `behind_proxy`")
    }
}

impl Deref for Kafka {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl KafkaBuilder {
    /// Sets a property of the broker, in place of this package's own and of Kafka's default.
    #[must_use]
    pub fn property(mut self, name: &str, value: &str) -> Self {
        self.properties.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Puts a [`Proxy`] before the broker, and has the broker tell its clients the proxy's address.
    #[must_use]
    pub fn behind_proxy(mut self) -> Self {
        self.behind_proxy = true;
        self
    }

    /// Has the broker ask for TLS and SASL (`SASL_SSL`): [`USER`] and [`PASSWORD`] by PLAIN, SCRAM-SHA-256 or
    /// SCRAM-SHA-512, or an unsigned token by OAUTHBEARER. A client's certificate is checked if it shows one.
    #[must_use]
    pub fn secured(mut self) -> Self {
        self.secured = true;
        self
    }

    /// Runs the broker for speed instead of a quick start: all of the compiler, and 1 GiB of heap.
    #[must_use]
    pub fn for_load(mut self) -> Self {
        self.for_load = true;
        self
    }

    /// Takes the older version, which ends all that was open when it was killed, with a single replica, too.
    #[must_use]
    pub fn older(mut self) -> Self {
        self.is_older = true;
        self
    }

    /// Starts it, and waits until a client can use it.
    ///
    /// # Panics
    ///
    /// When its files are missing, when there is no Java, and when it does not start.
    pub fn start(self) -> Kafka {
        let node = Node::new(1);
        let kafka = self.prepare(&node, &node.voter());
        kafka.restart();
        kafka
    }

    /// A broker that is not running yet.
    fn prepare(&self, node: &Node, voters: &str) -> Kafka {
        let proxy = self.behind_proxy.then(|| Proxy::start(loopback(node.listener)));
        let port = proxy.as_ref().map_or(node.listener, |proxy| proxy.address().port());
        let folder = scratch("kafka");
        let certificates = self.secured.then(|| Certificates::make(&folder));
        let mut properties = node.properties(port, voters);
        properties.extend(certificates.iter().flat_map(security::properties));
        fs::write(folder.join("properties"), self.text(properties)).expect("the folder can be written");
        format(self.java(&QUICK, "kafka.tools.StorageTool"), &folder, self.secured);
        let mut command = self.java(if self.for_load { &FOR_LOAD } else { &QUICK }, "kafka.Kafka");
        command.arg("properties");
        let readiness = Readiness { port: node.direct, ask: has_broker };
        let server = Server::new("kafka", folder, &command, readiness);
        Kafka { server, certificates, port, direct: node.direct, proxy }
    }

    fn java(&self, options: &[&str], class: &str) -> Command {
        let jars = folder_of("KAFKA", if self.is_older { "KAFKA_OLDER" } else { "KAFKA" }).join("*");
        let mut command = Command::new(java());
        command.args(options);
        command.arg(format!("-Dlog4j2.configurationFile={}", own("kafka/log4j2.properties").display()));
        command.arg("-cp").arg(jars).arg(class);
        command
    }

    /// The broker's file of properties. The caller's come last and win.
    fn text(&self, derived: Vec<(String, String)>) -> String {
        let mut all: BTreeMap<_, _> =
            PROPERTIES.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        all.extend(derived);
        all.extend(self.properties.clone());
        all.iter().fold(String::new(), |mut text, (name, value)| {
            writeln!(text, "{name}={value}").expect("a string takes everything");
            text
        })
    }
}

/// The number of one broker, and its ports.
#[derive(Clone, Copy)]
struct Node {
    id: usize,
    listener: u16,
    direct: u16,
    controller: u16,
}

impl Node {
    fn new(id: usize) -> Self {
        let [listener, direct, controller] = [(); 3].map(|()| ports::free());
        Self { id, listener, direct, controller }
    }

    /// How the controllers know it.
    fn voter(&self) -> String {
        format!("{}@{}", self.id, loopback(self.controller))
    }

    /// Its properties, where clients are told that it is at the port `advertised`.
    fn properties(&self, advertised: u16, voters: &str) -> Vec<(String, String)> {
        let Self { id, listener, direct, controller } = *self;
        let at = |name: &str, port: u16| format!("{name}://{}", loopback(port));
        let properties = [
            ("node.id", id.to_string()),
            (
                "listeners",
                [at("CLIENT", listener), at("DIRECT", direct), at("CONTROLLER", controller)].join(","),
            ),
            ("advertised.listeners", [at("CLIENT", advertised), at("DIRECT", direct)].join(",")),
            ("controller.quorum.voters", voters.to_owned()),
        ];
        properties.map(|(name, value)| (name.to_owned(), value)).into()
    }
}

/// Prepares the broker's storage, as Kafka wants it before the first start.
fn format(mut command: Command, folder: &Path, secured: bool) {
    command.args(["format", "--cluster-id", CLUSTER_ID, "--config", "properties"]).current_dir(folder);
    command.args(secured.then(security::scram_users).into_iter().flatten());
    let output = command.output().unwrap_or_else(|error| panic!("{}: {error}", java().display()));
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "kafka's storage: {}", String::from_utf8_lossy(&said));
}

/// Asks for the cluster's metadata, of no topic, and looks whether any broker is in it. A broker that has started but
/// is not registered yet answers as well, without one.
fn has_broker(address: SocketAddr) -> io::Result<bool> {
    /// Api key 3 (Metadata), version 1, correlation id 7, no client id, no topics.
    const QUESTION: [u8; 18] = [0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 7, 0xff, 0xff, 0, 0, 0, 0];
    let mut stream = TcpStream::connect_timeout(&address, ASK_TIMEOUT)?;
    stream.set_read_timeout(Some(ASK_TIMEOUT))?;
    stream.write_all(&QUESTION)?;
    // Length, correlation id, number of brokers.
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    Ok(answer[8..] != 0_u32.to_be_bytes())
}
