//! Redis and Valkey.

use super::ready::as_it_is;
use super::{Ready, found, marker, served};
use crate::executor::Coordinated;

/// A Redis, or a Valkey if Redis is not installed, that writes nothing to disk.
///
/// ```no_run
/// use summon::servers::Redis;
///
/// let redis = Redis::new();
/// redis.start()?;
/// assert!(redis.url("/0").starts_with("redis://127.0.0.1:"));
/// # Ok::<(), summon::Error>(())
/// ```
///
/// The methods below set options of this server. [`Coordinated`] has the options of every executor.
/// [`Process`](crate::Process) has the verbs, such as `start`, `restart`, `stopped`, and `paused`.
pub type Redis = Coordinated<Ready<marker::Redis>>;

impl Redis {
    /// Runs the server on a free port.
    ///
    /// ```
    /// use summon::servers::Redis;
    ///
    /// let redis = Redis::new().args(["--maxmemory", "1mb"]).timeout("5s");
    /// ```
    #[track_caller]
    pub fn new() -> Redis {
        let server = found(&["redis-server", "valkey-server"]);
        served([server.as_str(), "--port", "{port}"], "redis://")
            .args(["--bind", "127.0.0.1", "--dir", "{dir}"])
            .args(["--save", "", "--appendonly", "no"])
            // The server checks for a stop signal this many times a second. With its default of 10,
            // a stop would take up to 100 ms.
            .args(["--hz", "100"])
            // The server listens while it still loads the data of `--appendonly yes`.
            .change(|spec| spec.path = "0")
            .says("Ready to accept connections")
    }

    /// Sets the password of its user `default`. Default: none.
    ///
    /// ```
    /// let redis = summon::servers::Redis::new().password("s3cret");
    /// assert_eq!(redis.url("/0"), format!("redis://:s3cret@127.0.0.1:{}/0", redis.port()));
    /// ```
    pub fn password(self, password: impl AsRef<str>) -> Self {
        let password = password.as_ref();
        self.args(["--requirepass", &as_it_is(password)])
            .user_in_url("redis", "", password)
    }
}

impl Default for Redis {
    fn default() -> Redis {
        Redis::new()
    }
}
