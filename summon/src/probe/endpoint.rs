//! The place that a process serves, as the probe has it.

use crate::sys::listeners::Protocol;

/// A host, port, and protocol that a process serves. For port 0, summon picks a free port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[doc(hidden)]
pub struct Endpoint {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) protocol: Protocol,
}

/// A port of a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
}

impl Endpoint {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.host.is_empty() {
            return Err("the host is empty: use `localhost`, for instance".to_owned());
        }
        let host = &self.host;
        // An IPv6 address has at least two colons, and a placeholder may contain one.
        if host.contains('/') || (host.matches(':').count() == 1 && !host.contains('{')) {
            return Err(format!(
                "`{host}` is not a host: write a name or an address without a port or `http://`"
            ));
        }
        Ok(())
    }
}
