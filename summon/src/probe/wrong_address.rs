//! Explains why nothing listens on the expected address: finds the address in use instead.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::endpoint::Place;
use super::resolve_host::{is_here, resolve, soon};
use super::{Explained, Target, inside};
use crate::sys::listeners::{self, ListeningSocket, Protocol};
use crate::sys::proc::{self, SocketId};

/// The number of addresses to name.
const NAMED: usize = 4;

/// Explains why nothing listens at a place, if nothing does. `placeholder` is the port as written, if
/// it was not a number.
pub(super) fn explain(
    target: &Target<'_>,
    host: &str,
    place: Place,
    placeholder: Option<&str>,
) -> Explained {
    let nothing = Explained::default();
    // The sockets of this network say nothing about a container's.
    if let Some(container) = target.container() {
        let others = inside::elsewhere(target, container, place);
        return in_container(&others, place.port, placeholder);
    }
    let Ok(addrs) = resolve(host, place.port, soon()) else {
        return nothing;
    };
    let hears = |addr: &SocketAddr| target.ask(|diag| place.that_hears(diag, *addr));
    let nobody_hears = |addr: &SocketAddr| matches!(hears(addr), Ok(Some(None)));
    if !is_here(&addrs) || !addrs.iter().all(nobody_hears) {
        return nothing;
    }
    let tree = target.tree().unwrap_or_default();
    let on = |port, protocol| {
        let found = target.ask(|diag| listeners::on_port(diag, port, protocol));
        found.ok().flatten().unwrap_or_default()
    };
    let mut all = on(0, place.protocol);
    // A question about one port also returns which IPv6 wildcards accept IPv4, so ask again for it.
    all.retain(|it| it.addr.port() != place.port);
    all.extend(on(place.port, place.protocol));
    // A listener may have come since the question above; the report must not place it elsewhere.
    let is_there = |it: &&ListeningSocket| {
        it.addr.port() == place.port && addrs.iter().any(|addr| it.covers(*addr))
    };
    let (there, elsewhere): (Vec<&ListeningSocket>, Vec<&ListeningSocket>) =
        all.iter().partition(is_there);
    let held: Vec<SocketId> = tree.iter().flat_map(|pid| proc::sockets(*pid)).collect();
    let is_ours = |it: &&ListeningSocket| held.contains(&it.inode);
    if there.iter().any(is_ours) {
        return Explained {
            last: Some("it listens there now, but started too late".to_owned()),
            ..nothing
        };
    }
    let mut ours: Vec<&ListeningSocket> = elsewhere.iter().copied().filter(is_ours).collect();
    if !ours.is_empty() {
        // Name the listeners on the right port first.
        ours.sort_unstable_by_key(|it| (it.addr.port() != place.port, it.addr));
        return Explained {
            last: Some(format!(
                "nothing listens there; it listens on {}",
                named(&ours)
            )),
            hint: Some(match ours[0].addr.port() == place.port {
                true => format!(
                    "to wait for that address, set `host = \"{}\"`",
                    reached_at(ours[0].addr.ip())
                ),
                false => hint(place.port, placeholder),
            }),
        };
    }
    // A UDP socket on another port may be a client's, so ask for this port alone.
    let (other, name, kind) = match place.protocol {
        Protocol::Tcp => (Protocol::Udp, "UDP", "udp"),
        Protocol::Udp => (Protocol::Tcp, "TCP", "tcp"),
    };
    let others = on(place.port, other);
    let ours: Vec<&ListeningSocket> = others.iter().filter(is_ours).collect();
    if !ours.is_empty() {
        return Explained {
            last: Some(format!(
                "nothing listens there; it serves {name} on {}",
                named(&ours)
            )),
            hint: Some(format!("wait for that with `{kind}`")),
        };
    }
    let on_port = elsewhere.iter().find(|it| it.addr.port() == place.port);
    if let Some(other) = on_port.filter(|_| there.is_empty()) {
        let last = format!(
            "nothing listens there; another process listens on {}",
            other.shown()
        );
        return Explained {
            last: Some(last),
            ..nothing
        };
    }
    let mut apart = tree.iter().filter(|pid| proc::has_other_network(**pid));
    match apart.find(|pid| proc::listens_in_network_of(**pid, place.port)) {
        Some(pid) => Explained {
            last: Some(format!(
                "it listens, but in another network namespace, which this test can't reach: that of pid {pid}"
            )),
            ..nothing
        },
        None => nothing,
    }
}

/// Explains that the program of a container listens on other ports of it.
fn in_container(others: &[ListeningSocket], port: u16, placeholder: Option<&str>) -> Explained {
    let others: Vec<&ListeningSocket> = others.iter().collect();
    let Some(first) = others.first() else {
        return Explained::default();
    };
    Explained {
        last: Some(format!(
            "nothing listens there in the container; it listens on {}",
            named(&others)
        )),
        hint: Some(match placeholder {
            Some("{port}") => format!(
                "if that is its port in the container, set `port = {}`; or pass the port in its command as \
                 `{{port}}`",
                first.addr.port()
            ),
            // Such a label is the port in the container.
            Some(label) if label_number(label).is_some() => {
                let its = first.addr.port();
                format!("if it serves on port {its}, write `{{port:{its}}}` in place of `{label}`")
            }
            _ => hint(port, placeholder),
        }),
    }
}

fn label_number(placeholder: &str) -> Option<u16> {
    let label = placeholder.strip_prefix("{port:")?.strip_suffix('}')?;
    label.parse().ok()
}

/// Returns the address for clients on this machine.
fn reached_at(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

/// Lists the first addresses, each once.
fn named(listeners: &[&ListeningSocket]) -> String {
    let mut shown: Vec<String> = Vec::new();
    for listener in listeners {
        let addr = listener.shown();
        if !shown.contains(&addr) {
            shown.push(addr);
        }
    }
    let more = shown.len().saturating_sub(NAMED);
    shown.truncate(NAMED);
    let all = shown.join(", ");
    match more {
        0 => all,
        more => format!("{all}, and {more} more"),
    }
}

fn hint(port: u16, placeholder: Option<&str>) -> String {
    match placeholder {
        Some("{port}") => {
            "pass the port in its command as `{port}`, or set its port with `port = ..`".to_owned()
        }
        Some(other) => format!("pass the port in its command as `{other}`"),
        None => format!("set port {port} in its command or its configuration"),
    }
}
