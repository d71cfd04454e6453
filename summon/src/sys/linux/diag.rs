//! Questions to the kernel about its sockets (`sock_diag(7)`).
//!
//! A question for all that fit costs some ten microseconds, since only those in the asked state are
//! looked at, however many connections the machine has; one for the socket that would take a
//! packet costs two. Some sandboxes refuse such questions, and their tables are read instead.

use std::cell::Cell;
use std::io;

use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};

use super::{listeners, tables};
use crate::sys::is_shortage;

/// A state as a bit: a stream socket that listens.
pub(super) const LISTEN: u32 = 1 << 10;
/// A socket that is connected to nobody; for datagrams, one that may have been bound.
pub(super) const CLOSE: u32 = 1 << 7;
/// Every state, also that of a stream socket that is bound and no more (Linux 6.8).
pub(super) const ALL: u32 = (1 << 14) - 1;

const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// `struct nlmsghdr`.
const HEADER: usize = 16;

/// Somebody to ask.
#[derive(Debug)]
pub(crate) struct Diag {
    /// `None` where the kernel does not answer, and its tables say what there is.
    netlink: Option<Netlink>,
}

impl Diag {
    /// Whether it tells of every socket of the machine, whoever has it.
    pub(crate) const SEES_ALL: bool = true;

    pub(crate) fn open() -> io::Result<Diag> {
        let asked = Netlink::open().and_then(|netlink| {
            // A kernel may have the socket, and not the modules that answer.
            listeners::check(&netlink)?;
            Ok(netlink)
        });
        match asked {
            Ok(netlink) => Ok(Diag {
                netlink: Some(netlink),
            }),
            Err(error) if is_shortage(&error) => Err(error),
            Err(_) => {
                tables::check()?;
                Ok(Diag { netlink: None })
            }
        }
    }

    /// Says which service is asked about, its guard and its leader, where not everybody can be.
    pub(crate) fn about(&self, _service: Option<(u32, u32)>) {}

    pub(super) fn netlink(&self) -> Option<&Netlink> {
        self.netlink.as_ref()
    }

    /// One that reads the tables, as in a sandbox.
    #[cfg(test)]
    pub(super) fn of_tables() -> Diag {
        Diag { netlink: None }
    }
}

/// A socket on which the kernel answers.
#[derive(Debug)]
pub(super) struct Netlink {
    socket: OwnedFd,
    /// The number of the question, which its answers bear.
    asked: Cell<u32>,
}

impl Netlink {
    fn open() -> io::Result<Netlink> {
        let flags = SocketFlags::CLOEXEC;
        let protocol = Some(netlink::SOCK_DIAG);
        let socket =
            rustix::net::socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, protocol)?;
        let asked = Cell::new(0);
        Ok(Netlink { socket, asked })
    }

    /// Asks for all sockets that fit, and hands the answer about each to `each`. `question` is
    /// what follows the `struct nlmsghdr`.
    pub(super) fn ask(&self, question: &[u8], mut each: impl FnMut(&[u8])) -> io::Result<()> {
        self.send(question, libc::NLM_F_REQUEST | libc::NLM_F_DUMP)?;
        while self.read_answers(&mut each)? == More::Yes {}
        Ok(())
    }

    /// Asks for one socket, and hands the answer to `each` if there is one.
    pub(super) fn ask_for_one(
        &self,
        question: &[u8],
        mut each: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        self.send(question, libc::NLM_F_REQUEST)?;
        match self.read_answers(&mut each) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn send(&self, question: &[u8], flags: i32) -> io::Result<()> {
        let length = HEADER + question.len();
        let mut request = Vec::with_capacity(length);
        request.extend((length as u32).to_ne_bytes());
        request.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        request.extend((flags as u16).to_ne_bytes());
        self.asked.set(self.asked.get() + 1);
        request.extend(self.asked.get().to_ne_bytes());
        request.extend([0; 4]); // port id
        request.extend(question);
        rustix::net::send(&self.socket, &request, SendFlags::empty())?;
        Ok(())
    }

    fn read_answers(&self, each: &mut impl FnMut(&[u8])) -> io::Result<More> {
        let mut buffer = [0u8; 16 * 1024];
        let (length, _) = rustix::net::recv(&self.socket, &mut buffer[..], RecvFlags::empty())?;
        let mut rest = &buffer[..length];
        while rest.len() >= HEADER {
            let length = (u32_at(rest, 0) as usize).clamp(HEADER, rest.len());
            let (message, after) = rest.split_at(length);
            match i32::from(u16_at(message, 4)) {
                // Of a question whose answers were not read to their end.
                _ if u32_at(message, 8) != self.asked.get() => {}
                libc::NLMSG_DONE => return Ok(More::No),
                libc::NLMSG_ERROR => {
                    let code = message
                        .get(HEADER..HEADER + 4)
                        .map_or(0, |_| u32_at(message, HEADER));
                    return Err(io::Error::from_raw_os_error((code as i32).wrapping_neg()));
                }
                _ => each(&message[HEADER..]),
            }
            // Messages are aligned to four bytes.
            rest = after.get((4 - length % 4) % 4..).unwrap_or_default();
        }
        Ok(More::Yes)
    }
}

#[derive(PartialEq)]
enum More {
    Yes,
    No,
}

/// The attributes (`struct rtattr`) in what follows an answer: kinds and values.
pub(super) fn attributes(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        if rest.len() < 4 {
            return None;
        }
        let length = usize::from(u16_at(rest, 0)).clamp(4, rest.len());
        let (kind, value) = (u16_at(rest, 2), &rest[4..length]);
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes([bytes[at], bytes[at + 1]])
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
