//! The tables of sockets in `/proc/net` (`proc(5)`), for kernels that answer no questions
//! (`sock_diag(7)`). They are slower, since they also list every connection, but as certain.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::proc::SocketId;
use crate::sys::bind;
use crate::sys::listeners::{Connection, ListeningSocket, Protocol};

/// Returns the name of a state (`tcp_states.h` in the kernel), as `ss` and `netstat` print it.
pub(super) fn state_name(state: u8) -> &'static str {
    match state {
        1 => "ESTABLISHED",
        2 => "SYN_SENT",
        3 | 12 => "SYN_RECV",
        4 => "FIN_WAIT1",
        5 => "FIN_WAIT2",
        6 => "TIME_WAIT",
        // A socket without a peer. The kernel lists it since version 6.8.
        7 | 13 => "bound",
        8 => "CLOSE_WAIT",
        9 => "LAST_ACK",
        11 => "CLOSING",
        _ => "in a state without a name",
    }
}

/// A Unix socket, as the kernel describes it.
pub(super) struct UnixRow<'a> {
    pub(super) inode: SocketId,
    /// Whether it listens, or is bound for datagrams.
    pub(super) serves: bool,
    /// The name as bound. An abstract name begins with a NUL.
    pub(super) name: &'a [u8],
    /// The lower 32 bits of its file's inode, if known.
    pub(super) file: Option<u32>,
    /// The user who made it, if known.
    pub(super) user: Option<u32>,
}

/// Checks that the tables exist.
pub(super) fn check() -> io::Result<()> {
    // One table is enough: the others are missing only if the kernel lacks the protocol.
    read("tcp").map(drop)
}

/// Checks that the tables of a process's network can be read.
pub(super) fn check_of(pid: u32) -> io::Result<()> {
    read_of(pid, "tcp").map(drop)
}

/// Reads a table of a process's network.
fn read_of(pid: u32, table: &str) -> io::Result<Vec<u8>> {
    fs::read(format!("/proc/{pid}/net/{table}"))
}

/// Reads a table of the calling thread's network namespace.
fn read(table: &str) -> io::Result<Vec<u8>> {
    let of_thread = fs::read(format!("/proc/thread-self/net/{table}"));
    // `/proc/net` shows the network of the main thread. Another thread may have entered another
    // namespace. Kernels before 3.17 lack `thread-self`.
    of_thread.or_else(|_| fs::read(format!("/proc/net/{table}")))
}

/// Lists the sockets that serve on `port` in both families. Port 0 means all ports.
pub(super) fn listeners(port: u16, protocol: Protocol) -> io::Result<Vec<ListeningSocket>> {
    let mut found = serving(read, port, protocol)?;
    if port != 0 {
        tell_dual(&mut found, port, protocol);
    }
    Ok(found)
}

/// Lists the sockets that serve on `port` in the network of a process. Wildcards of IPv6 count as
/// such that take IPv4 too.
pub(super) fn listeners_of(
    pid: u32,
    port: u16,
    protocol: Protocol,
) -> io::Result<Vec<ListeningSocket>> {
    serving(|table| read_of(pid, table), port, protocol)
}

fn serving(
    read: impl Fn(&str) -> io::Result<Vec<u8>>,
    port: u16,
    protocol: Protocol,
) -> io::Result<Vec<ListeningSocket>> {
    let mut found = Vec::new();
    rows(read, protocol, |row, serves| {
        if serves && (port == 0 || row.local.port() == port) {
            found.push(ListeningSocket {
                addr: row.local,
                inode: row.inode,
                dual: row.local.is_ipv6(),
                interface: 0,
            });
        }
    })?;
    Ok(found)
}

/// Lists the sockets with the local port `port` that don't serve, in both families.
pub(super) fn connections(port: u16, protocol: Protocol) -> io::Result<Vec<Connection>> {
    let mut found = Vec::new();
    rows(read, protocol, |row, serves| {
        if !serves && row.local.port() == port {
            found.push(Connection {
                local: row.local,
                peer: row.peer,
                state: state_name(row.state),
                inode: row.inode,
            });
        }
    })?;
    Ok(found)
}

/// Passes each row of both families to `each`, and whether its socket serves.
fn rows(
    read: impl Fn(&str) -> io::Result<Vec<u8>>,
    protocol: Protocol,
    mut each: impl FnMut(Row, bool),
) -> io::Result<()> {
    let (tables, serves) = match protocol {
        Protocol::Tcp => (["tcp", "tcp6"], 10), // LISTEN
        Protocol::Udp => (["udp", "udp6"], 7),  // CLOSE
    };
    for table in tables {
        let text = match read(table) {
            // A kernel without IPv6 has no such table.
            Err(error) if error.kind() == io::ErrorKind::NotFound && table.ends_with('6') => {
                continue;
            }
            text => text?,
        };
        // The kernel writes these tables page by page. A socket that comes or goes between two
        // pages can shift the rows, so a row may be missing or doubled. The caller's next look
        // corrects that.
        let text = String::from_utf8_lossy(&text);
        for row in text.lines().skip(1).filter_map(row) {
            let is_server = row.state == serves;
            each(row, is_server);
        }
    }
    Ok(())
}

/// Finds out whether wildcards of IPv6 take IPv4 too: the tables don't say. If one does, the port
/// can't be bound for IPv4, though no IPv4 socket has it.
fn tell_dual(found: &mut [ListeningSocket], port: u16, protocol: Protocol) {
    let is_v4 = |listener: &ListeningSocket| listener.addr.ip().to_canonical().is_ipv4();
    let has_v4 = found.iter().any(is_v4);
    let mut wildcards = found
        .iter_mut()
        .filter(|it| it.dual && it.addr.ip().is_unspecified());
    if let Some(first) = wildcards.next() {
        let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        // If the probe fails, assume the kernel's default: an IPv6 wildcard takes both
        // (`IPV6_V6ONLY` in `ipv6(7)`).
        let dual = !has_v4 && bind::is_taken(&v4, protocol).unwrap_or(true);
        first.dual = dual;
        wildcards.for_each(|wildcard| wildcard.dual = dual);
    }
}

struct Row {
    local: SocketAddr,
    peer: SocketAddr,
    state: u8,
    inode: SocketId,
}

/// `  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000  0 12345 ..`
fn row(line: &str) -> Option<Row> {
    let mut fields = line.split_ascii_whitespace();
    let local = address(fields.nth(1)?)?;
    let peer = address(fields.next()?)?;
    let state = u8::from_str_radix(fields.next()?, 16).ok()?;
    // Inode 0 means that no process has the socket any more, as in TIME_WAIT.
    let inode = fields.nth(5)?.parse().ok()?;
    Some(Row {
        local,
        peer,
        state,
        inode,
    })
}

/// Parses an address: 32-bit words in the byte order of the machine, a colon, and the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let mut bytes = Vec::with_capacity(16);
    // The kernel prints each word as a number, though its bytes are in network order. `to_ne_bytes`
    // puts them back in the order of memory.
    for at in (0..ip.len()).step_by(8) {
        let word = u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?;
        bytes.extend(word.to_ne_bytes());
    }
    let ip: IpAddr = match <[u8; 4]>::try_from(&bytes[..]) {
        Ok(v4) => Ipv4Addr::from(v4).into(),
        Err(_) => Ipv6Addr::from(<[u8; 16]>::try_from(&bytes[..]).ok()?).into(),
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

/// Passes each Unix socket with a name to `each`.
pub(super) fn unix_sockets(mut each: impl FnMut(UnixRow<'_>)) -> io::Result<()> {
    for line in read("unix")?.split(|byte| *byte == b'\n').skip(1) {
        // The kernel shows each NUL of an abstract name as `@`. The first one tells the name from a
        // path.
        match unix_row(line) {
            Some(told) if told.name.first() == Some(&b'@') => {
                let name = [b"\0", &told.name[1..]].concat();
                each(UnixRow {
                    name: &name,
                    ..told
                });
            }
            Some(told) => each(told),
            None => {}
        }
    }
    Ok(())
}

/// `ffff888: 00000002 00000000 00010000 0001 01 12345 /run/socket`, where the name may have blanks.
fn unix_row(line: &[u8]) -> Option<UnixRow<'_>> {
    /// `__SO_ACCEPTCON` in the kernel: the socket listens.
    const LISTENS: u32 = 1 << 16;
    let mut rest = line;
    let mut next = || {
        let word = rest.trim_ascii_start();
        let end = word.iter().position(|byte| *byte == b' ')?;
        rest = &word[end + 1..];
        std::str::from_utf8(&word[..end]).ok()
    };
    // Only the name can contain blanks, and it comes last, so split seven words and keep the rest.
    let [_, _, _, flags, kind, _, inode] = [(); 7].map(|()| next());
    let flags = u32::from_str_radix(flags?, 16).ok()?;
    let kind = i32::from_str_radix(kind?, 16).ok()?;
    Some(UnixRow {
        inode: inode?.parse().ok()?,
        // A datagram socket never listens: its name alone makes it serve.
        serves: (flags & LISTENS != 0) != (kind == libc::SOCK_DGRAM),
        name: rest,
        file: None,
        user: None,
    })
}
