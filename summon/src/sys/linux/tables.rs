//! Tables of sockets in `/proc/net` (`proc(5)`), for where the kernel answers no questions
//! (`sock_diag(7)`): slower, since they list every connection too, and as certain.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::listeners::state_name;
use super::proc::SocketId;
use super::unix_sockets::Told;
use crate::sys::listeners::{Connection, Listener, Protocol};
use crate::sys::ports;

/// Whether there are tables.
pub(super) fn check() -> io::Result<()> {
    read("tcp").map(drop)
}

/// The network is that of the thread that asks.
fn read(table: &str) -> io::Result<Vec<u8>> {
    let of_thread = fs::read(format!("/proc/thread-self/net/{table}"));
    of_thread.or_else(|_| fs::read(format!("/proc/net/{table}")))
}

/// Every socket that serves on `port`, or on any if it is 0, both families.
pub(super) fn listeners(port: u16, protocol: Protocol) -> io::Result<Vec<Listener>> {
    let mut found = Vec::new();
    rows(protocol, |row, serves| {
        if serves && (port == 0 || row.local.port() == port) {
            found.push(Listener {
                addr: row.local,
                inode: row.inode,
                dual: row.local.is_ipv6(),
                interface: 0,
            });
        }
    })?;
    if port != 0 {
        tell_dual(&mut found, port, protocol);
    }
    Ok(found)
}

/// Every socket that has `port` as its local end and serves nobody there, both families.
pub(super) fn connections(port: u16, protocol: Protocol) -> io::Result<Vec<Connection>> {
    let mut found = Vec::new();
    rows(protocol, |row, serves| {
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

/// Hands each row of both families to `each`, and whether its socket serves.
fn rows(protocol: Protocol, mut each: impl FnMut(Row, bool)) -> io::Result<()> {
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
        let text = String::from_utf8_lossy(&text);
        for row in text.lines().skip(1).filter_map(row) {
            let is_server = row.state == serves;
            each(row, is_server);
        }
    }
    Ok(())
}

/// The tables don't tell which wildcards of IPv6 take IPv4 too. If one does, the port can't be bound
/// for IPv4, and nobody else has it there.
fn tell_dual(found: &mut [Listener], port: u16, protocol: Protocol) {
    let is_v4 = |listener: &Listener| listener.addr.ip().to_canonical().is_ipv4();
    let has_v4 = found.iter().any(is_v4);
    let mut wildcards = found
        .iter_mut()
        .filter(|it| it.dual && it.addr.ip().is_unspecified());
    if let Some(first) = wildcards.next() {
        let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let dual = !has_v4 && ports::is_taken(&v4, protocol).unwrap_or(true);
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
    let inode = fields.nth(5)?.parse().ok()?;
    Some(Row {
        local,
        peer,
        state,
        inode,
    })
}

/// Words of 32 bits in the byte order of the machine, a colon, and the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let mut bytes = Vec::with_capacity(16);
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

/// Every Unix socket that has a name.
pub(super) fn unix_sockets(mut each: impl FnMut(Told<'_>)) -> io::Result<()> {
    for line in read("unix")?.split(|byte| *byte == b'\n').skip(1) {
        // In an abstract name each NUL is shown so; the first one tells it from a path.
        match unix_row(line) {
            Some(told) if told.name.first() == Some(&b'@') => {
                let name = [b"\0", &told.name[1..]].concat();
                each(Told {
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
fn unix_row(line: &[u8]) -> Option<Told<'_>> {
    /// `__SO_ACCEPTCON` in the kernel: it listens.
    const LISTENS: u32 = 1 << 16;
    let mut rest = line;
    let mut next = || {
        let word = rest.trim_ascii_start();
        let end = word.iter().position(|byte| *byte == b' ')?;
        rest = &word[end + 1..];
        std::str::from_utf8(&word[..end]).ok()
    };
    let [_, _, _, flags, kind, _, inode] = [(); 7].map(|()| next());
    let flags = u32::from_str_radix(flags?, 16).ok()?;
    let kind = i32::from_str_radix(kind?, 16).ok()?;
    Some(Told {
        inode: inode?.parse().ok()?,
        serves: (flags & LISTENS != 0) != (kind == libc::SOCK_DGRAM),
        name: rest,
        file: None,
    })
}
