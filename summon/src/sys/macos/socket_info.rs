//! A socket, as the kernel describes it: `struct socket_fdinfo` (`<sys/proc_info.h>`). It makes no system
//! call, so its tests run on every system.

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
/// `SO_ACCEPTCONN` (`<sys/socket.h>`).
const ACCEPTS: i32 = 2;
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
        let listens = i32::from(self.options) & ACCEPTS != 0;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a description of these bytes, each with its offset in the header.
    fn socket(parts: &[(usize, &[u8])]) -> SocketFdInfo {
        let mut bytes = [0; size_of::<SocketFdInfo>()];
        for (at, part) in parts {
            bytes[*at..*at + part.len()].copy_from_slice(part);
        }
        // SAFETY: any bytes are valid in each field, and the sizes are equal.
        unsafe { std::mem::transmute(bytes) }
    }

    const SOI_TYPE: usize = 176;
    const SOI_PROTOCOL: usize = 180;
    const SOI_OPTIONS: usize = 188;
    const SOI_KIND: usize = 256;
    const INSI_FPORT: usize = 264;
    const INSI_LPORT: usize = 268;
    const INSI_VFLAG: usize = 288;
    const INSI_LADDR: usize = 312;
    const TCPSI_STATE: usize = 344;
    const UNSI_ADDR: usize = 280;

    /// A port as the kernel keeps it: network byte order, in the lower half of the number.
    fn port(port: u16) -> [u8; 4] {
        i32::from(port.to_be()).to_ne_bytes()
    }

    fn number(number: i32) -> [u8; 4] {
        number.to_ne_bytes()
    }

    #[test]
    fn a_tcp_socket_serves_if_it_listens() {
        let tcp = |state| {
            socket(&[
                (SOI_KIND, &number(TCP)),
                (INSI_LPORT, &port(6379)),
                (INSI_VFLAG, &[V4]),
                (INSI_LADDR + 12, &[127, 0, 0, 1]),
                (TCPSI_STATE, &number(state)),
            ])
        };
        let serves = Some(("127.0.0.1:6379".parse().unwrap(), false));
        assert_eq!(tcp(LISTENS).serves(Protocol::Tcp), serves);
        assert_eq!(tcp(LISTENS).serves(Protocol::Udp), None);
        for other in [0, 2, 4] {
            assert_eq!(tcp(other).serves(Protocol::Tcp), None);
        }
        assert_eq!(tcp(LISTENS).serves_at(), None);
    }

    #[test]
    fn a_wildcard_of_ipv6_says_whether_it_takes_ipv4() {
        for (families, dual) in [(V4 | V6, true), (V6, false)] {
            let wildcard = socket(&[
                (SOI_KIND, &number(TCP)),
                (INSI_LPORT, &port(80)),
                (INSI_VFLAG, &[families]),
                (TCPSI_STATE, &number(LISTENS)),
            ]);
            let serves = Some(("[::]:80".parse().unwrap(), dual));
            assert_eq!(wildcard.serves(Protocol::Tcp), serves);
        }
    }

    #[test]
    fn a_udp_socket_serves_if_it_is_bound_and_has_no_peer() {
        let udp = |local, foreign| {
            let udp = socket(&[
                (SOI_KIND, &number(INTERNET)),
                (SOI_PROTOCOL, &number(17)),
                (INSI_LPORT, &port(local)),
                (INSI_FPORT, &port(foreign)),
                (INSI_VFLAG, &[V4]),
            ]);
            udp.serves(Protocol::Udp)
        };
        assert_eq!(udp(53, 0), Some(("0.0.0.0:53".parse().unwrap(), false)));
        assert_eq!(udp(53, 9), None);
        assert_eq!(udp(0, 0), None);
    }

    #[test]
    fn a_unix_socket_serves_at_its_path_whatever_its_length_says() {
        let unix = |options: u16, kind_of_data: i32, addr: &[u8]| {
            let unix = socket(&[
                (SOI_KIND, &number(UNIX)),
                (SOI_OPTIONS, &options.to_ne_bytes()),
                (SOI_TYPE, &number(kind_of_data)),
                (UNSI_ADDR, addr),
            ]);
            unix.serves_at().map(Path::to_owned)
        };
        let path = Some("/tmp/s".into());
        assert_eq!(unix(2, 1, b"\x08\x01/tmp/s"), path);
        assert_eq!(unix(2, 1, b"\xff\x01/tmp/s\0rest"), path);
        assert_eq!(unix(0, 2, b"\x08\x01/tmp/s"), path);
        // It does not listen, has no path, or says that its address has no room for one.
        assert_eq!(unix(0, 1, b"\x08\x01/tmp/s"), None);
        assert_eq!(unix(2, 1, b"\x02\x01"), None);
        assert_eq!(unix(2, 1, b"\x01\x01/tmp/s"), None);
        assert_eq!(unix(2, 1, b"\x10\x01\0x"), None);
    }
}
