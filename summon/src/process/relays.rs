//! The relays of a container: the ports at which it reaches servers of this machine.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::Error;
use crate::image::Access;
use crate::port::Lease;
use crate::probe::NotReady;

#[derive(Debug, Default)]
pub(super) struct Relays(Mutex<State>);

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) access: Option<Access>,
    /// The ports of relays, each with the name and the address of its server. They outlast restarts.
    pub(super) leases: Vec<(String, SocketAddr, Lease)>,
}

impl Relays {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked has left a complete value behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn access(&self) -> Result<Access, NotReady> {
        let access = self.lock().access.clone();
        access.ok_or_else(|| {
            NotReady::ever("a container has a way only to the processes that its options name")
        })
    }

    /// Returns the host and the port for a server, as the container sees them.
    pub(super) fn inside(&self, server: SocketAddr) -> Result<(String, u16), NotReady> {
        let (ip, port) = match self.access()? {
            Access::Direct(host) => return Ok((host.to_owned(), server.port())),
            Access::Gateway(ip, _) => (ip, self.port(server)),
        };
        let port = port.ok_or_else(|| {
            NotReady::ever("a container has a way only to the ports that its options name")
        })?;
        Ok((ip.to_string(), port))
    }

    pub(super) fn port(&self, server: SocketAddr) -> Option<u16> {
        let state = self.lock();
        let mut leases = state.leases.iter();
        let found = leases.find(|(_, it, _)| *it == server);
        found.map(|(.., lease)| lease.port)
    }

    /// Leases a port for a server, unless there is one.
    pub(super) fn lease(&self, name: &str, server: SocketAddr) -> Result<(), Error> {
        if self.port(server).is_none() {
            let lease = Lease::pick()?;
            self.lock().leases.push((name.to_owned(), server, lease));
        }
        Ok(())
    }
}
