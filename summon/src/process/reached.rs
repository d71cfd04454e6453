//! How a process in a container reaches the other processes of its set.
//!
//! 127.0.0.1 in a container is the container itself. So the placeholders of other processes are the
//! address of a relay, which listens at this machine's address in the network of the container. Its port
//! is another one than that of the server: a server that listens on all addresses would be in its way.

use std::net::{Ipv4Addr, SocketAddr};

use summon_syntax::template::{self, Part};

use super::nodes::Named;
use super::parts::Parts;
use crate::error::Error;
use crate::guard;
use crate::image::{Access, Engine};
use crate::port::Lease;
use crate::probe::NotReady;
use crate::sys::fd::OwnedFd;
use crate::sys::listeners::Protocol;

impl Parts {
    /// Prepares the ways to the processes that the texts of a container name.
    pub(super) fn acquire_relays(&self) -> Result<(), Error> {
        if !self.declaration.has_image() {
            return Ok(());
        }
        for text in self.declaration.texts() {
            for part in template::parts(&text) {
                if let Some((name, word)) = address_of_other(part) {
                    self.acquire_relay(part, name, word)?;
                }
            }
        }
        Ok(())
    }

    fn acquire_relay(&self, part: Part<'_>, name: &str, word: &str) -> Result<(), Error> {
        let declaration = &self.declaration;
        if self.relays.lock().access.is_none() {
            let args = declaration.spec.container.engine_args.iter();
            let args: Result<Vec<_>, Error> = args.map(|arg| self.fill_os(arg)).collect();
            let args = args?;
            let access = Engine::find().and_then(|engine| engine.access(&args));
            let access =
                access.map_err(|error| declaration.bad(error.headline()).facts_of(&error))?;
            self.relays.lock().access = Some(access);
        }
        let is_direct = matches!(self.relays.lock().access, Some(Access::Direct(_)));
        if is_direct || word == "host" {
            return Ok(());
        }
        let server = self.server(part).map_err(|why| declaration.bad(why))?;
        let leased = self.relays.lease(name, server);
        leased.map_err(|error| declaration.bad(error.headline()))
    }

    /// Starts the relays of one launch. They end with the returned sockets.
    pub(super) fn start_relays(&self) -> Result<Vec<OwnedFd>, Error> {
        let state = self.relays.lock();
        let Some(Access::Gateway(ip, clients)) = &state.access else {
            return Ok(Vec::new());
        };
        let start = |(name, server, lease): &(String, SocketAddr, Lease)| {
            let addr = SocketAddr::new(*ip, lease.port);
            let title = format!("{name} for {}", self.name());
            let claim = lease.share();
            let relay =
                claim.and_then(|claim| guard::start_relay(&title, addr, &claim, *server, clients));
            relay.map_err(|error| {
                let why = format!("the relay to {name} could not be started at {addr}: {error}");
                self.declaration.bad(why)
            })
        };
        state.leases.iter().map(start).collect()
    }

    /// Returns the value of a placeholder for the address of another process, as the container of this
    /// process sees it. `None` if it has no container, or if this is another placeholder.
    pub(super) fn seen_inside(&self, part: Part<'_>) -> Result<Option<String>, NotReady> {
        if !self.declaration.has_image() {
            return Ok(None);
        }
        let Some((name, word)) = address_of_other(part) else {
            return Ok(None);
        };
        Ok(Some(match word {
            "host" => match self.relays.access()? {
                Access::Direct(host) => host.to_owned(),
                Access::Gateway(ip, _) => ip.to_string(),
            },
            "port" => self.relays.inside(self.server(part)?)?.1.to_string(),
            _ => {
                let (host, port) = self.relays.inside(self.server(part)?)?;
                let url = self.url_of(name, part)?;
                let host = match host.contains(':') {
                    true => format!("[{host}]"),
                    false => host,
                };
                url.replacen(authority(&url), &format!("{host}:{port}"), 1)
            }
        }))
    }

    /// Returns the address of another process, as processes of this machine see it.
    fn server(&self, part: Part<'_>) -> Result<SocketAddr, NotReady> {
        let (name, label) = match part {
            Part::Other(name, "url") => {
                let url = self.url_of(name, part)?;
                let authority = authority(&url);
                let here = authority.replacen("localhost:", "127.0.0.1:", 1);
                return here.parse().map_err(|_| {
                    NotReady::ever(format!(
                        "`{part}` is `{url}`, and a relay for the container needs an IP address and a port"
                    ))
                });
            }
            Part::OtherLabelled(name, _, label) => (name, label),
            Part::Other(name, _) => (name, ""),
            _ => return Err(NotReady::ever(format!("`{part}` is no address"))),
        };
        if let (Some(addr), "") = (self.set().addr(name), label) {
            return Ok(addr);
        }
        let other = self.other(name, "port", part)?;
        if !label.is_empty() {
            return Ok(SocketAddr::new(other.addr()?.ip(), other.port(label)?));
        }
        let is_udp = other.declaration.endpoint();
        if is_udp.is_some_and(|it| it.protocol == Protocol::Udp) {
            return Err(NotReady::ever(format!(
                "`{part}` is a UDP port, and the relay for a container passes on TCP only"
            )));
        }
        match other.word_through_link("port")? {
            Some(port) => Ok((Ipv4Addr::LOCALHOST, port.parse().unwrap_or_default()).into()),
            None => other.addr(),
        }
    }

    /// Returns the URL of another process, as processes of this machine see it.
    fn url_of(&self, name: &str, part: Part<'_>) -> Result<String, NotReady> {
        if let Some(url) = self.set().url(name) {
            return Ok(url);
        }
        let other = self.other(name, "url", part)?;
        match other.word_through_link("url")? {
            Some(url) => Ok(url),
            None => other.url(),
        }
    }

    /// Returns whether a text names the addresses of a whole cluster.
    pub(super) fn names_cluster(&self, part: Part<'_>) -> bool {
        match part {
            Part::Other(name, word) | Part::OtherLabelled(name, word, _) => {
                let is_of_node = template::lists_ports(word) || word == "link";
                is_of_node || matches!(self.named(name), Some(Named::Cluster(_)))
            }
            _ => false,
        }
    }
}

/// Returns the name and the word of a placeholder for the address of another process.
fn address_of_other(part: Part<'_>) -> Option<(&str, &str)> {
    match part {
        Part::Other(name, word @ ("port" | "host" | "url")) => Some((name, word)),
        Part::OtherLabelled(name, "port", _) => Some((name, "port")),
        _ => None,
    }
}

/// Returns the host and the port in a URL.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let whole = rest.split(['/', '?', '#']).next().unwrap_or_default();
    whole.rsplit_once('@').map_or(whole, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::authority;

    #[test]
    fn the_host_and_the_port_of_a_url_are_found() {
        for (url, found) in [
            ("redis://127.0.0.1:7000/0", "127.0.0.1:7000"),
            ("postgres://postgres:a%40b@[::1]:5/db?x=@y", "[::1]:5"),
            ("127.0.0.1:2181/app", "127.0.0.1:2181"),
            ("http://localhost:80", "localhost:80"),
        ] {
            assert_eq!(authority(url), found);
        }
    }
}
