//! Redis and Valkey.

use std::ffi::OsString;

use super::ready::as_it_is;
use super::{Ready, found, marker, served};
use crate::database::Database;
use crate::error::Error;
use crate::executor::Coordinated;
use crate::guard::ServerKind;
use crate::process::Spec;

/// A Redis, or a Valkey if Redis is not installed, that writes nothing to disk. It has 16384 numbered
/// databases. Share one server among many tests as a [fixture](macro@crate::fixture), with a
/// [database for each test](crate::guide::databases).
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
            .args(SETTINGS)
            // The server listens while it still loads the data of `--appendonly yes`.
            .change(|spec| {
                spec.path = "0";
                spec.server_kind = Some(ServerKind::Redis);
            })
            .says("Ready to accept connections")
            .in_image(in_image)
    }

    /// Returns a numbered database for this test, on the running server. It has copies of the keys of
    /// a template, which is empty unless the fixture has a `template` function. Its name is the
    /// number. Publish and subscribe, `FLUSHALL`, scripts, and `CONFIG` affect the whole server.
    ///
    /// ```no_run
    /// let redis = summon::servers::Redis::new();
    /// redis.start()?;
    /// let db = redis.database()?;
    /// assert_eq!(db.url(), redis.url(db.name()));
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the server does not run, or summon has not started it. If it requires a password, or if all
    /// its databases are in use. If a server before Redis 6.2 must copy keys.
    pub fn database(&self) -> Result<Database, Error> {
        Database::of_body(self)
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

/// The server checks for a stop signal `hz` times a second. With its default of 10, a stop would take up to
/// 100 ms. Each test has a database. An empty one takes half a kilobyte.
const SETTINGS: [&str; 8] = [
    "--save",
    "",
    "--appendonly",
    "no",
    "--hz",
    "100",
    "--databases",
    "16384",
];

/// The entry points of the images of Redis and of Valkey run the server if they get options only.
fn in_image(spec: &mut Spec, _: Option<&str>) -> Result<(), &'static str> {
    let open = ["--bind", "{host}", "--protected-mode", "no"];
    spec.command = [&["--port", "{port}"][..], &open].concat().into();
    spec.args.splice(0..0, SETTINGS.map(OsString::from));
    Ok(())
}

impl Default for Redis {
    fn default() -> Redis {
        Redis::new()
    }
}
