//! Which connections of a link a partition separates.

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::faults::Separated;
use super::partition::{Client, Partition};
use super::relay::Relay;
use crate::sys::events::Events;
use crate::sys::streams;

/// The shortest time between two looks for the same process. The kernel tells nobody which process gets a
/// socket.
const PAUSE: Duration = Duration::from_millis(20);
/// How much longer than a look the pause after it is, so that other connections go on meanwhile.
const SHARE: u32 = 4;

impl Relay {
    /// Puts a partition into force, in place of the former one. After an error the former one stays.
    pub(super) fn separate(&mut self, nodes: Separated, events: &Events) -> io::Result<()> {
        let partition = Partition::of(nodes)?;
        let began = Instant::now();
        // Clients that wait have connected under the former partition, and some have closed since. Under the
        // new one, nobody would know that a separated node sent their bytes.
        self.accept_waiting(events);
        let all = self.connections.keys().chain(self.held.keys());
        let all: Vec<u64> = all.copied().collect();
        let clients = self.clients(&partition, &all)?;
        self.partition = partition;
        // Each held client is judged anew.
        self.short.clear();
        self.unknown.clear();
        self.judge(clients, events);
        self.look_later(began.elapsed());
        Ok(())
    }

    /// Looks again for the processes of clients that are unknown. A byte of such a client could be a
    /// separated node's, so none passes before.
    pub(super) fn look_again(&mut self, events: &Events) {
        self.look_at = None;
        let unknown = mem::take(&mut self.unknown);
        let began = Instant::now();
        match self.clients(&self.partition, &unknown) {
            Ok(clients) => self.judge(clients, events),
            Err(_) => self.unknown = unknown,
        }
        self.look_later(began.elapsed());
    }

    /// Notes when to look again, after a look that took so long. Other looks never put it off.
    pub(super) fn look_later(&mut self, took: Duration) {
        let at = Instant::now() + PAUSE.max(took * SHARE);
        let at = self.look_at.unwrap_or(at);
        self.look_at = (!self.unknown.is_empty()).then_some(at);
    }

    /// Finds the clients with these numbers that are still there.
    fn clients(&self, partition: &Partition, numbers: &[u64]) -> io::Result<Vec<(u64, Client)>> {
        let peer = |number: &u64| {
            let connected = self.connections.get(number).map(|it| it.peer);
            let held = self.held.get(number).map(|(_, peer)| *peer);
            Some((*number, connected.or(held)?))
        };
        let (numbers, ends): (Vec<u64>, Vec<(SocketAddr, SocketAddr)>) = numbers
            .iter()
            .filter_map(peer)
            .map(|(number, peer)| (number, (peer, self.addr)))
            .unzip();
        let clients = partition.clients(&ends)?;
        Ok(numbers.into_iter().zip(clients).collect())
    }

    fn judge(&mut self, clients: Vec<(u64, Client)>, events: &Events) {
        for (number, client) in clients {
            if client == Client::Unknown {
                self.unknown.push(number);
            }
            if let Some(connection) = self.connections.get_mut(&number) {
                connection.is_separated = self.partition.separates(client);
                self.ready.push(number);
            } else if !self.partition.holds(client) {
                // In a real network, a client that has given up has never reached the server.
                let peer = self.held.get(&number).map(|(_, peer)| *peer);
                if !peer.is_some_and(|peer| self.partition.has_closed(peer, self.addr)) {
                    self.connect_held(number, events);
                } else if let Some((client, _)) = self.held.remove(&number) {
                    streams::reset(&client);
                }
            }
        }
    }
}
