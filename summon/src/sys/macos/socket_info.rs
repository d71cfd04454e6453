//! A socket, as the kernel describes it: `struct socket_fdinfo` (`<sys/proc_info.h>`).

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::sys::listeners::Protocol;

#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct SocketFdInfo {
    /// `struct proc_fileinfo`.
    file: [u64; 3],
    /// `struct vinfo_stat`.
    stat: [u64; 17],
    /// The id of the socket.
    pub(super) id: u64,
    pcb: u64,
    kind_of_data: i32,
    protocol: i32,
    family: i32,
    options: i16,
    linger: i16,
    state: i16,
    queues: [i16; 3],
    timeout: i16,
    error: u16,
    out_of_band: u32,
    /// Two of `struct sockbuf_info`.
    buffers: [[u32; 6]; 2],
    /// The valid member of the union below.
    kind: i32,
    reserved: u32,
    of_kind: OfKind,
}

#[repr(C)]
#[derive(Clone, Copy)]
union OfKind {
    internet: Internet,
    unix: Unix,
}

/// `struct in_sockinfo`, and the start of `struct tcp_sockinfo` behind it.
#[repr(C)]
#[derive(Clone, Copy)]
struct Internet {
    foreign_port: i32,
    local_port: i32,
    generation: u64,
    flags: u32,
    flow: u32,
    families: u8,
    hops: u8,
    reserved: u32,
    foreign: [u8; 16],
    local: [u8; 16],
    of_v4: u32,
    of_v6: [u32; 3],
    tcp_state: i32,
}

/// `struct un_sockinfo`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Unix {
    connected: [u64; 2],
    /// A `struct sockaddr_un`: its length, its family, and a path.
    local: [u8; 255],
    foreign: [u8; 255],
}

// A wrong layout would read other fields without any error. These lines let the compiler check the
// sizes and the offsets of the header.
const _: () = assert!(size_of::<SocketFdInfo>() == 792);
const _: () = assert!(std::mem::offset_of!(Internet, local) == 48);
const _: () = assert!(std::mem::offset_of!(Internet, tcp_state) == 80);
const _: () = assert!(std::mem::offset_of!(SocketFdInfo, of_kind) == 264);

/// `SOCKINFO_IN`, `SOCKINFO_TCP`, `SOCKINFO_UN`.
const INTERNET: i32 = 1;
const TCP: i32 = 2;
const UNIX: i32 = 3;
/// `TSI_S_LISTEN`.
const LISTENS: i32 = 1;
/// `INI_IPV4`, `INI_IPV6`.
const V4: u8 = 1;
const V6: u8 = 2;

impl SocketFdInfo {
    /// Returns the address that it serves, and whether as an IPv6 wildcard that takes IPv4 too.
    pub(super) fn serves(&self, protocol: Protocol) -> Option<(SocketAddr, bool)> {
        let wanted = match protocol {
            Protocol::Tcp => self.kind == TCP,
            Protocol::Udp => self.kind == INTERNET && self.protocol == libc::IPPROTO_UDP,
        };
        if !wanted {
            return None;
        }
        // SAFETY: any bytes are valid in `Internet`, and `kind` says that the union contains it.
        let internet = unsafe { self.of_kind.internet };
        // The port is in network byte order, in the lower half of the number.
        let port = |number: i32| u16::from_be(number as u16);
        let serves = match protocol {
            Protocol::Tcp => internet.tcp_state == LISTENS,
            // A UDP socket never listens. It serves if it is bound and has no peer.
            Protocol::Udp => port(internet.local_port) != 0 && port(internet.foreign_port) == 0,
        };
        if !serves {
            return None;
        }
        let ip: IpAddr = match internet.families & V6 {
            0 => {
                // An IPv4 address takes the last four of the 16 bytes (`struct in4in6_addr`).
                let [.., a, b, c, d] = internet.local;
                Ipv4Addr::new(a, b, c, d).into()
            }
            _ => Ipv6Addr::from(internet.local).into(),
        };
        let dual = internet.families & (V4 | V6) == V4 | V6;
        Some((SocketAddr::new(ip, port(internet.local_port)), dual))
    }

    /// Returns the path that it serves as a Unix socket: it listens, or is for datagrams.
    pub(super) fn serves_at(&self) -> Option<&Path> {
        let listens = i32::from(self.options) & libc::SO_ACCEPTCONN != 0;
        if self.kind != UNIX || (!listens && self.kind_of_data != libc::SOCK_DGRAM) {
            return None;
        }
        // SAFETY: any bytes are valid in `Unix`, and `kind` says that the union contains it.
        let local = unsafe { &self.of_kind.unix.local };
        // The first byte is the length of the address (`sun_len`), the second its family. The path
        // may lack a NUL at its end.
        let length = usize::from(local[0]).min(local.len());
        let path = local.get(2..length)?.split(|byte| *byte == 0).next()?;
        (!path.is_empty()).then(|| Path::new(OsStr::from_bytes(path)))
    }
}
