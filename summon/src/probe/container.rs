//! The container of a process, as its probes need it.

use std::net::{Ipv4Addr, SocketAddr};

use crate::sys::containers;

#[derive(Clone, Debug)]
pub(crate) struct Container {
    /// The ports inside, each with its port outside.
    ports: Vec<(u16, u16)>,
    /// Whether it uses the network of this machine.
    pub(super) is_on_host: bool,
    /// The processes that are older than the container.
    pub(super) older: Vec<u32>,
}

impl Container {
    /// Makes the view of a container that the engine will create.
    pub(crate) fn to_come(ports: Vec<(u16, u16)>, is_on_host: bool) -> Container {
        Container {
            ports,
            is_on_host,
            older: containers::processes(),
        }
    }

    /// Returns the address outside that leads to a port inside.
    pub(crate) fn outside(&self, inside: u16) -> Option<SocketAddr> {
        let (_, outside) = self.ports.iter().find(|(it, _)| *it == inside)?;
        Some((Ipv4Addr::LOCALHOST, *outside).into())
    }
}
