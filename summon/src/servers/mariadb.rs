//! MariaDB.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::ready::as_it_is;
use super::{Ready, found, marker, served};
use crate::database::Database;
use crate::error::Error;
use crate::executor::Coordinated;
use crate::guard::ServerKind;
use crate::process::Spec;

/// A MariaDB with new system tables and a database `test`. Its `root` has no password.
///
/// Making the tables takes more than half a second, so summon makes them once and copies them for
/// later starts ([`before_once`](Coordinated::before_once)). Share one server among many tests as a
/// [fixture](macro@crate::fixture), with a [database for each test](crate::guide::databases). The log contains each statement
/// that fails, and the name of its database, by MariaDB's plugin `sql_errlog`. If the plugin is not
/// installed, the log does not contain these statements. An old plugin does not know
/// `sql_error_log_with_db_and_thread_info`, and writes no names of databases.
///
/// ```no_run
/// use summon::servers::Mariadb;
///
/// let db = Mariadb::new().arg("--max-connections=20");
/// db.start()?;
/// assert!(db.url("/test").starts_with("mysql://root@127.0.0.1:"));
/// # Ok::<(), summon::Error>(())
/// ```
///
/// The methods below set options of this server. [`Coordinated`] has the options of every executor.
/// [`Process`](crate::Process) has the verbs, such as `start`, `restart`, `stopped`, and `paused`.
pub type Mariadb = Coordinated<Ready<marker::Mariadb>>;

impl Mariadb {
    /// Makes or copies the tables at the first start, and runs the server on a free port.
    ///
    /// ```
    /// use summon::servers::Mariadb;
    ///
    /// let db = Mariadb::new().arg("--max-connections=20").timeout("1m");
    /// ```
    #[track_caller]
    pub fn new() -> Mariadb {
        let install = found(&["mariadb-install-db", "mysql_install_db"]);
        // The configuration of the machine's own server must not apply.
        let own = [
            "--no-defaults",
            "--datadir={dir}/data",
            // `--loose` lets versions without this option ignore it.
            "--loose-debug-no-sync",
            // Each copy of the tables has a log, which by default has 96 MB.
            "--innodb-log-file-size=16M",
        ];
        let no_password = ["--auth-root-authentication-method=normal"];
        let install = [&[install.as_str()][..], &own, &no_password].concat();
        let server = found(&["mariadbd", "mysqld"]);
        served([&[server.as_str()][..], &own].concat(), "mysql://root@")
            .args([
                "--port={port}",
                "--bind-address=127.0.0.1",
                "--tmpdir={dir}",
            ])
            .args(SETTINGS)
            .before_once(install)
            .known()
            // The server listens while it still recovers its data.
            .change(|spec| {
                spec.path = "test";
                spec.server_kind = Some(ServerKind::Mariadb);
            })
            .says("ready for connections")
            .not_as_root("mysql")
            .answers(b"", None)
            .in_image(in_image)
    }

    /// Returns a new database for this test, on the running server. It is a copy of a template, which
    /// is empty unless the fixture has a `template` function.
    ///
    /// ```no_run
    /// let maria = summon::servers::Mariadb::new();
    /// maria.start()?;
    /// let db = maria.database()?;
    /// assert!(db.url().starts_with("mysql://root@127.0.0.1:"));
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the server does not run, or summon has not started it. If its `root` has a password. If the
    /// server refuses to make the database; the error has its words.
    pub fn database(&self) -> Result<Database, Error> {
        Database::of_body(self)
    }

    /// Adds arguments of `mariadb-install-db`, after summon's own. Default: none.
    ///
    /// ```
    /// use summon::servers::Mariadb;
    ///
    /// let db = Mariadb::new().init_args(["--skip-test-db"]);
    /// ```
    pub fn init_args<A: Into<OsString>>(self, args: impl IntoIterator<Item = A>) -> Self {
        let args = args.into_iter().map(Into::into);
        self.change(|spec| spec.before_once[0].add(args))
    }

    /// Sets the password of `root`. Default: none.
    ///
    /// ```
    /// let db = summon::servers::Mariadb::new().password("s3cret");
    /// assert_eq!(db.url("/test"), format!("mysql://root:s3cret@127.0.0.1:{}/test", db.port()));
    /// ```
    pub fn password(self, password: impl AsRef<str>) -> Self {
        let password = password.as_ref();
        let quoted = as_it_is(password).replace('\\', r"\\").replace('\'', "''");
        let roots = ["localhost", "127.0.0.1", "::1"];
        let roots = roots.map(|host| format!("root@'{host}' IDENTIFIED BY '{quoted}'"));
        // The server runs this file at each start, before it accepts clients.
        let sql = format!("ALTER USER IF EXISTS {};\n", roots.join(", "));
        self.with_file("password.sql", sql)
            .arg(INIT_FILE)
            .user_in_url("mysql", "root", password)
    }
}

/// The socket is in the data directory, by a relative path: an absolute path may be too long for a
/// socket. Failed statements go to the log. A server without the plugin writes a warning to the
/// log, and starts. Each test may have a pool of connections, and tables in one file: a file for each
/// table of each test would take 6 MB a database, and twice the time. A commit does not wait for the
/// disk.
const SETTINGS: [&str; 10] = [
    "--socket=mysql.sock",
    "--pid-file=mysql.pid",
    "--skip-name-resolve",
    "--innodb-fast-shutdown=2",
    "--max-connections=300",
    "--loose-innodb-file-per-table=0",
    "--innodb-flush-log-at-trx-commit=2",
    "--plugin-load-add=sql_errlog",
    "--loose-sql-error-log-filename=/dev/stderr",
    "--loose-sql-error-log-with-db-and-thread-info=ON",
];

/// Sets the password.
const INIT_FILE: &str = "--init-file={dir}/password.sql";

/// The number of words of the install command that are not the user's.
const INSTALL: usize = 6;

/// The image's entry point makes the tables. For that it starts a server without TCP. The user of the image
/// can't open `/dev/stderr`, so the log has no failed statements.
fn in_image(spec: &mut Spec, password: Option<&str>) -> Result<(), &'static str> {
    spec.command = [
        "--port={port}",
        "--bind-address={host}",
        "--loose-debug-no-sync",
        "--innodb-log-file-size=16M",
        "--skip-name-resolve",
        "--max-connections=300",
        "--loose-innodb-file-per-table=0",
        "--innodb-flush-log-at-trx-commit=2",
    ]
    .into();
    let install = spec.before_once.remove(0).words().unwrap_or_default();
    if install.len() > INSTALL {
        return Err("remove `init_args`: the entry point of the image makes the tables");
    }
    // The entry point sets the password.
    spec.args.retain(|arg| arg != INIT_FILE);
    let of_password = |(name, _): &(PathBuf, _)| name == Path::new("password.sql");
    spec.files.retain(|file| !of_password(file));
    let root = match password {
        Some(password) => ("MARIADB_ROOT_PASSWORD", as_it_is(password)),
        None => ("MARIADB_ALLOW_EMPTY_ROOT_PASSWORD", "1".to_owned()),
    };
    let database = ("MARIADB_DATABASE", spec.path.to_owned());
    let no_zones = ("MARIADB_INITDB_SKIP_TZINFO", "1".to_owned());
    spec.put_before([root, database, no_zones].into_iter());
    Ok(())
}

impl Default for Mariadb {
    fn default() -> Mariadb {
        Mariadb::new()
    }
}
