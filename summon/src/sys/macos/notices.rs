//! The socket of `sd_notify(3)`: one for datagrams. The system does not tell who has sent one, so it
//! lies in a directory into which nobody but this user may look.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

/// A longer message is ignored, as systemd does.
pub(crate) const LONGEST: usize = 4096;

/// What `NOTIFY_SOCKET` is to say. `session`: where its files are; `number`: no other has it. Short,
/// since 103 bytes are the most, of which temporary directories here take half.
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
    socket.set_nonblocking(true)?;
    Ok(Socket {
        socket,
        path: name.into(),
    })
}

impl Socket {
    /// Receives one message, if there is one: `None` if it is not whole. Descriptors that come with
    /// it are closed by the system, which is what somebody who sends `BARRIER=1` waits for.
    pub(crate) fn receive<'a>(
        &self,
        buffer: &'a mut [u8; LONGEST],
    ) -> io::Result<Option<&'a [u8]>> {
        let length = self.socket.recv(buffer)?;
        // One that fills all the room may have been cut.
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
        let _ = fs::remove_file(&self.path);
    }
}
