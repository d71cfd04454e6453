//! Questions to the kernel about sockets, over netlink (`sock_diag(7)`).

use std::cell::Cell;
use std::io;
use std::mem::MaybeUninit;

use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};

use crate::sys::listeners::Protocol;

/// The state of a stream socket that listens, as a bit.
pub(super) const LISTEN: u32 = 1 << 10;
/// The state of a socket without a peer, as a bit. Bound datagram sockets are in this state.
pub(super) const CLOSE: u32 = 1 << 7;
/// All states, including stream sockets that are bound but don't listen (Linux 6.8).
pub(super) const ALL: u32 = (1 << 14) - 1;

const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// `struct nlmsghdr`.
const HEADER: usize = 16;

/// Returns the number of the protocol, and the states of sockets that serve.
pub(super) fn asked(protocol: Protocol) -> (u8, u32) {
    match protocol {
        Protocol::Tcp => (libc::IPPROTO_TCP as u8, LISTEN),
        Protocol::Udp => (libc::IPPROTO_UDP as u8, CLOSE),
    }
}

/// Makes a `struct inet_diag_req_v2` (`linux/inet_diag.h`).
pub(super) fn question(family: u8, protocol: Protocol, port: u16) -> Vec<u8> {
    let (number, states) = asked(protocol);
    let mut question = Vec::with_capacity(56);
    question.extend([family, number, 0, 0]);
    question.extend(states.to_ne_bytes());
    question.extend(port.to_be_bytes());
    question.resize(56, 0); // any peer, any address, any interface
    question
}

/// A netlink socket, on which the kernel answers.
#[derive(Debug)]
pub(super) struct Netlink {
    socket: OwnedFd,
    /// The sequence number of the last question. Its answers carry it.
    asked: Cell<u32>,
}

impl Netlink {
    pub(super) fn open() -> io::Result<Netlink> {
        let flags = SocketFlags::CLOEXEC;
        let protocol = Some(netlink::SOCK_DIAG);
        let socket =
            rustix::net::socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, protocol)?;
        let asked = Cell::new(0);
        Ok(Netlink { socket, asked })
    }

    /// Checks that the kernel answers questions about both protocols.
    pub(super) fn check(&self) -> io::Result<()> {
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            let mut question = question(libc::AF_INET as u8, protocol, 0);
            // A kernel without the module for a protocol answers `ENOENT`, even if no socket would
            // match.
            question[4..8].fill(0); // no state, so no answers to read
            self.ask(&question, |_| {})?;
        }
        Ok(())
    }

    /// Asks for all sockets that match, and passes each answer to `each`. `question` is the payload
    /// behind the `struct nlmsghdr`.
    pub(super) fn ask(&self, question: &[u8], mut each: impl FnMut(&[u8])) -> io::Result<()> {
        self.send(question, libc::NLM_F_REQUEST | libc::NLM_F_DUMP)?;
        // The kernel splits a dump over several datagrams. `NLMSG_DONE` ends the last
        // (`netlink(7)`).
        while self.read_answers(&mut each)? == More::Yes {}
        Ok(())
    }

    /// Asks for one socket, and passes the answer to `each` if the socket exists.
    pub(super) fn ask_for_one(
        &self,
        question: &[u8],
        mut each: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        self.send(question, libc::NLM_F_REQUEST)?;
        // Without `NLM_F_DUMP` the kernel sends one answer. It is the error `ENOENT` if no socket
        // matches.
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
        // A new number for each question. If an error ended an earlier dump half-way, the rest of
        // its answers still waits in the socket's buffer.
        self.asked.set(self.asked.get() + 1);
        request.extend(self.asked.get().to_ne_bytes());
        request.extend([0; 4]); // port id
        request.extend(question);
        // A datagram socket sends a message whole or not at all, so there is no partial write to
        // finish.
        rustix::net::send(&self.socket, &request, SendFlags::empty())?;
        Ok(())
    }

    fn read_answers(&self, each: &mut impl FnMut(&[u8])) -> io::Result<More> {
        // The kernel sizes the datagrams of a dump by the reader's largest buffer so far, or takes
        // its own minimum of at most 8 KiB. So `recv` never truncates one here.
        let mut buffer = [MaybeUninit::uninit(); 16 * 1024];
        let ((answers, _), _) =
            rustix::net::recv(&self.socket, &mut buffer[..], RecvFlags::empty())?;
        let mut rest = &*answers;
        while rest.len() >= HEADER {
            // A length below the header's would make this loop endless, one beyond the buffer would
            // panic.
            let length = (u32_at(rest, 0) as usize).clamp(HEADER, rest.len());
            let (message, after) = rest.split_at(length);
            match i32::from(u16_at(message, 4)) {
                // This answers an earlier question that was not read to its end.
                _ if u32_at(message, 8) != self.asked.get() => {}
                libc::NLMSG_DONE => return Ok(More::No),
                libc::NLMSG_ERROR => {
                    // The payload starts with a negative error number (`struct nlmsgerr` in
                    // `netlink(7)`).
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

/// Iterates over the attributes (`struct rtattr`) behind an answer: kinds and values.
pub(super) fn attributes(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        if rest.len() < 4 {
            return None;
        }
        // As with messages: a length below 4 would never advance.
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
