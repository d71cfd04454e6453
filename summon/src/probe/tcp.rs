//! Ready when the process listens on a TCP port.

use super::{Endpoint, NotReady, Probe, Target, listen};
use crate::sys::listeners::Protocol;

/// Made by [`tcp`].
#[derive(Clone, Debug)]
pub struct Tcp(Endpoint);

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
    Tcp(Endpoint {
        host: host.into(),
        port,
        protocol: Protocol::Tcp,
    })
}

impl Probe for Tcp {
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        listen::look_for_own(target, Protocol::Tcp)
    }

    fn describe(&self, target: &Target<'_>) -> String {
        format!("tcp {}:{}", target.host(), target.port())
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
