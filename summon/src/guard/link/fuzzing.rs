//! Random clients, servers, and faults around a relay, in one thread.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::faults::{Close, Faults, WayFaults};
use super::queue::End;
use super::relay::Relay;
use crate::sys::events::Events;
use crate::sys::streams;

/// The maximum number of connections.
const MOST: usize = 4;
/// The time-out of the last bytes, after the link is healed.
const PATIENCE: Duration = Duration::from_secs(30);

/// One direction of a connection, as its two ends see it.
#[derive(Default)]
struct Way {
    salt: u64,
    sent: u64,
    found: u64,
    /// The sender has closed its half.
    is_closed: bool,
    /// The sender has reset the connection.
    is_reset: bool,
    /// The end that the receiver has seen.
    seen: Option<End>,
    /// A write of the receiver has failed because of a reset. The kernel tells that once, so a read then finds
    /// the end of the stream.
    is_told: bool,
}

struct Pair {
    client: Option<TcpStream>,
    server: Option<TcpStream>,
    to_server: Way,
    to_client: Way,
    /// Whether bytes may be lost, because a fault has ended the connection, or a test has dropped a socket.
    may_lose: bool,
}

/// Follows a script of random bytes. Panics if the relay loses, changes, or reorders bytes without a
/// reason, or if a connection ends in another way than its other half.
pub(in crate::guard) fn follow(script: &[u8]) {
    let mut events = Events::new().expect("a descriptor");
    let mut relay = relay();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let mut pairs: Vec<Pair> = Vec::new();
    let mut faults = Faults::default();
    pairs.push(connect(&mut relay, &listener, &events, 0));
    for (step, words) in script.chunks_exact(2).enumerate() {
        let (verb, number) = (words[0] % 16, usize::from(words[0] / 16));
        let (size, order) = (u64::from(words[1]), step as u64);
        match verb {
            0..9 => {
                let count = pairs.len();
                pairs[number % count].act(verb, size);
            }
            9 if pairs.len() < MOST && !faults.cut => {
                pairs.push(connect(&mut relay, &listener, &events, pairs.len() as u64));
            }
            9 => {}
            _ => {
                put(&mut faults, verb, size, order);
                relay.apply(faults.clone(), &events).expect("it changes");
            }
        }
        let closes = faults.to_server.close.is_some() || faults.to_client.close.is_some();
        let may_lose = faults.cut || closes;
        pairs.iter_mut().for_each(|pair| pair.may_lose |= may_lose);
        turn(&mut relay, &mut events, Instant::now());
    }
    relay.apply(Faults::default(), &events).expect("it heals");
    let until = Instant::now() + PATIENCE;
    while !pairs.iter_mut().all(Pair::is_done) {
        assert!(Instant::now() < until, "bytes are missing");
        turn(
            &mut relay,
            &mut events,
            Instant::now() + Duration::from_millis(1),
        );
    }
    let counts = relay.counts();
    assert!(counts.accepted == 0 && counts.open <= pairs.len() as u64);
    let found = |way: fn(&Pair) -> &Way| pairs.iter().map(|it| way(it).found).sum::<u64>();
    assert!(found(|it| &it.to_server) <= counts.to_server);
    assert!(found(|it| &it.to_client) <= counts.to_client);
}

/// Makes a relay. Other programs may take its port first.
fn relay() -> Relay {
    let made = (0..100).find_map(|_| {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
        let addr = free.local_addr().ok()?;
        drop(free);
        Relay::new(addr, None, None).ok()
    });
    made.expect("a free port")
}

fn connect(relay: &mut Relay, listener: &TcpListener, events: &Events, index: u64) -> Pair {
    let pair = || {
        let user = TcpStream::connect(listener.local_addr().expect("a port")).expect("a listener");
        let own = user.local_addr().expect("a port");
        // Other programs may connect, too.
        let accepted = listener.incoming().map_while(Result::ok);
        let mut accepted = accepted.filter(|it| it.peer_addr().is_ok_and(|peer| peer == own));
        let link = accepted.next().expect("the connection");
        for socket in [&user, &link] {
            socket.set_nonblocking(true).expect("a socket");
            socket.set_nodelay(true).expect("a socket");
        }
        (user, link)
    };
    let ((client, front), (server, back)) = (pair(), pair());
    let peer = ([127, 0, 0, 1], 1).into();
    relay.join(100 + index, (front.into(), peer), back.into(), events);
    let way = |salt| Way {
        salt,
        ..Way::default()
    };
    Pair {
        client: Some(client),
        server: Some(server),
        to_server: way(2 * index),
        to_client: way(2 * index + 1),
        may_lose: false,
    }
}

/// Moves bytes, waits for events until this time, and moves bytes again.
fn turn(relay: &mut Relay, events: &mut Events, until: Instant) {
    let due = relay.go_on(events);
    let until = due.into_iter().chain([until]).min();
    for event in events.wait(until).expect("it waits") {
        relay.note(event);
    }
    relay.go_on(events);
}

/// Changes the faults at random.
fn put(faults: &mut Faults, verb: u8, size: u64, order: u64) {
    let way = match size % 2 {
        0 => &mut faults.to_server,
        _ => &mut faults.to_client,
    };
    match verb {
        10 => way.silent = true,
        11 => {
            // A short delay, and a delay that lasts until the link is healed.
            let delays = [Duration::from_micros(size), Duration::from_secs(3600)];
            way.delay = delays[usize::from(size > 250)];
            way.jitter = Duration::from_micros(size);
        }
        12 => way.limit = Some(1 + size * size * 100),
        13 => {
            let after = size * 100;
            way.close = Some(Close { after, order });
        }
        14 if size < 10 => faults.cut = true,
        14 if size < 40 => faults.blackhole = true,
        14 => *way = WayFaults::default(),
        _ => *faults = Faults::default(),
    }
}

impl Pair {
    fn act(&mut self, verb: u8, size: u64) {
        let (client, server) = (&mut self.client, &mut self.server);
        match verb {
            0 | 1 => self.to_client.is_told |= self.to_server.send(client, size * 400),
            2 | 3 => self.to_server.is_told |= self.to_client.send(server, size * 400),
            4 => self.to_server.find(server, size * 400, self.may_lose),
            5 => self.to_client.find(client, size * 400, self.may_lose),
            6 => self.to_client.is_told |= self.to_server.close(client, size),
            7 => self.to_server.is_told |= self.to_client.close(server, size),
            _ if size < 8 => {
                self.may_lose = true;
                match size % 2 {
                    0 => self.client = None,
                    _ => self.server = None,
                }
            }
            _ if size < 24 => match size % 2 {
                0 => self.to_server.reset(client),
                _ => self.to_client.reset(server),
            },
            _ => {}
        }
    }

    /// Whether everything has arrived that must arrive.
    fn is_done(&mut self) -> bool {
        let (client, server) = (&mut self.client, &mut self.server);
        self.to_server.find(server, u64::MAX, self.may_lose);
        self.to_client.find(client, u64::MAX, self.may_lose);
        let is_whole = |way: &Way, receiver: &Option<TcpStream>| match &way.seen {
            _ if receiver.is_none() => true,
            seen if way.is_reset => seen.is_some(),
            seen => way.found == way.sent && seen.is_some() == way.is_closed,
        };
        self.may_lose || (is_whole(&self.to_server, server) && is_whole(&self.to_client, client))
    }
}

impl Way {
    /// Returns the byte at this place of the stream.
    fn byte(salt: u64, place: u64) -> u8 {
        let mixed = (place ^ (salt << 40)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 56) as u8
    }

    /// Sends bytes. Returns whether the connection was reset.
    fn send(&mut self, from: &mut Option<TcpStream>, most: u64) -> bool {
        let Some(socket) = from.as_mut().filter(|_| !self.is_closed) else {
            return false;
        };
        let places = self.sent..self.sent + most;
        let bytes: Vec<u8> = places.map(|place| Way::byte(self.salt, place)).collect();
        let written = socket.write(&bytes);
        // A full buffer takes fewer bytes.
        self.sent += *written.as_ref().unwrap_or(&0) as u64;
        written.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
    }

    /// Closes the half of the sender. At an odd size, it sends at once before, so that the link sees both at
    /// the same time.
    fn close(&mut self, from: &mut Option<TcpStream>, size: u64) -> bool {
        let is_reset = size % 2 == 1 && self.send(from, size);
        if let Some(socket) = from {
            // Fails if the connection has ended.
            let _ = socket.shutdown(Shutdown::Write);
            self.is_closed = true;
        }
        is_reset
    }

    fn reset(&mut self, from: &mut Option<TcpStream>) {
        if let Some(socket) = from.take() {
            streams::reset(&socket.into());
            self.is_reset = true;
        }
    }

    /// Receives bytes. An end must be the sender's own, unless the connection may lose bytes.
    fn find(&mut self, at: &mut Option<TcpStream>, most: u64, may_lose: bool) {
        let Some(socket) = at else { return };
        let (mut buffer, mut left) = ([0; 4096], most);
        while left > 0 {
            let piece = buffer
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            let end = match socket.read(&mut buffer[..piece]) {
                Ok(0) if self.is_told => End::Reset,
                Ok(0) => End::Closed,
                Ok(count) => {
                    for byte in &buffer[..count] {
                        let expected = Way::byte(self.salt, self.found);
                        assert_eq!(*byte, expected, "at {}", self.found);
                        self.found += 1;
                    }
                    assert!(self.found <= self.sent && self.seen.is_none());
                    left -= count as u64;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => End::Reset,
            };
            if self.seen.is_none() {
                let is_its_own = match end {
                    End::Closed => self.is_closed,
                    End::Reset => self.is_reset,
                };
                assert!(is_its_own || may_lose, "{end:?} is not its sender's");
                self.seen = Some(end);
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    /// The fuzz target `link` does the same with scripts that it looks for.
    #[test]
    fn what_arrives_is_a_prefix_and_all_of_it_if_nothing_was_cut() {
        // The seed is fixed, so that each run is the same.
        let mut state = 1_u64;
        let mut random = || {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 56) as u8
        };
        for _ in 0..300 {
            let length = 2 * usize::from(random());
            let script: Vec<u8> = (0..length).map(|_| random()).collect();
            println!("{script:?}");
            super::follow(&script);
        }
    }
}
