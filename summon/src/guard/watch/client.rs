//! The clients of a guard: its owner, or the users of a shared service.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use crate::guard::protocol::message::{News, Use};
use crate::guard::protocol::wire;
use crate::guard::state::Notice;
use crate::small_map::SmallMap;
use crate::sys::sockets;
use crate::sys::wait::timespec;

/// The limit of unread bytes. A client above it is dropped.
const MOST_UNREAD: usize = 1 << 20;
/// How much `hear` reads at once: more than a socket holds, so that a client that writes without
/// pause can't starve the others.
const AT_ONCE: usize = 1 << 19;
/// How long the guard waits until its last messages are read.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A client, which receives news without ever blocking the guard. Unread messages are queued. A value
/// that changes often is sent in its latest state when the client reads again.
pub(super) struct Client {
    pub(super) socket: UnixStream,
    inbox: VecDeque<u8>,
    outbox: Vec<u8>,
    told_length: u64,
    told_notices: u64,
    told_lost: Option<(u64, i32)>,
    /// The tests in the client's process that use the service, by their numbers.
    uses: SmallMap<u64, Use>,
    /// Sending has failed. Earlier messages from this client are still processed.
    pub(super) is_lost: bool,
}

/// The values that change often.
#[derive(Clone)]
pub(super) struct Latest {
    /// The length of the log.
    pub(super) length: u64,
    /// The latest notice of the service, and the number of notices so far.
    pub(super) notice: Notice,
    pub(super) notices: u64,
    /// How many bytes of output were lost, and the errno.
    pub(super) lost: Option<(u64, i32)>,
}

impl Latest {
    pub(super) fn new(length: u64) -> Latest {
        Latest {
            length,
            notice: Notice::default(),
            notices: 0,
            lost: None,
        }
    }
}

/// The client has closed its socket, or leaves too much unread.
pub(super) struct Closed;

impl Client {
    pub(super) fn new(socket: UnixStream) -> io::Result<Client> {
        socket.set_nonblocking(true)?;
        Ok(Client {
            socket,
            inbox: VecDeque::new(),
            outbox: Vec::new(),
            told_length: 0,
            told_notices: 0,
            told_lost: None,
            uses: SmallMap::new(),
            is_lost: false,
        })
    }

    pub(super) fn tell(&mut self, news: &News) {
        self.outbox.extend(wire::frame(&news.encode()));
    }

    /// Returns whether a long message still leaves less unread than a client may leave.
    pub(super) fn has_room(&self) -> bool {
        self.outbox.len() < MOST_UNREAD / 2
    }

    pub(super) fn tell_latest(&mut self, latest: &Latest) {
        if self.told_notices != latest.notices {
            self.told_notices = latest.notices;
            self.tell(&News::Noticed(latest.notice.clone()));
        }
        if let (true, Some((bytes, errno))) = (self.told_lost != latest.lost, latest.lost) {
            self.told_lost = latest.lost;
            self.tell(&News::Lost { bytes, errno });
        }
        if self.told_length != latest.length {
            self.told_length = latest.length;
            self.tell(&News::Grown(latest.length));
        }
    }

    /// Confirms to the client that the log is complete up to its request.
    pub(super) fn confirm(&mut self, latest: &Latest, number: u64) {
        // The length goes first: when the client reads `Synced`, it knows how far the log reaches.
        self.tell_latest(latest);
        self.tell(&News::Synced(number));
    }

    fn knows(&self, latest: &Latest) -> bool {
        (self.told_length, self.told_notices, self.told_lost)
            == (latest.length, latest.notices, latest.lost)
    }

    /// Returns the events to wait for on the socket.
    pub(super) fn wanted(&self, latest: &Latest) -> PollFlags {
        match self.outbox.is_empty() && self.knows(latest) {
            true => PollFlags::IN,
            // OUT only while something waits: a socket is almost always writable, and would end
            // every sleep.
            false => PollFlags::IN | PollFlags::OUT,
        }
    }

    /// Sends as much as possible without blocking. A client that does not read, for example in a
    /// debugger, must not block the service.
    pub(super) fn flush(&mut self, latest: &Latest) -> Result<(), Closed> {
        if self.outbox.is_empty() {
            if self.knows(latest) {
                return Ok(());
            }
            // Values are queued only after the queue has drained. A slow client then gets one message
            // for many changes, instead of one for each.
            self.tell_latest(latest);
        }
        self.send()
    }

    fn send(&mut self) -> Result<(), Closed> {
        match rustix::net::send(&self.socket, &self.outbox, sockets::SEND) {
            // A partial send may split a frame. The rest stays at the front of the queue, and the
            // next send continues there.
            Ok(sent) => drop(self.outbox.drain(..sent)),
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(_) => return Err(Closed),
        }
        match self.outbox.len() > MOST_UNREAD {
            true => Err(Closed),
            false => Ok(()),
        }
    }

    /// Reads the client's bytes, for [`Client::take_frame`].
    pub(super) fn hear(&mut self) -> Result<(), Closed> {
        hear(&mut self.socket, &mut self.inbox)
    }

    /// Takes the next whole message. Garbage becomes an empty frame, which no decoder accepts.
    pub(super) fn take_frame(&mut self) -> Option<Vec<u8>> {
        wire::take_frame(&mut self.inbox).unwrap_or_else(|_| {
            // After an impossible length the next frame can't be located, so the rest is discarded.
            self.inbox.clear();
            Some(Vec::new())
        })
    }

    /// Records that a test begins to use the service.
    pub(super) fn begin_use(&mut self, test: Use) {
        self.uses.insert(test.number, test);
    }

    pub(super) fn end_use(&mut self, number: u64) {
        self.uses.remove(&number);
    }

    /// Returns the tests that have not ended.
    pub(super) fn uses(&self) -> Vec<Use> {
        self.uses.iter().map(|(_, it)| it.clone()).collect()
    }
}

fn hear(socket: &mut impl Read, inbox: &mut VecDeque<u8>) -> Result<(), Closed> {
    let mut buffer = [0; 4096];
    for _ in 0..AT_ONCE / buffer.len() {
        match socket.read(&mut buffer) {
            Ok(0) => return Err(Closed),
            Ok(read) => inbox.extend(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(_) => return Err(Closed),
        }
    }
    Ok(())
}

/// Sends the last messages to all clients, and waits a moment for slow readers. A halted client, or a
/// forked child that holds the socket and never reads, can't delay the guard for longer.
pub(super) fn part(mut clients: Vec<Client>) {
    let is_reading = |it: &mut Client| it.send().is_ok() && !it.outbox.is_empty();
    clients.retain_mut(is_reading);
    let until = Instant::now() + LAST_WORDS;
    for client in &clients {
        // Doubles the buffer, so that the last messages fit even if the client reads nothing now. The
        // kernel delivers buffered bytes after this process has ended.
        let room = rustix::net::sockopt::socket_send_buffer_size(&client.socket);
        let _ = room.and_then(|room| {
            rustix::net::sockopt::set_socket_send_buffer_size(&client.socket, 2 * room)
        });
    }
    loop {
        clients.retain_mut(is_reading);
        let left = until.saturating_duration_since(Instant::now());
        if clients.is_empty() || left.is_zero() {
            return;
        }
        let mut polled: Vec<_> = clients
            .iter()
            .map(|it| PollFd::new(&it.socket, PollFlags::OUT))
            .collect();
        let _ = rustix::event::poll(&mut polled, Some(&timespec(left)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_reads_no_more_than_so_many_bytes() {
        let mut inbox = VecDeque::new();
        // A socket would be empty now and then, since its writers have to wait for a processor.
        let mut writer = io::repeat(0).take(1 << 24);
        assert!(hear(&mut writer, &mut inbox).is_ok());
        assert_eq!(inbox.len(), AT_ONCE);
    }
}
