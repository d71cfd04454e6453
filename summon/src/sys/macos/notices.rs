//! The socket of `sd_notify(3)`. macOS does not name the sender of a datagram, so the socket is in
//! a directory that only this user can enter.

use std::fs;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use rustix::net::RecvAncillaryBuffer;

use super::sockets;

/// A longer message is ignored, as systemd does.
pub(crate) const LONGEST: usize = 4096;
/// The most descriptors in one message (`UIPC_MAX_CMSG_FD` in xnu's `uipc_usrreq.c`).
const MOST_FDS: usize = 512;

/// Returns the value of `NOTIFY_SOCKET`. `session` is the directory of its files, `number` is
/// unique. The name is short: a path may have 103 bytes, and temporary directories use half of
/// them.
pub(crate) fn name(session: &Path, number: u64) -> String {
    path(session, number).display().to_string()
}

/// Returns the path of a socket.
pub(crate) fn path(session: &Path, number: u64) -> PathBuf {
    session.join(format!("n{:08x}", number as u32))
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
    /// Receives one message, if there is one. Returns `None` if the message is truncated. Closes
    /// descriptors that come with it: the sender of `BARRIER=1` waits until they are closed.
    pub(crate) fn receive<'a>(
        &self,
        buffer: &'a mut [u8; LONGEST],
    ) -> io::Result<Option<&'a [u8]>> {
        // With room for descriptors. Without room, the kernel opens them in this process all the
        // same, and does not name them (`soreceive_ctl` in xnu). They would stay open, and the
        // sender of `BARRIER=1` would wait in vain.
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
        let mut descriptors = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut buffer[..])];
        let socket = self.socket.as_fd();
        let message = rustix::net::recvmsg(socket, &mut parts, &mut descriptors, sockets::RECEIVE)?;
        // Closes them.
        drop(descriptors);
        let length = message.bytes;
        // The length alone tells of truncation: a message that fills the buffer may be longer.
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

#[cfg(test)]
mod tests {
    use std::io::IoSlice;

    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage};

    use super::*;
    use crate::sys::macos::pipes;

    #[test]
    fn descriptors_that_come_with_a_message_are_closed() {
        let home =
            crate::session::Home::create("notices", None, crate::sys::users::Access::PRIVATE)
                .unwrap();
        let name = name(home.dir(), 1);
        let socket = bind(&name).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        sender.connect(&name).unwrap();
        let (read, write) = pipes::pair().unwrap();
        let fds = [write.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut with = SendAncillaryBuffer::new(&mut space);
        assert!(with.push(SendAncillaryMessage::ScmRights(&fds)));
        let parts = [IoSlice::new(b"BARRIER=1")];
        rustix::net::sendmsg(&sender, &parts, &mut with, sockets::SEND).unwrap();
        drop(write);
        let mut buffer = [0; LONGEST];
        let received = socket.receive(&mut buffer).unwrap();
        assert_eq!(received, Some(&b"BARRIER=1"[..]));
        // The pipe is at its end. With a write end left open, a read would find nothing (`EAGAIN`).
        rustix::io::ioctl_fionbio(&read, true).unwrap();
        assert_eq!(rustix::io::read(&read, &mut [0; 1]), Ok(0));
    }
}
