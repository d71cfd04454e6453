//! etcd.

use super::{Ready, found, marker, served};
use crate::executor::Coordinated;
use crate::probe;

/// A single etcd, which elects itself within a second.
///
/// ```no_run
/// use summon::servers::Etcd;
///
/// let etcd = Etcd::new();
/// etcd.start()?;
/// assert!(etcd.url("").starts_with("http://127.0.0.1:"));
/// # Ok::<(), summon::Error>(())
/// ```
///
/// The methods below set options of this server. [`Coordinated`] has the options of every executor.
/// [`Process`](crate::Process) has the verbs, such as `start`, `restart`, `stopped`, and `paused`.
pub type Etcd = Coordinated<Ready<marker::Etcd>>;

impl Etcd {
    /// Runs the server on a free port, with a second port for the peers that it does not have.
    ///
    /// ```
    /// use summon::servers::Etcd;
    ///
    /// let etcd = Etcd::new().args(["--auto-compaction-retention", "1"]).timeout("5s");
    /// ```
    #[track_caller]
    pub fn new() -> Etcd {
        let server = found(&["etcd"]);
        let peer = "http://127.0.0.1:{port:peer}";
        served([server.as_str(), "--data-dir", "{dir}/data"], "http://")
            .args(["--listen-client-urls", "http://127.0.0.1:{port}"])
            .args(["--advertise-client-urls", "http://127.0.0.1:{port}"])
            .args(["--listen-peer-urls", peer])
            .args(["--initial-advertise-peer-urls", peer])
            .args(["--initial-cluster".to_owned(), format!("default={peer}")])
            // The defaults make the election take a second.
            .args(["--heartbeat-interval", "10", "--election-timeout", "100"])
            // Versions before 3.5 do not know it, and ignore unknown variables.
            .env("ETCD_UNSAFE_NO_FSYNC", "true")
            // The server listens before it has elected itself.
            .and(probe::http("http://127.0.0.1:{port}/health"))
            .in_image(|_, _| {
                Err("run the image by `HttpCoordinatedExecutor`, as the guide about images shows")
            })
    }
}

impl Default for Etcd {
    fn default() -> Etcd {
        Etcd::new()
    }
}
