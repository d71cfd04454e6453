//! Whom a guard talks to: its owner, and at a shared service whoever uses it.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::SendFlags;

use super::message::News;
use super::wire;

/// One that is told news, without ever making the guard wait for it: what it does not read is
/// kept, and how long the log has become is told once it reads again.
pub(super) struct Listener {
    pub(super) socket: UnixStream,
    outbox: Vec<u8>,
    told: u64,
}

/// The other end has closed.
pub(super) struct Closed;

impl Listener {
    pub(super) fn new(socket: UnixStream) -> io::Result<Listener> {
        socket.set_nonblocking(true)?;
        Ok(Listener {
            socket,
            outbox: Vec::new(),
            told: 0,
        })
    }

    pub(super) fn tell(&mut self, news: &News) {
        if let News::Grown(length) = news {
            self.told = *length;
        }
        self.outbox.extend(wire::frame(&news.encode()));
    }

    /// What to wait for on the socket, when the log is so long.
    pub(super) fn wanted(&self, length: u64) -> PollFlags {
        match self.outbox.is_empty() && self.told == length {
            true => PollFlags::IN,
            false => PollFlags::IN | PollFlags::OUT,
        }
    }

    /// Sends what can be sent without blocking: one that does not read (it may be stopped in a
    /// debugger) must not stop the service.
    pub(super) fn flush(&mut self, length: u64) -> Result<(), Closed> {
        if self.outbox.is_empty() {
            if self.told == length {
                return Ok(());
            }
            self.tell(&News::Grown(length));
        }
        match rustix::net::send(&self.socket, &self.outbox, SendFlags::NOSIGNAL) {
            Ok(sent) => drop(self.outbox.drain(..sent)),
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(_) => return Err(Closed),
        }
        Ok(())
    }

    /// Adds what it has said to `inbox`.
    pub(super) fn hear(&mut self, inbox: &mut Vec<u8>) -> Result<(), Closed> {
        let mut buffer = [0; 4096];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return Err(Closed),
                Ok(read) => inbox.extend(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return Err(Closed),
            }
        }
    }

    /// Sends the last words. This may block: the other end reads them, or it dies and they fail.
    pub(super) fn part(mut self) {
        let _ = self.socket.set_nonblocking(false);
        let _ = self.socket.write_all(&self.outbox);
    }
}
