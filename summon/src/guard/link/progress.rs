//! Which connections of a link go on, and when.

use std::mem;
use std::time::Instant;

use super::connection::{Fate, Side};
use super::relay::Relay;
use crate::sys::events::{Event, Events};
use crate::sys::streams;

impl Relay {
    /// Notes an event of a connection.
    pub(super) fn note(&mut self, event: Event) {
        let number = event.token / 2;
        let side = match event.token % 2 {
            0 => Side::Client,
            _ => Side::Server,
        };
        if let Some(connection) = self.connections.get_mut(&number) {
            let socket = connection.socket(side);
            socket.readable |= event.readable;
            socket.writable |= event.writable;
            socket.has_mark |= event.has_mark;
            if event.failed {
                connection.note_failure(side);
            }
            self.ready.push(number);
        } else if let Some((client, peer)) = self.held.get(&number) {
            // A client that waits for a descriptor has reached the server, as without the link.
            let is_separated = !self.short.contains(&number);
            if is_separated
                && streams::has_hung_up(client)
                && self.partition.has_closed(*peer, self.addr)
            {
                streams::reset(client);
                self.held.remove(&number);
            }
        } else if let Some(socket) = self.lingering.get_mut(&number) {
            socket.readable |= event.readable;
            self.ready.push(number);
        }
    }

    /// Returns the number of bytes that were passed on since the last call.
    pub(super) fn take_moved(&mut self) -> u64 {
        mem::take(&mut self.moved)
    }

    /// Moves bytes as far as possible. Returns the time of the next move.
    pub(super) fn go_on(&mut self, events: &Events) -> Option<Instant> {
        let now = Instant::now();
        if self.accept_at.is_some_and(|at| at <= now) {
            self.accept(events);
        }
        if self.look_at.is_some_and(|at| at <= now) {
            self.look_again(events);
        }
        let mut ready = mem::take(&mut self.ready);
        // Each connection stays in `due` until it has moved, since it may keep its place.
        ready.extend(
            self.due
                .iter()
                .take_while(|(at, ..)| *at <= now)
                .map(|(.., it)| *it),
        );
        for number in ready {
            self.advance(number);
        }
        if !self.ready.is_empty() {
            return Some(now);
        }
        let due = self.due.first().map(|(at, ..)| *at);
        [due, self.accept_at, self.look_at]
            .into_iter()
            .flatten()
            .min()
    }

    fn advance(&mut self, number: u64) {
        let Some(connection) = self.connections.get_mut(&number) else {
            return self.discard(number);
        };
        let before = connection.passed();
        let fate = connection.advance(&self.faults, &mut self.rates, &mut self.tools);
        let after = connection.passed();
        self.moved += after.0 - before.0 + after.1 - before.1;
        let noted = connection.due.take();
        if let Some((at, sequence)) = noted {
            self.due.remove(&(at, sequence, number));
        }
        match fate {
            Fate::Waits(None) => {}
            Fate::Waits(Some(at)) => {
                // A connection that got no bandwidth keeps its place. Otherwise a busy connection could take
                // all bandwidth.
                let sequence = match noted {
                    Some((_, sequence)) if !connection.has_moved() => sequence,
                    _ => {
                        self.sequence += 1;
                        self.sequence
                    }
                };
                connection.due = Some((at, sequence));
                self.due.insert((at, sequence, number));
            }
            Fate::GoesOn => self.ready.push(number),
            Fate::Closed | Fate::Reset | Fate::Full(_) => {
                let Some(connection) = self.connections.remove(&number) else {
                    return;
                };
                self.count(&connection);
                match fate {
                    Fate::Reset => connection.reset(),
                    Fate::Full(side) => {
                        self.lingering.insert(number, connection.end(side));
                        self.discard(number);
                    }
                    _ => drop(connection),
                }
            }
        }
    }

    /// Discards what the client or the server of an ended connection still sends.
    fn discard(&mut self, number: u64) {
        let Some(socket) = self.lingering.get_mut(&number) else {
            return;
        };
        if self.tools.discard(socket) {
            self.lingering.remove(&number);
        } else if socket.readable {
            self.ready.push(number);
        }
    }
}
