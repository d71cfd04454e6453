//! A connection to the server that never blocks the guard.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SocketType, sockopt};

use super::dialect::{Broken, Protocol};
use super::refusal::{Reason, Refusal};
use crate::sys::sockets;

/// How many pieces are read at once, so that one connection can't keep the guard here.
const AT_ONCE: usize = 64;

#[derive(Debug)]
pub(super) struct Connection {
    socket: OwnedFd,
    addr: SocketAddr,
    is_connected: bool,
    pub(super) protocol: Box<dyn Protocol>,
}

impl Connection {
    /// Begins a connection to the server at this address.
    pub(super) fn open(addr: SocketAddr, protocol: Box<dyn Protocol>) -> Result<Connection, Lost> {
        let family = match addr {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let open = || {
            let socket = sockets::socket(family, SocketType::STREAM)?;
            rustix::io::ioctl_fionbio(&socket, true)?;
            match rustix::net::connect(&socket, &addr) {
                // `go_on` hears how it went.
                Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => io::Result::Ok(socket),
                Err(error) => Err(error.into()),
            }
        };
        Ok(Connection {
            socket: open().map_err(|error| Lost::by(addr, &error))?,
            addr,
            is_connected: false,
            protocol,
        })
    }

    /// Returns the events to wait for.
    pub(super) fn wanted(&self) -> PollFlags {
        match self.is_connected && self.protocol.outbox().is_empty() {
            true => PollFlags::IN,
            false => PollFlags::IN | PollFlags::OUT,
        }
    }

    /// Sends and receives as much as possible without blocking. An error ends the connection.
    pub(super) fn go_on(&mut self) -> Result<(), Lost> {
        self.exchange().map_err(|end| match end {
            End::Io(error) => Lost::by(self.addr, &error),
            End::Broken(broken) => Lost {
                is_silent: broken == Broken::Closed,
                refusal: broken.into(),
            },
        })
    }

    fn exchange(&mut self) -> Result<(), End> {
        // The result of the connection attempt. Later it could be a reset, which `recv` reports after the
        // last words of a server that refuses the connection.
        if !self.is_connected {
            sockopt::socket_error(&self.socket)?.map_err(io::Error::from)?;
        }
        // Before the server speaks first, nothing is sent that would show this.
        self.is_connected = self.is_connected || rustix::net::getpeername(&self.socket).is_ok();
        let mut buffer = [0; 16 << 10];
        for _ in 0..AT_ONCE {
            match rustix::net::recv(&self.socket, &mut buffer[..], RecvFlags::empty()) {
                Ok((_, 0)) => return Err(self.protocol.closed().into()),
                Ok((_, read)) => self.protocol.receive(&buffer[..read])?,
                Err(Errno::INTR) => {}
                // The connection attempt still runs.
                Err(Errno::WOULDBLOCK | Errno::NOTCONN) => break,
                Err(error) => return Err(self.because(error)),
            }
        }
        self.flush()
    }

    /// Sends as much as possible.
    pub(super) fn flush(&mut self) -> Result<(), End> {
        while !self.protocol.outbox().is_empty() {
            match rustix::net::send(&self.socket, self.protocol.outbox(), sockets::SEND) {
                Ok(sent) => self.protocol.sent(sent),
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK | Errno::NOTCONN) => break,
                Err(error) => return Err(self.because(error)),
            }
        }
        Ok(())
    }

    /// Prefers the server's last words to the errno of a lost connection.
    fn because(&mut self, error: Errno) -> End {
        match self.protocol.closed() {
            Broken::Closed => End::Io(error.into()),
            broken => End::Broken(broken),
        }
    }
}

/// Why a connection is of no use any more.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) refusal: Refusal,
    /// The server has ended it without a reason.
    pub(super) is_silent: bool,
}

impl Lost {
    fn by(addr: SocketAddr, error: &io::Error) -> Lost {
        let reason = match error.kind() {
            // Nothing listens. The end of the server is about to be known, and is the better reason.
            io::ErrorKind::ConnectionRefused => Reason::Passing,
            _ => Reason::Other,
        };
        let text = format!("the connection to {addr} failed: {error}");
        Lost {
            refusal: Refusal { reason, text },
            is_silent: error.kind() == io::ErrorKind::ConnectionReset,
        }
    }
}

/// How a connection ended.
#[derive(Debug)]
pub(super) enum End {
    Io(io::Error),
    Broken(Broken),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> End {
        End::Io(error)
    }
}

impl From<Errno> for End {
    fn from(error: Errno) -> End {
        End::Io(error.into())
    }
}

impl From<Broken> for End {
    fn from(broken: Broken) -> End {
        End::Broken(broken)
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    use super::super::dialect::Dialect;
    use super::super::mariadb::Mariadb;
    use super::super::redis::Redis;
    use super::*;
    use crate::sys::wait;

    #[test]
    fn the_last_words_before_a_reset_are_heard() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let mut connection = Connection::open(addr, Redis.connect(None)).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        wait::until_writable(connection.as_fd(), deadline).unwrap();
        connection.go_on().unwrap();
        connection.protocol.query("PING");
        connection.go_on().unwrap();
        let mut stream = listener.accept().unwrap().0;
        stream.peek(&mut [0]).unwrap();
        stream.write_all(b"-ERR full\r\n").unwrap();
        // Bytes that were not read make this a reset.
        drop(stream);
        assert_eq!(connection.go_on().unwrap_err().refusal.text, "ERR full");
    }

    #[test]
    fn a_server_that_speaks_first_is_awaited_at_rest() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let mut connection = Connection::open(addr, Mariadb.connect(None)).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        wait::until_writable(connection.as_fd(), deadline).unwrap();
        connection.go_on().unwrap();
        // A socket that can send would wake the guard at once, again and again.
        assert_eq!(connection.wanted(), PollFlags::IN);
    }
}
