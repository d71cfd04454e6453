//! The socket of `sd_notify(3)`. macOS does not name the sender of a datagram, so the socket is in
//! a directory that only this user can enter.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

/// A longer message is ignored, as systemd does.
pub(crate) const LONGEST: usize = 4096;

/// Returns the value of `NOTIFY_SOCKET`. `session` is the directory of its files, `number` is
/// unique. The name is short: a path may have 103 bytes, and temporary directories use half of
/// them.
pub(crate) fn name(session: &Path, number: u64) -> String {
    let path = session.join(format!("n{:08x}", number as u32));
    path.display().to_string()
}

pub(crate) struct Socket {
    socket: UnixDatagram,
    path: PathBuf,
}

pub(crate) fn bind(name: &str) -> io::Result<Socket> {
    let socket = UnixDatagram::bind(name)?;
    // The reader asks until there is no message left. A blocking call would stop there.
    socket.set_nonblocking(true)?;
    Ok(Socket {
        socket,
        path: name.into(),
    })
}

impl Socket {
    /// Receives one message, if there is one. Returns `None` if the message is truncated. The
    /// system closes descriptors that come with it: the sender of `BARRIER=1` waits until they are
    /// closed.
    pub(crate) fn receive<'a>(
        &self,
        buffer: &'a mut [u8; LONGEST],
    ) -> io::Result<Option<&'a [u8]>> {
        let length = self.socket.recv(buffer)?;
        // `recv` does not report truncation. A message that fills the buffer may be longer.
        Ok((length < LONGEST).then_some(&buffer[..length]))
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // The file stays when its socket is closed (`unix(4)`), so remove it.
        let _ = fs::remove_file(&self.path);
    }
}
