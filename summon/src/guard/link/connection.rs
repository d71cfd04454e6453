//! A connection through a link: a client's socket, a server's socket, and the flows between them.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Instant;

use super::faults::Faults;
use super::flow::{Flow, Outcome};
use super::rate::Rate;
use super::socket::{Socket, Tools};
use crate::sys::streams;

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// The bandwidth in both directions.
#[derive(Debug, Default)]
pub(super) struct Rates {
    pub(super) to_server: Option<Rate>,
    pub(super) to_client: Option<Rate>,
}

/// The state of a connection after it has moved bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It waits for an event, or for this time.
    Waits(Option<Instant>),
    /// It can continue at once.
    GoesOn,
    /// Both halves have ended.
    Closed,
    /// Both ends must be reset.
    Reset,
    /// This side has its last byte.
    Full(Side),
}

#[derive(Debug)]
pub(super) struct Connection {
    client: Socket,
    server: Socket,
    /// The client's address.
    pub(super) peer: SocketAddr,
    /// Whether a partition separates the client from the server.
    pub(super) is_separated: bool,
    is_connected: bool,
    to_server: Flow,
    to_client: Flow,
    /// The time when it continues, and its place among connections with the same time. The caller sets
    /// both.
    pub(super) due: Option<(Instant, u64)>,
    /// The number of bytes at the last call of `has_moved`.
    seen: (u64, u64),
}

impl Connection {
    pub(super) fn new(client: OwnedFd, peer: SocketAddr, server: OwnedFd) -> Connection {
        Connection {
            client: Socket::new(client),
            server: Socket::new(server),
            peer,
            is_separated: false,
            is_connected: false,
            to_server: Flow::default(),
            to_client: Flow::default(),
            due: None,
            seen: (0, 0),
        }
    }

    pub(super) fn socket(&mut self, side: Side) -> &mut Socket {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Returns the number of bytes that have passed, to the server and to the client.
    pub(super) fn passed(&self) -> (u64, u64) {
        (self.to_server.passed, self.to_client.passed)
    }

    /// Whether bytes have passed since the last call.
    pub(super) fn has_moved(&mut self) -> bool {
        let passed = self.passed();
        std::mem::replace(&mut self.seen, passed) != passed
    }

    /// Notes that an end failed.
    pub(super) fn note_failure(&mut self, side: Side) {
        // The error is taken here. `broken` keeps it until the last bytes are read.
        if streams::failure(&self.socket(side).fd).is_some() {
            self.socket(side).has_broken();
        }
    }

    pub(super) fn advance(
        &mut self,
        faults: &Faults,
        rates: &mut Rates,
        tools: &mut Tools,
    ) -> Fate {
        if self.has_broken() {
            return Fate::Reset;
        }
        if faults.blackhole || self.is_separated {
            return Fate::Waits(None);
        }
        if !self.is_connected {
            // A server that refuses is broken. The client has a connection already, so it gets a reset, as
            // late as any answer.
            match self.server.broken || self.server.writable {
                true => self.is_connected = true,
                false => return Fate::Waits(None),
            }
        }
        let (mut goes_on, mut due) = (false, None);
        for side in [Side::Server, Side::Client] {
            match self.advance_to(side, faults, rates, tools) {
                Outcome::Waits => {}
                Outcome::GoesOn => goes_on = true,
                Outcome::Until(at) => due = due.into_iter().chain([at]).min(),
                Outcome::Reset => return Fate::Reset,
                Outcome::Full => return Fate::Full(side),
            }
        }
        // The link has passed on the end of the stream. A reset may follow it.
        let is_reset = |socket: &Socket, flow: &Flow| socket.broken && flow.has_ended();
        if is_reset(&self.client, &self.to_server)
            || is_reset(&self.server, &self.to_client)
            || self.has_broken()
        {
            return Fate::Reset;
        }
        if self.to_server.has_ended() && self.to_client.has_ended() {
            return Fate::Closed;
        }
        match goes_on {
            true => Fate::GoesOn,
            false => Fate::Waits(due),
        }
    }

    /// Whether both ends were reset. No process then learns what else happens, whatever the faults are.
    fn has_broken(&self) -> bool {
        self.client.broken && self.server.broken
    }

    /// Moves bytes to this side as far as possible.
    fn advance_to(
        &mut self,
        side: Side,
        faults: &Faults,
        rates: &mut Rates,
        tools: &mut Tools,
    ) -> Outcome {
        let (flow, from, to, faults, rate) = match side {
            Side::Server => (
                &mut self.to_server,
                &mut self.client,
                &mut self.server,
                &faults.to_server,
                &mut rates.to_server,
            ),
            Side::Client => (
                &mut self.to_client,
                &mut self.server,
                &mut self.client,
                &faults.to_client,
                &mut rates.to_client,
            ),
        };
        if faults.silent {
            return Outcome::Waits;
        }
        let was_broken = to.broken;
        match flow.advance(from, to, faults, rate, tools) {
            // The other flow must read the last bytes, and the end.
            Outcome::Waits if to.broken != was_broken => Outcome::GoesOn,
            outcome => outcome,
        }
    }

    /// Ends the connection. Returns the socket of this side, which gets the end of the stream.
    pub(super) fn end(self, side: Side) -> Socket {
        let socket = match side {
            Side::Client => self.client,
            Side::Server => self.server,
        };
        streams::end(&socket.fd);
        socket
    }

    /// Resets both ends.
    pub(super) fn reset(self) {
        streams::reset(&self.client.fd);
        streams::reset(&self.server.fd);
    }
}
