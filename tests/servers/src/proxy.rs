//! A network that can fail.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;

use crate::ports;
use crate::server::loopback;

/// The most that is passed on at once.
const CHUNK: usize = 64 * 1024;

/// Stands between clients and a server on a port of 127.0.0.1, and passes their bytes on until it is told not to.
///
/// Its port is gone with the test process; dropping it cuts its connections, and lets nobody through any more.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    network: Arc<Network>,
}

impl Proxy {
    /// A proxy before a server, which may start later.
    ///
    /// # Panics
    ///
    /// When no port can be had.
    pub fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind(loopback(ports::free())).expect("the port was free");
        let address = listener.local_addr().expect("it is bound");
        let network = Arc::new(Network::default());
        let accepting = Arc::clone(&network);
        drop(thread::spawn(move || accept(&listener, to, &accepting)));
        Self { address, network }
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all connections at once, and each new one as soon as it is made.
    pub fn cut(&self) {
        self.network.set(Condition::Cut);
    }

    /// Ends all connections at once; new ones are passed on.
    pub fn reset(&self) {
        self.network.set(Condition::Cut);
        self.network.set(Condition::Whole);
    }

    /// Passes nothing on any more and ends nothing, as if a cable were pulled: what is sent waits.
    pub fn stall(&self) {
        self.network.set(Condition::Stalled);
    }

    /// Passes everything on again, what has waited first.
    pub fn heal(&self) {
        self.network.set(Condition::Whole);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Condition {
    #[default]
    Whole,
    Stalled,
    Cut,
}

/// The condition of the network, and the connections over it.
#[derive(Debug, Default)]
struct Network {
    state: Mutex<State>,
    changed: Condvar,
}

/// A client's end and the server's, which live as long as one direction is passed on.
type Connection = [TcpStream; 2];

#[derive(Debug, Default)]
struct State {
    condition: Condition,
    connections: Vec<Weak<Connection>>,
}

impl Network {
    fn set(&self, condition: Condition) {
        let mut state = self.lock();
        state.condition = condition;
        if condition == Condition::Cut {
            let connections = std::mem::take(&mut state.connections);
            connections.iter().filter_map(Weak::upgrade).for_each(|connection| close(&connection));
        }
        self.changed.notify_all();
    }

    /// Takes a connection in, unless the network is cut.
    fn admit(&self, connection: &Arc<Connection>) -> bool {
        let mut state = self.lock();
        state.connections.retain(|connection| connection.strong_count() > 0);
        if state.condition != Condition::Cut {
            state.connections.push(Arc::downgrade(connection));
        }
        state.condition != Condition::Cut
    }

    /// Waits while nothing is passed on. False when the network is cut.
    fn pass(&self) -> bool {
        let state = self.lock();
        let stalled = |state: &mut State| state.condition == Condition::Stalled;
        let state = self.changed.wait_while(state, stalled).unwrap_or_else(PoisonError::into_inner);
        state.condition == Condition::Whole
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(listener: &TcpListener, to: SocketAddr, network: &Arc<Network>) {
    for client in listener.incoming().flatten() {
        let network = Arc::clone(network);
        // A connection that fails is a connection that the client loses, as it should.
        drop(thread::spawn(move || join(client, to, &network)));
    }
}

/// Connects a client with the server, and passes their bytes on in both directions.
fn join(client: TcpStream, to: SocketAddr, network: &Arc<Network>) -> io::Result<()> {
    if !network.pass() {
        return Ok(());
    }
    let server = TcpStream::connect(to)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let connection = Arc::new([client, server]);
    if network.admit(&connection) {
        let (there, back) = (Arc::clone(&connection), Arc::clone(network));
        drop(thread::spawn(move || pump(&there, [1, 0], &back)));
        pump(&connection, [0, 1], network);
    }
    Ok(())
}

/// Passes bytes on in one direction until either end closes or the network is cut.
fn pump(connection: &Connection, [from, to]: [usize; 2], network: &Network) {
    let (mut from, mut to) = (&connection[from], &connection[to]);
    let mut chunk = vec![0; CHUNK];
    while let Ok(read @ 1..) = from.read(&mut chunk) {
        if !network.pass() || to.write_all(&chunk[..read]).is_err() {
            break;
        }
    }
    close(connection);
}

/// Closing what is closed already is no fault.
fn close(connection: &Connection) {
    connection.iter().for_each(|end| drop(end.shutdown(Shutdown::Both)));
}
