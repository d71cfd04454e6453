//! PostgreSQL.

use std::path::Path;

use super::{Ready, found, served};
use crate::executor::Coordinated;
use crate::probe;
use crate::sys::Signal;

/// The kind of server that [`Postgres`] is, for the compiler; there are no values of it.
///
/// ```
/// use summon::Coordinated;
/// use summon::servers::{Postgres, PostgresServer, Ready};
///
/// let server: Coordinated<Ready<PostgresServer>> = Postgres::new();
/// ```
#[derive(Debug)]
pub enum PostgresServer {}

/// A PostgreSQL with a new database cluster, which trusts everybody on 127.0.0.1. Its superuser and
/// its only database are called `postgres`; its locale is C, its encoding UTF-8.
///
/// To make the cluster takes half a second and more, so it pays to have one server for many tests,
/// as a [fixture](macro@crate::fixture), and a database for each.
///
/// ```no_run
/// use summon::servers::Postgres;
///
/// let pg = Postgres::new().args(["-c", "max_connections=20"]);
/// pg.start()?;
/// assert!(pg.url().starts_with("postgres://postgres@127.0.0.1:"));
/// # Ok::<(), summon::Error>(())
/// ```
pub type Postgres = Coordinated<Ready<PostgresServer>>;

impl Postgres {
    /// Makes the cluster at the first start, and runs it on a free port.
    ///
    /// ```
    /// use summon::servers::Postgres;
    ///
    /// let pg = Postgres::new().args(["-c", "max_connections=20"]).timeout("1m");
    /// ```
    #[track_caller]
    pub fn new() -> Postgres {
        let server = found(&["postgres"]);
        // Of the same version.
        let initdb = Path::new(&server).with_file_name("initdb");
        let initdb = initdb.to_string_lossy();
        let cluster = ["-D", "{dir}/data", "-U", "postgres", "--auth=trust"];
        let init = [&[&*initdb][..], &cluster, &INIT].concat();
        served(
            [server.as_str(), "-D", "{dir}/data", "-p", "{port}"],
            "postgres://postgres@",
        )
        .args(["-h", "127.0.0.1"])
        .args(SETTINGS.iter().flat_map(|setting| ["-c", setting]))
        .before(init)
        // It listens before it lets anybody in.
        .and(probe::output(
            "database system is ready to accept connections",
        ))
        // A fast shutdown: it does not wait for clients to leave.
        .stop_signal(Signal::INT)
        .not_as_root("postgres")
    }

    /// The URL of its database `postgres`, as its superuser. That of another
    /// database is [`Process::url`](crate::Process::url) with its name.
    ///
    /// ```
    /// use summon::{Process, servers::Postgres};
    ///
    /// let pg = Postgres::new();
    /// assert_eq!(pg.url(), format!("postgres://postgres@127.0.0.1:{}/postgres", pg.port()));
    /// assert!(Process::url(&pg, "/sales").ends_with("/sales"));
    /// ```
    pub fn url(&self) -> String {
        (**self).url("/postgres")
    }
}

const INIT: [&str; 3] = ["--no-sync", "--encoding=UTF8", "--locale=C"];

/// No socket besides the port, since the path of one may be too long; and no waiting for the disk.
const SETTINGS: [&str; 4] = [
    "unix_socket_directories=",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
];

impl Default for Postgres {
    fn default() -> Postgres {
        Postgres::new()
    }
}
