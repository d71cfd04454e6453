//! New connections of a link, a bounded number at a time.

use std::mem;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use super::partition::Client;
use super::relay::Relay;
use crate::sys::events::Events;
use crate::sys::streams;

/// How long to wait before the next connection if there are no descriptors for it.
const SHORTAGE: Duration = Duration::from_millis(10);
/// The number of new connections that the link takes before orders and other connections have their turn.
const BATCH: usize = 32;

impl Relay {
    /// Takes new connections. If more are left, `go_on` takes them.
    pub(super) fn accept(&mut self, events: &Events) {
        self.accept_some(BATCH, events);
    }

    /// Takes the connections that wait at this moment. Without a limit, new ones could keep it here.
    pub(super) fn accept_waiting(&mut self, events: &Events) {
        self.accept_some(streams::waiting(&self.listener).max(BATCH), events);
    }

    fn accept_some(&mut self, most: usize, events: &Events) {
        self.accept_at = None;
        if self.faults.cut || self.faults.blackhole {
            return;
        }
        // Older clients first. `connect` notes those that still wait.
        for number in mem::take(&mut self.short) {
            self.connect_held(number, events);
        }
        if !self.short.is_empty() {
            return;
        }
        let mut clients = Vec::new();
        while clients.len() < most {
            match streams::accept(&self.listener) {
                Ok(Some(client)) => clients.push(client),
                Ok(None) => return self.take(clients, events),
                // Descriptors are short, and connections need none of these.
                Err(_) if self.tools.release() => {}
                Err(_) => {
                    self.accept_at = Some(Instant::now() + SHORTAGE);
                    return self.take(clients, events);
                }
            }
        }
        self.accept_at = Some(Instant::now());
        self.take(clients, events);
    }

    /// Lets a client wait until there is a descriptor for its connection to the server.
    pub(super) fn wait_for_descriptor(&mut self, number: u64) {
        self.short.push(number);
        self.accept_at = Some(Instant::now() + SHORTAGE);
    }

    /// Takes new connections, with the addresses of their clients.
    fn take(&mut self, mut clients: Vec<(OwnedFd, SocketAddr)>, events: &Events) {
        let filler = self.filler.as_ref().and_then(streams::own_addr);
        clients.retain(|(client, peer)| {
            if filler == Some(*peer) {
                return false;
            }
            // The answer to a client with a wrong address does not reach it, so an accepted address is right.
            let mut allowed = self.clients.iter();
            let is_wrong = allowed.any(|all| !all.iter().any(|it| it.contains(peer.ip())));
            is_wrong.then(|| streams::reset(client)).is_none()
        });
        // One look at the separated nodes for all of them: it reads all their descriptors.
        let ends: Vec<_> = clients.iter().map(|(_, peer)| (*peer, self.addr)).collect();
        let began = Instant::now();
        let found = self.partition.clients(&ends);
        for (place, (client, peer)) in clients.into_iter().enumerate() {
            let number = self.next;
            self.next += 1;
            // Without an answer of the kernel, its process is unknown, too.
            let found = found.as_ref().map_or(Client::Unknown, |it| it[place]);
            if !self.partition.holds(found) {
                self.connect(number, client, peer, events);
                continue;
            }
            if found == Client::Unknown {
                self.unknown.push(number);
            }
            self.hold(number, (client, peer), events);
        }
        self.look_later(began.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::link::relay::tests::relay;
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    #[test]
    fn new_connections_leave_time_for_others() {
        let events = Events::new().unwrap();
        let mut relay = relay();
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        relay.lead_to(server.local_addr().unwrap());
        let connect = |_| TcpStream::connect(relay.addr).unwrap();
        let _clients: Vec<_> = (0..2 * BATCH + 1).map(connect).collect();
        relay.accept(&events);
        assert_eq!(relay.counts().accepted, BATCH as u64);
        assert!(
            relay
                .go_on(&events)
                .is_some_and(|due| due <= Instant::now())
        );
        assert_eq!(relay.counts().accepted, 2 * BATCH as u64);
        // An order concerns all clients that have connected before it.
        relay.accept_waiting(&events);
        assert_eq!(relay.counts().accepted, 2 * BATCH as u64 + 1);
    }
}
