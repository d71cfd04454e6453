//! A partition of a cluster, as one link sees it: some nodes can't reach the node behind it.
//!
//! The kernel says which process has the client's socket of a connection. So a link knows the
//! connections of separated nodes among all that arrive at its one address.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;

use super::faults::Separated;
use crate::sys::clients;
use crate::sys::diag::Diag;

#[derive(Debug, Default)]
pub(super) struct Partition {
    nodes: Separated,
    /// `None` without a separated node.
    diag: Option<Diag>,
}

/// The client of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    /// A separated node.
    Separated,
    /// Another process: another node, or the test.
    Other,
    /// It has closed its socket, so the kernel no longer knows its process.
    Closed,
    /// Its process was not found among processes that fork all the time.
    Unknown,
}

impl Partition {
    pub(super) fn of(nodes: Separated) -> io::Result<Partition> {
        let is_none = nodes == Separated::default();
        let diag = (!is_none).then(Diag::open).transpose()?;
        Ok(Partition { nodes, diag })
    }

    /// Whether nothing passes on a connection of this client.
    pub(super) fn separates(&self, client: Client) -> bool {
        match client {
            Client::Separated => true,
            Client::Other => false,
            // Most clients of this link are nodes, and no byte of a separated node may pass.
            Client::Closed | Client::Unknown => self.diag.is_some(),
        }
    }

    /// Whether a new connection of this client must wait.
    pub(super) fn holds(&self, client: Client) -> bool {
        // A process of the node that is being launched looks like any other, until the owner knows its
        // guard. That takes a moment.
        self.nodes.is_launching || self.separates(client)
    }

    /// Whether a client has closed its socket. Its bytes may still be on their way. A client that has ended its
    /// sending half alone still waits for an answer.
    pub(super) fn has_closed(&self, client: SocketAddr, link: SocketAddr) -> bool {
        let found = match &self.diag {
            Some(diag) => clients::socket_of(diag, client, link),
            None => Diag::open().and_then(|diag| clients::socket_of(&diag, client, link)),
        };
        // Without an answer of the kernel, the client gets its connection.
        found.is_ok_and(|socket| socket.is_none())
    }

    /// Finds the clients of connections, by the addresses of client and link.
    pub(super) fn clients(&self, ends: &[(SocketAddr, SocketAddr)]) -> io::Result<Vec<Client>> {
        let Some(diag) = self.diag.as_ref().filter(|_| !ends.is_empty()) else {
            return Ok(vec![Client::Other; ends.len()]);
        };
        let socket =
            |(client, link): &(SocketAddr, SocketAddr)| clients::socket_of(diag, *client, *link);
        let sockets: io::Result<Vec<_>> = ends.iter().map(socket).collect();
        let sockets = sockets?;
        // After the sockets: a process that has one of them exists by now.
        let guards = self.nodes.guards.iter();
        let guards: Vec<_> = guards.map(|it| (it.pid, it.identity)).collect();
        let below = clients::sockets_below(&guards);
        let mut others = HashSet::new();
        if !below.is_whole {
            let rest = sockets.iter().flatten().copied();
            let rest = rest.filter(|it| !below.sockets.contains(it)).collect();
            others = clients::held_elsewhere(&rest, &guards);
        }
        let of_socket = |(socket, ends): (Option<_>, (SocketAddr, SocketAddr))| {
            Ok(match socket {
                Some(socket) if below.sockets.contains(&socket) => Client::Separated,
                Some(socket) => match clients::socket_of(diag, ends.0, ends.1)? {
                    // A node may have closed it before the look at its tree.
                    None => Client::Closed,
                    Some(_) if below.is_whole || others.contains(&socket) => Client::Other,
                    Some(_) => Client::Unknown,
                },
                None => Client::Closed,
            })
        };
        let found = sockets.into_iter().zip(ends.iter().copied());
        found.map(of_socket).collect()
    }
}
