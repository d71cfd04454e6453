//! The socket of `sd_notify(3)`. The kernel names the sender of each datagram.
//!
//! Its name is abstract. So no path can be too long, and a service that has changed its user still
//! reaches the socket. A container has other names, so its socket is a file.

use std::fs::{self, Permissions};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};

use super::peer::is_ours;
use super::{proc, sockets};

/// A longer message is ignored, as systemd does.
pub(crate) const LONGEST: usize = 4096;
/// The most descriptors in one message (`SCM_MAX_FD` in `unix(7)`).
const MOST_FDS: usize = 253;

/// Returns the value of `NOTIFY_SOCKET`. `session` is the directory of its files, `number` is
/// unique.
pub(crate) fn name(_session: &Path, number: u64) -> String {
    format!("@summon-notify-{number:016x}")
}

/// Returns the path of a socket for a container.
pub(crate) fn path(session: &Path, number: u64) -> PathBuf {
    session.join(format!("n{:08x}", number as u32))
}

pub(crate) struct Socket {
    socket: OwnedFd,
    /// The file, for a container.
    path: Option<PathBuf>,
}

pub(crate) fn bind(name: &str) -> io::Result<Socket> {
    let socket = sockets::socket(AddressFamily::UNIX, SocketType::DGRAM)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    // Before `bind`: the kernel adds the sender's credentials to a datagram when it is sent
    // (`SO_PASSCRED` in `unix(7)`). A message sent before the option is set would have no sender.
    rustix::net::sockopt::set_socket_passcred(&socket, true)?;
    if name.starts_with('/') {
        rustix::net::bind(&socket, &SocketAddrUnix::new(name)?)?;
        // The program may be any user of the image. Only the container has the file: no other user of
        // this machine can enter its directory.
        fs::set_permissions(name, Permissions::from_mode(0o777))?;
        let path = Some(name.into());
        return Ok(Socket { socket, path });
    }
    // In `NOTIFY_SOCKET` an `@` means the NUL that starts an abstract name (`sd_notify(3)`).
    let name = name.strip_prefix('@').unwrap_or(name);
    let addr = SocketAddrUnix::new_abstract_name(name.as_bytes())?;
    rustix::net::bind(&socket, &addr)?;
    Ok(Socket { socket, path: None })
}

impl Socket {
    /// Receives one message, if there is one. Returns `None` if the message is truncated, or if its
    /// sender is not a process of the service.
    pub(crate) fn receive<'a>(
        &self,
        buffer: &'a mut [u8; LONGEST],
    ) -> io::Result<Option<&'a [u8]>> {
        // A process in a container descends from the engine, and is no process of the service.
        let is_anyones = self.path.is_some();
        receive(self.socket.as_fd(), buffer, is_anyones)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = fs::remove_file(path);
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Receives one message. Returns `None` if it is truncated, or if its sender is not a process of
/// the service.
fn receive<'a>(
    socket: BorrowedFd<'_>,
    buffer: &'a mut [u8; LONGEST],
    is_anyones: bool,
) -> io::Result<Option<&'a [u8]>> {
    let space = space_for(size_of::<libc::ucred>()) + space_for(MOST_FDS * size_of::<i32>());
    // A `cmsghdr` needs the alignment of a word.
    let mut control = vec![0u64; space.div_ceil(8)];
    let mut part = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    // SAFETY: all zeroes is a valid `msghdr`: null pointers with lengths of 0.
    let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    // The type of this field differs between C libraries. The type of `cmsg_len` does too.
    header.msg_controllen = space as _;
    // SAFETY: `part` and `control` are valid for writes, live longer than the call, and have the
    // lengths that the header says.
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
    // Read the control messages before any return. Their descriptors are open in this process by
    // now, and a refused message must not leave them open.
    let sender = sender(&header);
    let is_believed = is_anyones || sender.is_some_and(|it| belongs(&it));
    if header.msg_flags & libc::MSG_TRUNC != 0 || !is_believed {
        return Ok(None);
    }
    Ok(Some(&buffer[..length as usize]))
}

fn space_for(data: usize) -> usize {
    // SAFETY: `CMSG_SPACE` only computes a size from a number.
    (unsafe { libc::CMSG_SPACE(data as u32) }) as usize
}

/// Returns the sender of a message. Closes the descriptors that came with it: the sender of
/// `BARRIER=1` waits until they are closed (`sd_notify_barrier(3)`).
fn sender(header: &libc::msghdr) -> Option<libc::ucred> {
    let mut found = None;
    // SAFETY: `recvmsg` has filled in the header, and its control buffer is alive.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(header) };
    // SAFETY: `next` is null, or points to a whole `cmsghdr` in that buffer (`cmsg(3)`).
    while let Some(message) = unsafe { next.as_ref() } {
        // SAFETY: `message` is such a header, and its data follow it in the buffer.
        let data = unsafe { libc::CMSG_DATA(message) };
        let whole: usize = message.cmsg_len as _;
        let length = whole.saturating_sub(data.addr() - next.addr());
        match message.cmsg_type {
            libc::SCM_CREDENTIALS if length >= size_of::<libc::ucred>() => {
                // SAFETY: the kernel has put a `ucred` there, `length` covers it, and the read
                // needs no alignment.
                found = Some(unsafe { data.cast::<libc::ucred>().read_unaligned() });
            }
            libc::SCM_RIGHTS => {
                for index in 0..length / size_of::<i32>() {
                    let place = data.cast::<i32>().wrapping_add(index);
                    // SAFETY: `index` keeps the place within the data, and the read needs no
                    // alignment.
                    let fd = unsafe { place.read_unaligned() };
                    // SAFETY: `recvmsg` has just opened it in this process, so no other value owns
                    // it.
                    drop(unsafe { OwnedFd::from_raw_fd(fd) });
                }
            }
            _ => {}
        }
        // SAFETY: `next` points to a header in the control buffer of `header`, which is alive.
        next = unsafe { libc::CMSG_NXTHDR(header, next) };
    }
    found
}

/// Whether a sender may speak for the service. All processes of the service may, as any user.
///
/// Two senders can't be placed: a process that has already ended, as `systemd-notify(1)` may have,
/// and a process in a pid namespace that is invisible from here (pid 0). They are believed if they
/// run as this user or as root.
fn belongs(sender: &libc::ucred) -> bool {
    let pid = sender.pid as u32;
    // The pid may have been reused since the message. Then the ancestry shows a stranger, and the
    // message is ignored.
    if proc::parent(pid).is_some() {
        return proc::is_below(pid, std::process::id());
    }
    is_ours(sender.uid) || sender.uid == 0
}
