//! One end of a connection, and the buffers that all connections share.

use std::io;
use std::os::fd::OwnedFd;

use crate::sys::splice::Pipe;
use crate::sys::streams;

/// The number of pieces that a connection moves before others have their turn. A turn then moves 1 MiB at
/// most. With more, a busy connection makes the delays of others inexact.
pub(super) const ROUNDS: usize = 4;

/// One end of a connection, with its state.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) fd: OwnedFd,
    /// Whether a read may succeed. An event sets it.
    pub(super) readable: bool,
    pub(super) writable: bool,
    /// The end of the stream or an urgent byte has come. A read stops before it.
    pub(super) has_mark: bool,
    /// The other end has reset the connection. Bytes from before may still be readable.
    pub(super) broken: bool,
}

impl Socket {
    pub(super) fn new(fd: OwnedFd) -> Socket {
        Socket {
            fd,
            readable: false,
            writable: false,
            has_mark: false,
            broken: false,
        }
    }

    /// Reads the bytes that have come.
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = streams::read(&self.fd, into);
        // A read that gets less than it asks for has emptied the socket (`epoll(7)`), unless it has
        // stopped at a mark. Whatever comes later has an event of its own. So there is no need for a read
        // that gets nothing.
        let is_short = read.as_ref().is_ok_and(|count| *count < into.len());
        if is_short && !self.has_mark {
            self.readable = false;
        }
        read
    }

    pub(super) fn has_broken(&mut self) {
        self.broken = true;
        self.has_mark = true;
        // No further event may come. A read finds the end behind the last bytes.
        self.readable = true;
    }
}

/// Buffers that all flows share.
#[derive(Debug)]
pub(super) struct Tools {
    /// Empty pipes. A flow has one while bytes are in it.
    pub(super) pipes: Vec<Pipe>,
    pub(super) buffer: Vec<u8>,
}

impl Tools {
    pub(super) fn new() -> Tools {
        Tools {
            pipes: Vec::new(),
            buffer: vec![0; 64 << 10],
        }
    }

    /// Gives the descriptors of empty pipes back. Returns whether there were any.
    pub(super) fn release(&mut self) -> bool {
        !std::mem::take(&mut self.pipes).is_empty()
    }

    /// Reads and discards what a socket still sends. Returns whether it has ended. If the socket is still
    /// readable, the caller must go on after other connections had their turn.
    pub(super) fn discard(&mut self, socket: &mut Socket) -> bool {
        for _ in 0..ROUNDS {
            if !socket.readable {
                break;
            }
            match streams::read(&socket.fd, &mut self.buffer) {
                Ok(1..) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.readable = false,
                _ => return true,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_short_read_needs_no_second_one_unless_an_end_has_come() {
        let (mut sender, socket) = UnixStream::pair().unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut socket = Socket::new(socket.into());
        let mut buffer = [0; 4];
        for (has_mark, sent, is_left) in [
            (false, &b"abc"[..], false),
            (false, b"abcd", true),
            (true, b"abc", true),
        ] {
            (socket.readable, socket.has_mark) = (true, has_mark);
            sender.write_all(sent).unwrap();
            assert_eq!(socket.read(&mut buffer).unwrap(), sent.len());
            assert_eq!(socket.readable, is_left, "{sent:?}, {has_mark}");
        }
        // An error of the other direction says that no event may come.
        socket.has_broken();
        sender.write_all(b"a").unwrap();
        assert_eq!(socket.read(&mut buffer).unwrap(), 1);
        assert!(socket.readable);
    }

    #[test]
    fn a_sender_that_never_stops_leaves_time_for_others() {
        let (mut sender, socket) = UnixStream::pair().unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut socket = Socket::new(socket.into());
        let mut tools = Tools::new();
        tools.buffer.truncate(16);
        sender.write_all(&[0; 16 * ROUNDS + 1]).unwrap();
        socket.readable = true;
        assert!(!tools.discard(&mut socket));
        assert!(socket.readable, "one byte is left");
        assert!(!tools.discard(&mut socket));
        assert!(!socket.readable);
        drop(sender);
        socket.readable = true;
        assert!(tools.discard(&mut socket));
    }
}
