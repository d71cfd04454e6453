//! etcd.

use std::ffi::OsString;

use super::{Ready, found, marker, served};
use crate::executor::Coordinated;
use crate::probe;
use crate::process::Spec;

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

/// The defaults make the election take a second.
const ELECTION: [&str; 4] = ["--heartbeat-interval", "10", "--election-timeout", "100"];

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
            .args(ELECTION)
            // Versions before 3.5 do not know it, and ignore unknown variables.
            .env("ETCD_UNSAFE_NO_FSYNC", "true")
            // The server listens before it has elected itself.
            .and(probe::http("http://127.0.0.1:{port}/health"))
            .in_image(in_image)
    }
}

/// The images have no entry point. Their ports for peers and their directories for data are private anyhow.
fn in_image(spec: &mut Spec, _: Option<&str>) -> Result<(), &'static str> {
    spec.command = ["etcd", "--listen-client-urls", "http://{host}:{port}"].into();
    let own = ["--advertise-client-urls", "http://127.0.0.1:{port}"];
    let own = own.into_iter().chain(ELECTION).map(OsString::from);
    spec.args.splice(0..0, own);
    Ok(())
}

impl Default for Etcd {
    fn default() -> Etcd {
        Etcd::new()
    }
}
