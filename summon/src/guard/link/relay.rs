//! The connections of a link.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Instant;

use super::connection::{Connection, Rates};
use super::faults::{Counts, Faults};
use super::partition::Partition;
use super::socket::{Socket, Tools};
use crate::sys::events::Events;
use crate::sys::streams;
use crate::sys::subnet::Subnet;

/// The token of the listener. Connections have higher tokens.
pub(super) const LISTENER: u64 = 0;
/// The first number of a connection. Its tokens are twice that, and one more.
const FIRST: u64 = 8;

pub(super) struct Relay {
    pub(super) addr: SocketAddr,
    pub(super) listener: OwnedFd,
    /// The address of the server. `None` if it is unknown so far.
    target: Option<SocketAddr>,
    /// The only clients. `None` if all may connect.
    pub(super) clients: Option<Vec<Subnet>>,
    pub(super) faults: Faults,
    pub(super) rates: Rates,
    pub(super) partition: Partition,
    pub(super) connections: HashMap<u64, Connection>,
    /// Clients that the server knows nothing of so far: a partition separates them from it, or a descriptor
    /// is missing.
    pub(super) held: HashMap<u64, (OwnedFd, SocketAddr)>,
    /// The clients that wait for a descriptor.
    pub(super) short: Vec<u64>,
    /// The clients whose process is unknown, though a partition asks for it.
    pub(super) unknown: Vec<u64>,
    /// When to look for these processes again.
    pub(super) look_at: Option<Instant>,
    /// Sockets of connections that the link has ended. The link reads and discards their bytes until the
    /// other side closes: to close a socket with unread bytes would reset the connection.
    pub(super) lingering: HashMap<u64, Socket>,
    /// The connection that fills the queue of new connections, so that clients hang.
    pub(super) filler: Option<OwnedFd>,
    /// The times when connections continue. At equal times, the longest wait comes first.
    pub(super) due: BTreeSet<(Instant, u64, u64)>,
    pub(super) sequence: u64,
    /// Connections that can continue at once.
    pub(super) ready: Vec<u64>,
    /// When to accept again.
    pub(super) accept_at: Option<Instant>,
    pub(super) next: u64,
    /// The bytes of ended connections.
    passed: (u64, u64),
    /// The bytes since the last call of `take_moved`.
    pub(super) moved: u64,
    pub(super) tools: Tools,
}

impl Relay {
    pub(super) fn new(
        addr: SocketAddr,
        target: Option<SocketAddr>,
        clients: Option<Vec<Subnet>>,
    ) -> io::Result<Relay> {
        streams::allow_many();
        Ok(Relay {
            addr,
            listener: streams::listener(&addr, clients.is_some())?,
            target,
            clients,
            faults: Faults::default(),
            rates: Rates::default(),
            partition: Partition::default(),
            connections: HashMap::new(),
            held: HashMap::new(),
            short: Vec::new(),
            unknown: Vec::new(),
            look_at: None,
            lingering: HashMap::new(),
            filler: None,
            due: BTreeSet::new(),
            sequence: 0,
            ready: Vec::new(),
            accept_at: None,
            next: FIRST,
            passed: (0, 0),
            moved: 0,
            tools: Tools::new(),
        })
    }

    pub(super) fn listener(&self) -> &OwnedFd {
        &self.listener
    }

    pub(super) fn lead_to(&mut self, target: SocketAddr) {
        self.target = Some(target);
    }

    pub(super) fn counts(&self) -> Counts {
        let (mut to_server, mut to_client) = self.passed;
        for connection in self.connections.values() {
            to_server += connection.passed().0;
            to_client += connection.passed().1;
        }
        Counts {
            open: (self.connections.len() + self.held.len()) as u64,
            accepted: self.next - FIRST,
            to_server,
            to_client,
        }
    }

    /// Resets all connections.
    pub(super) fn reset_all(&mut self) {
        self.due.clear();
        self.ready.clear();
        for (_, connection) in mem::take(&mut self.connections) {
            self.count(&connection);
            connection.reset();
        }
        for (_, socket) in mem::take(&mut self.lingering) {
            streams::reset(&socket.fd);
        }
        self.short.clear();
        self.unknown.clear();
        self.look_at = None;
        for (_, (client, _)) in mem::take(&mut self.held) {
            streams::reset(&client);
        }
    }

    pub(super) fn count(&mut self, connection: &Connection) {
        let (to_server, to_client) = connection.passed();
        self.passed.0 += to_server;
        self.passed.1 += to_client;
    }

    /// Connects a client to the server.
    pub(super) fn connect(
        &mut self,
        number: u64,
        client: OwnedFd,
        peer: SocketAddr,
        events: &Events,
    ) {
        let connect = || self.target.map(|target| streams::connect(&target));
        let mut server = connect();
        if matches!(server, Some(Err(_))) && self.tools.release() {
            server = connect();
        }
        match server {
            Some(Ok(server)) => self.join(number, (client, peer), server, events),
            Some(Err(error)) if streams::is_shortage(&error) => {
                self.hold(number, (client, peer), events);
                self.wait_for_descriptor(number);
            }
            None | Some(Err(_)) => streams::reset(&client),
        }
    }

    /// Keeps a client without a connection to the server. Its events come meanwhile.
    pub(super) fn hold(
        &mut self,
        number: u64,
        (client, peer): (OwnedFd, SocketAddr),
        events: &Events,
    ) {
        match events.add(&client, 2 * number) {
            Ok(()) => drop(self.held.insert(number, (client, peer))),
            Err(_) => streams::reset(&client),
        }
    }

    /// Connects a client that was held.
    pub(super) fn connect_held(&mut self, number: u64, events: &Events) {
        if let Some((client, peer)) = self.held.remove(&number) {
            // `connect` adds it again, with the events that came while it was held.
            events.remove(&client);
            self.connect(number, client, peer, events);
        }
    }

    /// Adds a connection between these sockets. The client comes with its address.
    pub(super) fn join(
        &mut self,
        number: u64,
        (client, peer): (OwnedFd, SocketAddr),
        server: OwnedFd,
        events: &Events,
    ) {
        let added = events
            .add(&client, 2 * number)
            .and_then(|()| events.add(&server, 2 * number + 1));
        if added.is_err() {
            return streams::reset(&client);
        }
        let connection = Connection::new(client, peer, server);
        self.connections.insert(number, connection);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};

    pub(in crate::guard::link) fn relay() -> Relay {
        // Another program may take the port first.
        let made = (0..100).find_map(|_| {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let addr = free.local_addr().unwrap();
            drop(free);
            Relay::new(addr, None, None).ok()
        });
        made.unwrap()
    }
}
