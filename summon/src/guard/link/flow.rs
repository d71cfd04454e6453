//! One direction of a connection: takes bytes from one socket, and gives them to the other.
//!
//! Bytes wait in a pipe or in a queue. The bytes in the pipe are older. A flow fills the pipe only while
//! both are empty, so it never changes the order of bytes. A stream goes through the pipe without a copy.
//! A short message goes through the queue: to copy it takes fewer calls, and less time.

use std::io;
use std::time::{Duration, Instant};

use super::faults::{Close, WayFaults};
use super::queue::{End, Next, Queue};
use super::rate::Rate;
use super::socket::{ROUNDS, Socket, Tools};
use crate::sys::splice::Pipe;
use crate::sys::{random, streams};

/// The maximum number of delayed bytes, as the window of a TCP connection on a slow network. The link then
/// stops reading. With much more, a few busy connections keep the link busy, and on busy processors a process
/// that never sleeps waits long for its turn. Then all delays are inexact.
const MOST_DELAYED: usize = 1 << 20;
/// The maximum number of bytes that wait for bandwidth.
const MOST_LIMITED: usize = 64 << 10;
/// Fewer bytes in the pipe are no stream.
const SHORT: usize = 16 << 10;

/// The state of a flow after it has moved bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The flow waits for its sockets, or has ended.
    Waits,
    /// The flow can continue at once.
    GoesOn,
    /// The flow can continue at this time.
    Until(Instant),
    /// The source was reset, and the destination has all bytes from before.
    Reset,
    /// The destination has as many bytes as it should get.
    Full,
}

#[derive(Debug, Default)]
pub(super) struct Flow {
    pipe: Option<Pipe>,
    queue: Queue,
    /// The last bytes were many.
    is_stream: bool,
    /// No more bytes come from the source.
    source_ended: bool,
    /// The destination knows that the source has ended.
    ended: bool,
    /// How many bytes have gone to the destination.
    pub(super) passed: u64,
    /// The numbers of orders to close, each with the count of bytes that ends the connection. The last one
    /// is in force, and the others may come back into force.
    closing: Vec<(u64, u64)>,
}

impl Flow {
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Moves bytes as far as possible.
    pub(super) fn advance(
        &mut self,
        source: &mut Socket,
        destination: &mut Socket,
        faults: &WayFaults,
        rate: &mut Option<Rate>,
        tools: &mut Tools,
    ) -> Outcome {
        self.count_anew(faults);
        for _ in 0..ROUNDS {
            let sent = self.send(destination, faults, rate, tools);
            if let Outcome::Reset | Outcome::Full = sent {
                return sent;
            }
            let received = self.receive(source, destination, faults, tools);
            if !received && sent != Outcome::GoesOn {
                return sent;
            }
        }
        Outcome::GoesOn
    }

    fn count_anew(&mut self, faults: &WayFaults) {
        let Some(Close { after, order }) = faults.close else {
            return self.closing.clear();
        };
        let newest = self.closing.last().map_or(0, |(order, _)| *order);
        // The newest order of the link is in force, so newer ones have ended.
        self.closing.retain(|(it, _)| *it <= order);
        if self.closing.last().is_some_and(|(it, _)| *it == order) {
            return;
        }
        // An order from before this connection counts from the beginning.
        let from = if newest > order { 0 } else { self.passed };
        self.closing.push((order, from.saturating_add(after)));
    }

    /// Sends one piece.
    fn send(
        &mut self,
        to: &mut Socket,
        faults: &WayFaults,
        rate: &mut Option<Rate>,
        tools: &mut Tools,
    ) -> Outcome {
        if self.ended {
            return Outcome::Waits;
        }
        let end = self.closing.last().map_or(u64::MAX, |(_, end)| *end);
        let left = end.saturating_sub(self.passed);
        if left == 0 {
            return Outcome::Full;
        }
        if to.broken {
            // No process reads these bytes.
            self.pipe = None;
            self.queue.clear();
            return Outcome::Waits;
        }
        let now = Instant::now();
        let bytes = match &self.pipe {
            Some(_) => None,
            None => match self.queue.next(now, faults.longest_delay()) {
                Next::Bytes(bytes) => Some(bytes),
                Next::Later(at) => return Outcome::Until(at),
                Next::Nothing => return Outcome::Waits,
                Next::End(End::Reset) => return Outcome::Reset,
                Next::End(End::Closed) => {
                    streams::end(&to.fd);
                    self.ended = true;
                    return Outcome::GoesOn;
                }
            },
        };
        if !to.writable {
            return Outcome::Waits;
        }
        let mut most = usize::try_from(left).unwrap_or(usize::MAX);
        match rate.as_ref().map(|rate| rate.grant(now)) {
            Some(Ok(granted)) => most = most.min(granted),
            Some(Err(at)) => return Outcome::Until(at),
            None => {}
        }
        let sent = match (&mut self.pipe, bytes) {
            (Some(pipe), _) => pipe.pour(&to.fd, most),
            (None, Some(bytes)) => streams::write(&to.fd, &bytes[..bytes.len().min(most)]),
            (None, None) => return Outcome::Waits,
        };
        match sent {
            Ok(count) => {
                match self.pipe.take_if(|pipe| pipe.is_empty()) {
                    Some(pipe) => tools.pipes.push(pipe),
                    None if self.pipe.is_none() => self.queue.remove(count),
                    None => {}
                }
                self.passed += count as u64;
                if let Some(rate) = rate {
                    rate.spend(count, now);
                }
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => {
                    to.writable = false;
                    return Outcome::Waits;
                }
                io::ErrorKind::Interrupted => {}
                _ => to.has_broken(),
            },
        }
        Outcome::GoesOn
    }

    /// Receives one piece. Returns whether there may be more.
    fn receive(
        &mut self,
        from: &mut Socket,
        to: &Socket,
        faults: &WayFaults,
        tools: &mut Tools,
    ) -> bool {
        if self.source_ended || !from.readable || to.broken {
            return false;
        }
        let received = match (
            faults.is_free(),
            self.pipe.is_none() && self.queue.is_empty(),
        ) {
            (true, true) if self.is_stream => self.splice(from, tools),
            (true, true) => self.copy(from, tools),
            // Send the waiting bytes first.
            (true, false) => return false,
            (false, _) => {
                let most = match faults.has_no_delay() {
                    true => MOST_LIMITED,
                    false => MOST_DELAYED,
                };
                if self.queue.len() >= most {
                    return false;
                }
                let received = from.read(&mut tools.buffer);
                if let Ok(count @ 1..) = received {
                    // The time of this read. The event may have been earlier.
                    let now = Instant::now();
                    self.queue.push(&tools.buffer[..count], now, delay(faults));
                }
                received
            }
        };
        let end = match received {
            Ok(1..) => return true,
            Ok(0) if !from.broken => End::Closed,
            Ok(0) => End::Reset,
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => {
                    from.readable = false;
                    return false;
                }
                io::ErrorKind::Interrupted => return true,
                _ => {
                    from.has_broken();
                    End::Reset
                }
            },
        };
        self.source_ended = true;
        self.queue.end(end, Instant::now(), delay(faults));
        true
    }

    fn splice(&mut self, from: &mut Socket, tools: &mut Tools) -> io::Result<usize> {
        let mut pipe = match tools.pipes.pop() {
            Some(pipe) => pipe,
            None => match Pipe::new() {
                Ok(pipe) => pipe,
                // No descriptor is left. A copy needs none.
                Err(_) => return self.copy(from, tools),
            },
        };
        let filled = pipe.fill(&from.fd);
        match filled {
            Ok(count @ 1..) => {
                self.pipe = Some(pipe);
                self.is_stream = count >= SHORT;
            }
            _ => tools.pipes.push(pipe),
        }
        match filled {
            // The end, or an urgent byte: `splice` never gets past that.
            Ok(0) => self.copy(from, tools),
            filled => filled,
        }
    }

    fn copy(&mut self, from: &mut Socket, tools: &mut Tools) -> io::Result<usize> {
        let count = from.read(&mut tools.buffer)?;
        self.is_stream = count == tools.buffer.len();
        if count > 0 {
            let bytes = &tools.buffer[..count];
            self.queue.push(bytes, Instant::now(), Duration::ZERO);
        }
        Ok(count)
    }
}

/// Returns the delay of one piece.
fn delay(faults: &WayFaults) -> Duration {
    let jitter = faults.jitter.as_nanos() as u64;
    if jitter == 0 {
        return faults.delay;
    }
    let varied = random() % (2 * jitter + 1);
    (faults.delay + Duration::from_nanos(varied)).saturating_sub(faults.jitter)
}
