//! The socket of `sd_notify(3)`: one for datagrams, whose senders the kernel names.
//!
//! It has an abstract name, so that there is no path that could be too long, and that a service
//! which has changed its user reaches it too.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};

use super::peer::is_ours;
use super::{proc, sockets};

/// A longer message is ignored, as systemd does.
pub(crate) const LONGEST: usize = 4096;
/// The most descriptors that come with one message (`SCM_MAX_FD` in `unix(7)`).
const MOST_FDS: usize = 253;

/// What `NOTIFY_SOCKET` is to say. `session`: where its files are; `number`: no other has it.
pub(crate) fn name(_session: &Path, number: u64) -> String {
    format!("@summon-notify-{number:016x}")
}

pub(crate) struct Socket(OwnedFd);

pub(crate) fn bind(name: &str) -> io::Result<Socket> {
    let socket = sockets::socket(AddressFamily::UNIX, SocketType::DGRAM)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    rustix::net::sockopt::set_socket_passcred(&socket, true)?;
    let name = name.strip_prefix('@').unwrap_or(name);
    let addr = SocketAddrUnix::new_abstract_name(name.as_bytes())?;
    rustix::net::bind(&socket, &addr)?;
    Ok(Socket(socket))
}

impl Socket {
    /// Receives one message, if there is one: `None` if it is not whole, or comes from somebody who
    /// is no process of the service's.
    pub(crate) fn receive<'a>(
        &self,
        buffer: &'a mut [u8; LONGEST],
    ) -> io::Result<Option<&'a [u8]>> {
        receive(self.0.as_fd(), buffer)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Receives one message: `None` if it is not whole, or comes from somebody who is no process of
/// the service's.
fn receive<'a>(
    socket: BorrowedFd<'_>,
    buffer: &'a mut [u8; LONGEST],
) -> io::Result<Option<&'a [u8]>> {
    let space = space_for(size_of::<libc::ucred>()) + space_for(MOST_FDS * size_of::<i32>());
    // Words, for the alignment of a `cmsghdr`.
    let mut control = vec![0u64; space.div_ceil(8)];
    let mut part = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    // SAFETY: all zeroes is a valid `msghdr`, with nothing in it.
    let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    // Its type differs among C libraries, as does that of `cmsg_len`.
    header.msg_controllen = space as _;
    // SAFETY: the header speaks of two buffers that are valid and as long as it says.
    let length = unsafe {
        libc::recvmsg(
            socket.as_raw_fd(),
            &raw mut header,
            libc::MSG_CMSG_CLOEXEC | libc::MSG_DONTWAIT,
        )
    };
    if length == -1 {
        return Err(io::Error::last_os_error());
    }
    let sender = sender(&header);
    if header.msg_flags & libc::MSG_TRUNC != 0 || !sender.is_some_and(|it| belongs(&it)) {
        return Ok(None);
    }
    Ok(Some(&buffer[..length as usize]))
}

fn space_for(data: usize) -> usize {
    // SAFETY: it computes a size from a number.
    (unsafe { libc::CMSG_SPACE(data as u32) }) as usize
}

/// Who has sent a message. Descriptors that came with it are closed, which is what somebody who
/// sends `BARRIER=1` waits for.
fn sender(header: &libc::msghdr) -> Option<libc::ucred> {
    let mut found = None;
    // SAFETY: `recvmsg` has filled in the header, whose buffer is alive.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(header) };
    // SAFETY: it is null, or points to a whole `cmsghdr` in that buffer.
    while let Some(message) = unsafe { next.as_ref() } {
        // SAFETY: as above; the data follow the header.
        let data = unsafe { libc::CMSG_DATA(message) };
        let whole: usize = message.cmsg_len as _;
        let length = whole.saturating_sub(data.addr() - next.addr());
        match message.cmsg_type {
            libc::SCM_CREDENTIALS if length >= size_of::<libc::ucred>() => {
                // SAFETY: the kernel has put one there; it need not be aligned.
                found = Some(unsafe { data.cast::<libc::ucred>().read_unaligned() });
            }
            libc::SCM_RIGHTS => {
                for index in 0..length / size_of::<i32>() {
                    let place = data.cast::<i32>().wrapping_add(index);
                    // SAFETY: within the length of the data; it need not be aligned.
                    let fd = unsafe { place.read_unaligned() };
                    // SAFETY: the kernel has just made it for us, and nobody else knows it.
                    drop(unsafe { OwnedFd::from_raw_fd(fd) });
                }
            }
            _ => {}
        }
        // SAFETY: as above.
        next = unsafe { libc::CMSG_NXTHDR(header, next) };
    }
    found
}

/// Whether somebody may speak for the service: it, or a descendant of it, whatever user it has
/// become. One that has ended since, as `systemd-notify(1)` may have, and one in a pid namespace
/// that can't be seen from ours (pid 0) can't be told from others; of this user's it is believed.
fn belongs(sender: &libc::ucred) -> bool {
    let pid = sender.pid as u32;
    if proc::parent(pid).is_some() {
        return proc::is_below(pid, std::process::id());
    }
    is_ours(sender.uid) || sender.uid == 0
}
