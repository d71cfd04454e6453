//! Ready when the process listens on a TCP port.

use super::{Endpoint, NotReady, Probe, Target, listen};

/// Made by [`tcp`].
#[derive(Clone, Debug)]
pub struct Tcp {
    host: String,
    port: u16,
}

/// Ready when the process, or one that it started, listens on `host:port`. Port 0 means that
/// summon picks a free one, the one that `{port}` stands for.
///
/// `localhost` means 127.0.0.1 and ::1, and either will do; [`Process::addr`](crate::Process::addr)
/// then tells which. The kernel is asked who listens, so the server sees no connection from this
/// (on Linux, for addresses of this machine). A server that is somebody else's is never taken for
/// ours: that is an error which names it.
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
    Tcp {
        host: host.into(),
        port,
    }
}

impl Probe for Tcp {
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        listen::look(target, target.host(), target.port(), listen::Whose::Ours)
            .map(|addr| target.found_at(addr))
    }

    fn describe(&self, target: &Target<'_>) -> String {
        format!("tcp {}:{}", target.host(), target.port())
    }

    fn endpoint(&self) -> Option<Endpoint> {
        Some(Endpoint {
            host: self.host.clone(),
            port: self.port,
        })
    }

    fn texts(&self) -> Vec<&str> {
        vec![&self.host]
    }

    fn check(&self) -> Result<(), String> {
        if self.host.is_empty() {
            return Err("the host is empty; `localhost` is the usual one".to_owned());
        }
        Ok(())
    }
}
