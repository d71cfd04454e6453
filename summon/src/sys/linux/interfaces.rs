//! Network interfaces, as far as packets of this machine to itself need them.

use std::net::SocketAddr;

use rustix::net::{AddressFamily, SocketType, netdevice};

/// The index of `lo`, the first interface of each network namespace (`LOOPBACK_IFINDEX` in the
/// kernel).
const LOOPBACK: u32 = 1;

/// Returns the index of the interface on which this machine receives a packet that it sends to
/// itself. For IPv4 that is `lo`. For IPv6 it is the interface that has the address.
pub(crate) fn interface(addr: SocketAddr) -> u32 {
    let SocketAddr::V6(addr) = addr else {
        return LOOPBACK;
    };
    // A link-local address names its interface itself (`ipv6(7)`).
    if addr.scope_id() != 0 || addr.ip().is_loopback() {
        return addr.scope_id().max(LOOPBACK);
    }
    // Each line of the table starts with an address in hexadecimal and an interface index.
    let table = std::fs::read_to_string("/proc/thread-self/net/if_inet6").unwrap_or_default();
    let wanted = format!("{:032x}", u128::from(*addr.ip()));
    let mut lines = table.lines().map(str::split_ascii_whitespace);
    let index = lines.find_map(|mut fields| (fields.next()? == wanted).then(|| fields.next())?);
    index.map_or(LOOPBACK, |index| {
        u32::from_str_radix(index, 16).unwrap_or(LOOPBACK)
    })
}

/// Returns the name of an interface, or its index if the interface no longer exists.
pub(crate) fn interface_name(index: u32) -> String {
    let socket = super::sockets::socket(AddressFamily::INET, SocketType::DGRAM);
    let name = socket.and_then(|socket| Ok(netdevice::index_to_name(&socket, index)?));
    name.unwrap_or_else(|_| index.to_string())
}
