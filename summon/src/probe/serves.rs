//! Ready when the process serves its port, over TCP or UDP.

use super::listen::{self, Place, Server};
use super::{Endpoint, Explained, Facts, NotReady, Probe, Target, elsewhere};
use crate::sys::listeners::Protocol;

/// Made by [`tcp`].
///
/// It is that of [`TcpCoordinatedExecutor`](crate::TcpCoordinatedExecutor):
///
/// ```
/// use summon::{Coordinated, TcpCoordinatedExecutor, probe};
///
/// let api: Coordinated<probe::Tcp> = TcpCoordinatedExecutor::new("my-api", "localhost", 8080);
/// ```
#[derive(Clone, Debug)]
pub struct Tcp(Endpoint);

/// Made by [`udp`].
///
/// It has a name for types that hold such an executor:
///
/// ```
/// use summon::{Coordinated, probe};
///
/// struct Dns {
///     server: Coordinated<probe::Udp>,
/// }
/// ```
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
/// ```no_run
/// let redis = summon::Coordinated::with(
///     "redis-server --port {port} --save ''",
///     summon::probe::tcp("localhost", 0),
/// );
/// redis.start()?;
/// println!("Redis listens on {}", redis.addr());
/// # Ok::<(), summon::Error>(())
/// ```
///
/// # Platform notes
///
/// Where the kernel refuses the question (gVisor, WSL 1, some seccomp profiles), `/proc/net/tcp`
/// and `/proc/net/tcp6` answer it, in 10 to 30 ms.
///
/// It is known by connecting instead, which a server sees, where the host is another machine, and
/// where the owner of the socket can't be read (a set-uid program, another user's process).
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
///     "dnsmasq -k -C /dev/null -x {dir}/pid -z -a 127.0.0.1 -p {port}",
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

impl Endpoint {
    /// Its host and its port, as they are by now.
    fn filled(&self, target: &Target<'_>) -> Result<(String, u16), NotReady> {
        let port = match self.port {
            0 => target.values().port()?,
            port => port,
        };
        Ok((target.values().fill(&self.host)?, port))
    }

    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        let (host, port) = self.filled(target)?;
        let protocol = self.protocol;
        let place = Place { protocol, port };
        let addr = listen::look(target, &host, place, Server::Ours)?;
        if target.values().port() == Ok(port) {
            target.found_at(addr);
        }
        Ok(())
    }

    fn explain(&self, target: &Target<'_>) -> Explained {
        let protocol = self.protocol;
        let placeholder = (self.port == 0).then_some("{port}");
        let explain = |(host, port): (String, u16)| {
            elsewhere::explain(target, &host, Place { protocol, port }, placeholder)
        };
        self.filled(target).map(explain).unwrap_or_default()
    }

    fn shown(&self, target: &Target<'_>) -> String {
        match self.filled(target) {
            Ok((host, port)) => format!("{host}:{port}"),
            Err(_) => format!("{}:{{port}}", self.host),
        }
    }
}

macro_rules! serves {
    ($($probe:ident $name:literal),*) => {$(
        impl Probe for $probe {
            fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
                self.0.look(target)
            }

            fn describe(&self, target: &Target<'_>) -> String {
                format!("{} {}", $name, self.0.shown(target))
            }

            fn explain(&self, target: &Target<'_>, _: &str) -> Explained {
                self.0.explain(target)
            }

            fn facts(&self) -> Facts<'_> {
                Facts {
                    endpoint: Some(self.0.clone()),
                    texts: vec![&self.0.host],
                    ..Facts::default()
                }
            }

            fn check(&self) -> Result<(), String> {
                self.0.check()
            }
        }
    )*};
}

serves!(Tcp "tcp", Udp "udp");
