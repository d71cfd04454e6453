//! The probes that wait until the process serves its port, over TCP or UDP.

use super::endpoint::Place;
use super::listen;
use super::{
    AtTheEnd, Endpoint, Explained, Facts, Listener, NotReady, Probe, Target, wrong_address,
};
use crate::sys::listeners::Protocol;

/// A probe for a TCP port, made by [`tcp`].
///
/// [`TcpCoordinatedExecutor`](crate::TcpCoordinatedExecutor) uses it:
///
/// ```
/// use summon::{Coordinated, TcpCoordinatedExecutor, probe};
///
/// let api: Coordinated<probe::Tcp> = TcpCoordinatedExecutor::new("my-api", "localhost", 8080);
/// ```
#[derive(Clone, Debug)]
pub struct Tcp(Endpoint);

/// A probe for a UDP port, made by [`udp`].
///
/// Use this name in types that hold the executor:
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

/// Waits until the process or one of its descendants listens on `host:port`. For port 0, summon picks
/// a free port, the value of `{port}`.
///
/// `localhost` means 127.0.0.1 or ::1; [`Process::addr`](crate::Process::addr) returns the address in
/// use. summon asks the kernel for the owner of the socket (`sock_diag(7)`), so the server sees no
/// connection from the probe. If another program listens on the port, the start fails with an error
/// that names the program.
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
/// Where the kernel refuses the question (gVisor, WSL 1, some seccomp profiles), summon reads
/// `/proc/net/tcp` and `/proc/net/tcp6`, which takes 10 to 30 ms.
///
/// summon connects to the port if the host is another machine, or if it can't read the owner of the
/// socket (a set-uid program, another user's process). The server sees this connection.
pub fn tcp(host: impl Into<String>, port: u16) -> Tcp {
    Tcp(endpoint(host.into(), port, Protocol::Tcp))
}

/// Waits until the process or one of its descendants has bound `host:port` for UDP. For port 0, summon
/// picks a free port, the value of `{port}`.
///
/// As with [`tcp`], summon asks the kernel, and sends no datagram. If it can't read the owner of the
/// socket, any bound socket counts. A UDP port of another machine can't be probed; the start fails.
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
    /// Returns the host and the port with placeholders filled in.
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
        let addr = listen::look(target, &host, place, Listener::Own)?;
        if target.values().port() == Ok(port) {
            target.found_at(addr);
        }
        Ok(())
    }

    fn explain(&self, target: &Target<'_>) -> Explained {
        let protocol = self.protocol;
        let placeholder = (self.port == 0).then_some("{port}");
        let explain = |(host, port): (String, u16)| {
            wrong_address::explain(target, &host, Place { protocol, port }, placeholder)
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

            fn explain(&self, target: &Target<'_>) -> Explained {
                self.0.explain(target)
            }

            fn facts(&self) -> Facts<'_> {
                Facts {
                    endpoint: Some(self.0.clone()),
                    at_the_end: AtTheEnd::Port,
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
