//! Resolves hosts to addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::sys::{ports, threads};

/// The limit for the resolver when a question comes before the start and has no deadline.
const RESOLVER_LIMIT: Duration = Duration::from_secs(1);

/// Returns whether a host is this machine.
pub(crate) fn is_this_machine(host: &str) -> bool {
    resolve(host, 0, soon()).is_ok_and(|addrs| is_here(&addrs))
}

pub(super) fn is_here(addrs: &[SocketAddr]) -> bool {
    addrs.iter().all(|addr| ports::is_local(*addr))
}

/// Returns whether a name means the loopback. summon asks no resolver for it (RFC 6761, section 6.3).
pub(crate) fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or(host);
    last.eq_ignore_ascii_case("localhost")
}

/// Returns the addresses of a port of a host. `localhost` means both loopbacks, regardless of
/// `/etc/hosts`; they also reach a server that listens on all addresses.
pub(super) fn resolve(host: &str, port: u16, deadline: Instant) -> io::Result<Vec<SocketAddr>> {
    if is_localhost(host) {
        let both: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        return Ok(both.map(|ip| SocketAddr::new(ip, port)).to_vec());
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    // A URL encodes the percent sign before an interface as `%25` (RFC 6874).
    let host = host.replacen("%25", "%", 1);
    let addrs: Vec<SocketAddr> = match host.parse() {
        Ok(ip) => vec![SocketAddr::new(ip, port)],
        Err(_) => look_up(host, port, deadline)?,
    };
    if addrs.is_empty() {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(addrs.into_iter().map(reachable).collect())
}

/// Returns the destination that a connection to an address reaches.
fn reachable(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip().to_canonical() {
        // Keep the interface.
        IpAddr::V6(ip) if !ip.is_unspecified() => return addr,
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        other => other,
    };
    SocketAddr::new(ip, addr.port())
}

/// Asks the system's resolver on another thread. The resolver has no deadline, so that thread may
/// live longer than the caller.
fn look_up(host: String, port: u16, deadline: Instant) -> io::Result<Vec<SocketAddr>> {
    let (tell, told) = mpsc::channel();
    threads::spawn(thread::Builder::new(), move || {
        let addrs = (host.as_str(), port).to_socket_addrs();
        let _ = tell.send(addrs.map(Iterator::collect));
    })?;
    let left = deadline.saturating_duration_since(Instant::now());
    told.recv_timeout(left)
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Returns the deadline of a question that comes before the start.
pub(super) fn soon() -> Instant {
    Instant::now() + RESOLVER_LIMIT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(host: &str) -> Vec<IpAddr> {
        let addrs = resolve(host, 80, soon()).unwrap();
        assert!(addrs.iter().all(|addr| addr.port() == 80));
        addrs.iter().map(SocketAddr::ip).collect()
    }

    #[test]
    fn localhost_is_both_families_also_below_other_names() {
        let both: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        for host in ["localhost", "app.localhost", "a.b.LocalHost", "localhost."] {
            assert_eq!(ips(host), both, "{host}");
        }
        for host in ["localhost.example", "mylocalhost", "app.localhost.example."] {
            assert!(!is_localhost(host), "{host}");
        }
    }

    #[test]
    fn an_address_is_where_a_connection_ends() {
        let v4: [IpAddr; 1] = [Ipv4Addr::LOCALHOST.into()];
        let v6: [IpAddr; 1] = [Ipv6Addr::LOCALHOST.into()];
        assert_eq!(ips("0.0.0.0"), v4);
        assert_eq!(ips("::ffff:0.0.0.0"), v4);
        assert_eq!(ips("::ffff:127.0.0.1"), v4);
        assert_eq!(ips("::"), v6);
        assert_eq!(ips("[::1]"), v6);
        assert!(resolve("no-such-host.invalid", 80, soon()).is_err());
    }

    #[test]
    fn an_address_keeps_its_interface() {
        for host in ["fe80::1%1", "[fe80::1%251]"] {
            let addrs = resolve(host, 80, soon()).unwrap();
            assert_eq!(addrs[0].to_string(), "[fe80::1%1]:80");
        }
    }
}
