//! Whom a guard talks to: its owner, and at a shared service whoever uses it.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::message::{News, Use};
use super::state::Notice;
use super::wire;
use crate::sys::sockets;
use crate::sys::wait::timespec;

/// Who leaves so much unread is not waited for any more.
const MOST_UNREAD: usize = 1 << 20;
/// More than a socket holds: one who speaks without end gets his turn and no more.
const AT_ONCE: usize = 1 << 19;
/// The last words have so long to be read.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// One that is told news, without ever making the guard wait for it: what it does not read is
/// kept, and of what changes all the time the latest is told once it reads again.
pub(super) struct Listener {
    pub(super) socket: UnixStream,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
    told_length: u64,
    told_notices: u64,
    told_lost: Option<(u64, i32)>,
    /// The tests that use it there.
    uses: Vec<Use>,
    /// It could not be told any more. What it has said before is still to be heard.
    pub(super) is_lost: bool,
}

/// What changes all the time.
#[derive(Clone)]
pub(super) struct Latest {
    /// How long the log is.
    pub(super) length: u64,
    /// What the service says of itself, and how often it said something.
    pub(super) notice: Notice,
    pub(super) notices: u64,
    /// How much of the output could not be kept, and why.
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

/// The other end has closed, or leaves too much unread.
pub(super) struct Closed;

impl Listener {
    pub(super) fn new(socket: UnixStream) -> io::Result<Listener> {
        socket.set_nonblocking(true)?;
        Ok(Listener {
            socket,
            inbox: Vec::new(),
            outbox: Vec::new(),
            told_length: 0,
            told_notices: 0,
            told_lost: None,
            uses: Vec::new(),
            is_lost: false,
        })
    }

    pub(super) fn tell(&mut self, news: &News) {
        self.outbox.extend(wire::frame(&news.encode()));
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

    /// Tells one who has asked that the log is as long as it should be.
    pub(super) fn confirm(&mut self, latest: &Latest, number: u64) {
        self.tell_latest(latest);
        self.tell(&News::Synced(number));
    }

    fn knows(&self, latest: &Latest) -> bool {
        (self.told_length, self.told_notices, self.told_lost)
            == (latest.length, latest.notices, latest.lost)
    }

    /// What to wait for on the socket.
    pub(super) fn wanted(&self, latest: &Latest) -> PollFlags {
        match self.outbox.is_empty() && self.knows(latest) {
            true => PollFlags::IN,
            false => PollFlags::IN | PollFlags::OUT,
        }
    }

    /// Sends what can be sent without blocking: one that does not read (it may be stopped in a
    /// debugger) must not stop the service.
    pub(super) fn flush(&mut self, latest: &Latest) -> Result<(), Closed> {
        if self.outbox.is_empty() {
            if self.knows(latest) {
                return Ok(());
            }
            self.tell_latest(latest);
        }
        self.send()
    }

    fn send(&mut self) -> Result<(), Closed> {
        match rustix::net::send(&self.socket, &self.outbox, sockets::SEND) {
            Ok(sent) => drop(self.outbox.drain(..sent)),
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(_) => return Err(Closed),
        }
        match self.outbox.len() > MOST_UNREAD {
            true => Err(Closed),
            false => Ok(()),
        }
    }

    /// Reads what it says, for [`Listener::take_frame`].
    pub(super) fn hear(&mut self) -> Result<(), Closed> {
        let mut buffer = [0; 4096];
        for _ in 0..AT_ONCE / buffer.len() {
            match self.socket.read(&mut buffer) {
                Ok(0) => return Err(Closed),
                Ok(read) => self.inbox.extend(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return Err(Closed),
            }
        }
        Ok(())
    }

    /// What it has said, as far as it is whole. Nonsense is forgotten, and an empty frame.
    pub(super) fn take_frame(&mut self) -> Option<Vec<u8>> {
        wire::take_frame(&mut self.inbox).unwrap_or_else(|_| {
            self.inbox.clear();
            Some(Vec::new())
        })
    }

    /// A test begins to use the service.
    pub(super) fn begin_use(&mut self, test: Use) {
        self.uses.push(test);
    }

    pub(super) fn end_use(&mut self, number: u64) {
        self.uses.retain(|it| it.number != number);
    }

    /// The tests that have not ended.
    pub(super) fn uses(&self) -> &[Use] {
        &self.uses
    }
}

/// Sends the last words to all, and waits a moment for those who have much to read before. Who is
/// halted, or has left the socket to a forked child that does not read, keeps nobody from ending.
pub(super) fn part(mut listeners: Vec<Listener>) {
    let until = Instant::now() + LAST_WORDS;
    for listener in &listeners {
        // Twice as much as by default, so that there is room for them also where nobody reads.
        let room = rustix::net::sockopt::socket_send_buffer_size(&listener.socket);
        let _ = room.and_then(|room| {
            rustix::net::sockopt::set_socket_send_buffer_size(&listener.socket, 2 * room)
        });
    }
    loop {
        listeners.retain_mut(|it| it.send().is_ok() && !it.outbox.is_empty());
        let left = until.saturating_duration_since(Instant::now());
        if listeners.is_empty() || left.is_zero() {
            return;
        }
        let mut polled: Vec<_> = listeners
            .iter()
            .map(|it| PollFd::new(&it.socket, PollFlags::OUT))
            .collect();
        let _ = rustix::event::poll(&mut polled, Some(&timespec(left)));
    }
}
