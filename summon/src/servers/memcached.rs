//! memcached.

use super::{Ready, found, marker, served};
use crate::executor::Coordinated;
use crate::process::Spec;
use crate::sys::Signal;

/// A memcached that serves only TCP.
///
/// ```no_run
/// use summon::servers::Memcached;
///
/// let cache = Memcached::new().args(["-m", "16"]);
/// cache.start()?;
/// assert!(cache.url("/").starts_with("memcache://127.0.0.1:"));
/// # Ok::<(), summon::Error>(())
/// ```
///
/// The methods below set options of this server. [`Coordinated`] has the options of every executor.
/// [`Process`](crate::Process) has the verbs, such as `start`, `restart`, `stopped`, and `paused`.
pub type Memcached = Coordinated<Ready<marker::Memcached>>;

impl Memcached {
    /// Runs the server on a free port.
    ///
    /// ```
    /// use summon::servers::Memcached;
    ///
    /// let cache = Memcached::new().args(["-m", "16"]).timeout("5s");
    /// ```
    #[track_caller]
    pub fn new() -> Memcached {
        let server = found(&["memcached"]);
        served([server.as_str(), "-l", "127.0.0.1"], "memcache://")
            .args(["-p", "{port}", "-U", "0"])
            // After SIGTERM it sometimes takes a second to end. It has no data to lose.
            .stop_signal(Signal::KILL)
            .not_as_root("memcache")
            .in_image(in_image)
    }
}

/// The entry point of the image runs the server if it gets options only.
fn in_image(spec: &mut Spec, _: Option<&str>) -> Result<(), &'static str> {
    spec.command = ["-l", "{host}", "-p", "{port}", "-U", "0"].into();
    Ok(())
}

impl Default for Memcached {
    fn default() -> Memcached {
        Memcached::new()
    }
}
