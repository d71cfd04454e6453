//! Ready when the process serves a UDP port.

use super::{Endpoint, NotReady, Probe, Target, listen};
use crate::sys::listeners::Protocol;

/// Made by [`udp`].
#[derive(Clone, Debug)]
pub struct Udp(Endpoint);

/// Ready when the process, or one that it started, has bound `host:port` for UDP. Port 0 means
/// that summon picks a free one, the one that `{port}` stands for.
///
/// The kernel is asked, as for [`tcp`](super::tcp): no datagram is sent. Where the owner of the
/// socket can't be read, it is enough that somebody has bound it; on another machine it can't be
/// looked at.
///
/// ```no_run
/// let dns = summon::Coordinated::with(
///     "dnsmasq --keep-in-foreground --port {port}",
///     summon::probe::udp("127.0.0.1", 0),
/// );
/// dns.start()?;
/// # Ok::<(), summon::Error>(())
/// ```
pub fn udp(host: impl Into<String>, port: u16) -> Udp {
    Udp(Endpoint {
        host: host.into(),
        port,
        protocol: Protocol::Udp,
    })
}

impl Probe for Udp {
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        listen::look_for_own(target, Protocol::Udp)
    }

    fn describe(&self, target: &Target<'_>) -> String {
        format!("udp {}:{}", target.host(), target.port())
    }

    fn endpoint(&self) -> Option<Endpoint> {
        Some(self.0.clone())
    }

    fn texts(&self) -> Vec<&str> {
        vec![&self.0.host]
    }

    fn check(&self) -> Result<(), String> {
        self.0.check()
    }
}
