//! PostgreSQL.

use std::ffi::OsString;
use std::path::Path;

use super::ready::as_it_is;
use super::{Ready, found, marker, served};
use crate::database::Database;
use crate::error::Error;
use crate::executor::Coordinated;
use crate::find_program;
use crate::guard::ServerKind;
use crate::process::Spec;
use crate::sys::Signal;

/// A PostgreSQL with a new database cluster, without passwords on 127.0.0.1. The superuser and the
/// only database are named `postgres`. The locale is C, and the encoding is UTF-8.
///
/// Making the cluster takes more than half a second, so summon makes it once and copies it for later
/// starts ([`before_once`](Coordinated::before_once)). Share one server among many tests as a
/// [fixture](macro@crate::fixture), with a [database for each test](crate::guide::databases). Each line of the log about a
/// client has the name of its database (`log_line_prefix`).
///
/// `stop` and `restart` send SIGINT, for a fast shutdown that keeps the data whole. When the test or the run ends,
/// summon removes the data, so it sends SIGQUIT, for an immediate shutdown.
/// [`stop_signal`](Coordinated::stop_signal) sets one signal for both.
///
/// ```no_run
/// use summon::servers::Postgres;
///
/// let pg = Postgres::new().args(["-c", "max_connections=20"]);
/// pg.start()?;
/// assert!(pg.url("/postgres").starts_with("postgres://postgres@127.0.0.1:"));
/// # Ok::<(), summon::Error>(())
/// ```
///
/// The methods below set options of this server. [`Coordinated`] has the options of every executor.
/// [`Process`](crate::Process) has the verbs, such as `start`, `restart`, `stopped`, and `paused`.
pub type Postgres = Coordinated<Ready<marker::Postgres>>;

impl Postgres {
    /// Makes or copies the cluster at the first start, and runs the server on a free port.
    ///
    /// ```
    /// use summon::servers::Postgres;
    ///
    /// let pg = Postgres::new().args(["-c", "max_connections=20"]).timeout("1m");
    /// ```
    #[track_caller]
    pub fn new() -> Postgres {
        let server = found(&["postgres"]);
        // `initdb` and the server must have the same version.
        let initdb = Path::new(&server).with_file_name("initdb");
        let initdb = initdb.to_string_lossy();
        let cluster = ["-D", "{dir}/data", "-U", SUPERUSER, "--auth=trust"];
        let init = [&[&*initdb][..], &cluster, &INIT].concat();
        served(
            [server.as_str(), "-D", "{dir}/data", "-p", "{port}"],
            "postgres://postgres@",
        )
        .args(["-h", "127.0.0.1", "-c", NO_SOCKET])
        .args(SETTINGS.iter().flat_map(|setting| ["-c", setting]))
        .before_once(init)
        .known()
        // The server listens before it accepts clients.
        .says("database system is ready to accept connections")
        // SIGINT is a fast shutdown, which does not wait for clients to leave.
        .stop_signal(Signal::INT)
        .change(|spec| {
            // SIGQUIT is an immediate shutdown. The next start would have to recover the data.
            spec.last_signal = Some(Signal::QUIT);
            spec.path = "postgres";
            spec.server_kind = Some(ServerKind::Postgres);
        })
        .not_as_root("postgres")
        .answers(HELLO, Some(b'R'))
        .in_image(in_image)
    }

    /// Returns a new database for this test, on the running server. It is a clone of a template, which
    /// is empty unless the fixture has a `template` function.
    ///
    /// ```no_run
    /// let pg = summon::servers::Postgres::new();
    /// pg.start()?;
    /// let db = pg.database()?;
    /// println!("connect to {}", db.url());
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the server does not run, or summon has not started it. If it requires a password. If the
    /// server refuses to make the database; the error has its words.
    pub fn database(&self) -> Result<Database, Error> {
        Database::of_body(self)
    }

    /// Adds arguments of `initdb`. They follow summon's own arguments, such as `--encoding=UTF8
    /// --locale=C --wal-segsize=1`, and so override them. Default: none.
    ///
    /// ```
    /// use summon::servers::Postgres;
    ///
    /// let pg = Postgres::new().init_args(["--locale=de_DE.UTF-8", "--data-checksums"]);
    /// ```
    pub fn init_args<A: Into<OsString>>(self, args: impl IntoIterator<Item = A>) -> Self {
        let args = args.into_iter().map(Into::into);
        self.change(|spec| spec.before_once[0].add(args))
    }

    /// Sets the locale of the cluster, from `locale -a`. Default: `C`.
    ///
    /// ```
    /// let pg = summon::servers::Postgres::new().locale("de_DE.UTF-8");
    /// ```
    pub fn locale(self, locale: impl AsRef<str>) -> Self {
        self.init_args([format!("--locale={}", as_it_is(locale.as_ref()))])
    }

    /// Sets the encoding of the cluster. Default: `UTF8`.
    ///
    /// ```
    /// let pg = summon::servers::Postgres::new().encoding("LATIN1");
    /// ```
    pub fn encoding(self, encoding: impl AsRef<str>) -> Self {
        self.init_args([format!("--encoding={}", as_it_is(encoding.as_ref()))])
    }

    /// Sets the password of the superuser. The server then requires it. Default: none.
    ///
    /// ```
    /// let pg = summon::servers::Postgres::new().password("s3cret");
    /// let url = format!("postgres://postgres:s3cret@127.0.0.1:{}/postgres", pg.port());
    /// assert_eq!(pg.url("/postgres"), url);
    /// ```
    pub fn password(self, password: impl AsRef<str>) -> Self {
        let password = password.as_ref();
        self.with_file("password", as_it_is(password) + "\n")
            .init_args(["--auth=scram-sha-256", "--pwfile={dir}/password"])
            .user_in_url("postgres", SUPERUSER, password)
    }

    /// Selects an installed major version. Default: the version in PATH, or else the newest. If the
    /// version is not installed, `start` returns an error with the directories that summon
    /// searched.
    ///
    /// ```
    /// let pg = summon::servers::Postgres::new().version("15");
    /// ```
    pub fn version(self, version: impl AsRef<str>) -> Self {
        let dir = find_program::version_of(
            "postgres",
            &VERSIONS.map(|it| it.replace("VERSION", version.as_ref())),
        );
        self.change(|spec| {
            spec.command.set_program(dir.join("postgres"));
            spec.before_once[0].set_program(dir.join("initdb"));
        })
    }
}

/// The directories of a version on Debian, on Fedora, and with Homebrew.
const VERSIONS: [&str; 4] = [
    "/usr/lib/postgresql/VERSION/bin",
    "/usr/pgsql-VERSION/bin",
    "/opt/homebrew/opt/postgresql@VERSION/bin",
    "/usr/local/opt/postgresql@VERSION/bin",
];

const SUPERUSER: &str = ServerKind::Postgres.superuser();

/// Each copy of the cluster has a segment of the log, which by default has 16 MB.
const INIT: [&str; 4] = [
    "--no-sync",
    "--encoding=UTF8",
    "--locale=C",
    "--wal-segsize=1",
];

/// The beginning of `initdb`'s command, which the entry point of the image has itself.
const CLUSTER: usize = 5;

/// The server has no socket file, since its path may be too long.
const NO_SOCKET: &str = "unix_socket_directories=";

/// The first message of a client (`StartupMessage` in the protocol). A server that does not accept clients
/// yet answers with an error.
const HELLO: &[u8] = b"\0\0\0\x29\0\x03\0\0user\0postgres\0database\0postgres\0\0";

/// The image's entry point makes the cluster. For that it starts a server with a socket file only.
fn in_image(spec: &mut Spec, password: Option<&str>) -> Result<(), &'static str> {
    // The engine knows one signal.
    spec.last_signal = None;
    spec.command = ["postgres", "-p", "{port}", "-h", "{host}"].into();
    let settings = SETTINGS.iter().flat_map(|setting| ["-c", setting]);
    spec.args.splice(0..0, settings.map(OsString::from));
    let init = spec.before_once.remove(0).words().unwrap_or_default();
    let init = init.iter().skip(CLUSTER).filter_map(|word| word.to_str());
    // The entry point takes the password from a variable.
    let init = init.filter(|word| !word.starts_with("--pwfile="));
    // A shell of the image evaluates them.
    let init = init.map(|word| format!("'{}'", word.replace('\'', r"'\''")));
    let init = init.collect::<Vec<_>>().join(" ");
    spec.files.retain(|(name, _)| name != Path::new("password"));
    let method = match password {
        Some(_) => "scram-sha-256",
        None => "trust",
    };
    let password = password.map(|it| ("POSTGRES_PASSWORD", as_it_is(it)));
    let variables = [
        ("POSTGRES_HOST_AUTH_METHOD", method.to_owned()),
        ("POSTGRES_USER", SUPERUSER.to_owned()),
        ("POSTGRES_INITDB_ARGS", init),
    ];
    spec.put_before(variables.into_iter().chain(password));
    Ok(())
}

/// The server does not wait for the disk. A
/// log line about a client has the name of its database, since many tests share one log. Each of these
/// tests may have a pool of connections. Parallel queries share memory in the data directory, since a
/// killed server would leave other shared memory behind. An autovacuum would connect to a template,
/// which then can't be cloned. Each clone would log two checkpoints.
const SETTINGS: [&str; 8] = [
    "log_line_prefix=%m [%p] %q%d ",
    "max_connections=300",
    "dynamic_shared_memory_type=mmap",
    "autovacuum=off",
    "log_checkpoints=off",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
];

impl Default for Postgres {
    fn default() -> Postgres {
        Postgres::new()
    }
}
