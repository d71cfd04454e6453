//! The socket where a service says that it is ready (`sd_notify(3)`).
//!
//! The guard reads it as long as the service runs: a service that goes on to tell its state must
//! not block when nobody waits for it any more. It has an abstract name, so that there is no path
//! that could be too long, and that a service which has changed its user reaches it too.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::message::Notice;
use super::tree;
use crate::sys::proc;

pub(super) struct Notify(OwnedFd);

/// A longer message is ignored, as systemd does.
const LONGEST: usize = 4096;
/// So many are read in one go, so that one who sends without end gets his turn and no more.
const AT_ONCE: usize = 64;
/// Reports show no more of a status.
const STATUS: usize = 500;
/// The most descriptors that come with one message (`SCM_MAX_FD` in `unix(7)`).
const MOST_FDS: usize = 253;

impl Notify {
    pub(super) fn bind(name: &str) -> io::Result<Notify> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
        rustix::net::sockopt::set_socket_passcred(&socket, true)?;
        let addr = SocketAddrUnix::new_abstract_name(name.as_bytes())?;
        rustix::net::bind(&socket, &addr)?;
        Ok(Notify(socket))
    }

    /// Adds what was said to `notice`, and says whether there was anything.
    pub(super) fn hear(&self, notice: &mut Notice) -> bool {
        let mut heard = false;
        for _ in 0..AT_ONCE {
            let mut buffer = [0; LONGEST];
            match receive(self.0.as_fd(), &mut buffer) {
                Ok(Some(message)) => {
                    notice.add(message);
                    heard = true;
                }
                // Not for us, or too long.
                Ok(None) => {}
                Err(_) => break,
            }
        }
        heard
    }
}

impl AsFd for Notify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Notice {
    /// Reads a message: lines of `NAME=value`, of which those that are known count.
    pub(super) fn add(&mut self, message: &[u8]) {
        for line in message.split(|byte| *byte == b'\n') {
            let Some(equals) = line.iter().position(|byte| *byte == b'=') else {
                continue;
            };
            let (name, value) = (&line[..equals], &line[equals + 1..]);
            match name {
                b"READY" if value == b"1" => self.ready = true,
                b"STOPPING" if value == b"1" => self.say("it is stopping"),
                b"STATUS" => self.say(&String::from_utf8_lossy(value)),
                b"ERRNO" => {
                    if let Some(errno) = number(value).and_then(|errno| errno.try_into().ok()) {
                        self.say(&io::Error::from_raw_os_error(errno).to_string());
                    }
                }
                b"EXTEND_TIMEOUT_USEC" => {
                    self.extend = number(value).map(Duration::from_micros);
                }
                _ => {}
            }
        }
    }

    fn say(&mut self, status: &str) {
        self.status = status.chars().take(STATUS).collect();
    }
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
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
    header.msg_controllen = space;
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
        let length = message.cmsg_len - (data.addr() - next.addr());
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
        return tree::is_below(pid, std::process::id());
    }
    sender.uid == crate::sys::user() || sender.uid == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(messages: &[&[u8]]) -> Notice {
        let mut notice = Notice::default();
        messages.iter().for_each(|message| notice.add(message));
        notice
    }

    #[test]
    fn messages_are_lines_of_which_the_known_ones_count() {
        let said = notice(&[b"STATUS=half way\nMAINPID=7\nEXTEND_TIMEOUT_USEC=5000000\n"]);
        assert_eq!(said.status, "half way");
        assert_eq!(said.extend, Some(Duration::from_secs(5)));
        assert!(!said.ready);
        assert!(notice(&[b"STATUS=a", b"READY=1"]).ready);
        assert_eq!(
            notice(&[b"ERRNO=2"]).status,
            "No such file or directory (os error 2)"
        );
    }

    #[test]
    fn garbage_says_nothing() {
        for garbage in [
            &b""[..],
            b"\n\n=\n",
            b"READY",
            b"READY=yes",
            b"ready=1",
            b"\xff\xfe=\x00",
            b"EXTEND_TIMEOUT_USEC=-1",
            b"ERRNO=99999999999999999999",
        ] {
            assert_eq!(notice(&[garbage]), Notice::default(), "{garbage:?}");
        }
        let long = [&b"STATUS="[..], &[b'x'; 4000]].concat();
        assert_eq!(notice(&[&long]).status.len(), STATUS);
    }
}
