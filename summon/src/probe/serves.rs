//! Ready when the process serves its port, over TCP or UDP.

use super::{Endpoint, NotReady, Probe, Target, listen};
use crate::sys::listeners::Protocol;

/// Made by [`tcp`].
#[derive(Clone, Debug)]
pub struct Tcp(Endpoint);

/// Made by [`udp`].
#[derive(Clone, Debug)]
pub struct Udp(Endpoint);

/// Ready when the process, or one that it started, listens on `host:port`. Port 0 means that
/// summon picks a free one, the one that `{port}` stands for.
///
/// `localhost` means 127.0.0.1 and ::1, and either will do; [`Process::addr`](crate::Process::addr)
/// then tells which. The kernel is asked who listens, so the server sees no connection from this
/// (`sock_diag(7)`). A server that is somebody else's is never taken for ours: that is an error
/// which names it.
///
/// # Platform notes
///
/// It is known by connecting instead, which a server sees, where the host is another machine,
/// where the kernel does not tell (some sandboxes), and where the owner of the socket can't be
/// read (a set-uid program, another user's process).
///
/// ```no_run
/// let redis = summon::Coordinated::with(
///     "redis-server --port {port}",
///     summon::probe::tcp("localhost", 0),
/// );
/// redis.start()?;
/// println!("Redis listens on {}", redis.addr());
/// # Ok::<(), summon::Error>(())
/// ```
pub fn tcp(host: impl Into<String>, port: u16) -> Tcp {
    Tcp(endpoint(host.into(), port, Protocol::Tcp))
}

/// Ready when the process, or one that it started, has bound `host:port` for UDP. Port 0 means
/// that summon picks a free one, the one that `{port}` stands for.
///
/// The kernel is asked, as for [`tcp`]: no datagram is sent. Where the owner of the
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
    Udp(endpoint(host.into(), port, Protocol::Udp))
}

fn endpoint(host: String, port: u16, protocol: Protocol) -> Endpoint {
    Endpoint {
        host,
        port,
        protocol,
    }
}

macro_rules! serves {
    ($($probe:ident $name:literal),*) => {$(
        impl Probe for $probe {
            fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
                listen::look_for_own(target, self.0.protocol)
            }

            fn describe(&self, target: &Target<'_>) -> String {
                format!("{} {}:{}", $name, target.host(), target.port())
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
    )*};
}

serves!(Tcp "tcp", Udp "udp");
