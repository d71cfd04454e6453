//! Gives each test a private database on a shared server.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::error::{Error, escaped};
use crate::executor::setup;
use crate::hold::{self, Setting, Shown, Thing};
use crate::process::{Claim, DATABASE_LIMIT, Process, url_and_client};

/// A database that belongs to one test.
///
/// `#[summon(database = PG)]` passes the database of a fixture to a test ([the guide](crate::guide::databases)
/// has examples), and `PG.database()?` returns one as a value.
///
/// summon clones it from a template ahead of the demand, so a test usually waits for a few
/// milliseconds. No other test uses it, before or after. Its name begins with the test's name. A
/// [`Redis`](crate::servers::Redis) has numbered databases: summon empties a database after its test,
/// and uses its number again if all numbers were used.
///
/// When the value is dropped, summon ends all connections to the database, and drops it later. The
/// database of a test that panicked stays until the server stops or 16 later tests have failed, and
/// summon prints its URL. If the test process is killed, the server's guard keeps the database, too.
///
/// ```no_run
/// use summon::servers::Postgres;
///
/// let pg = Postgres::new();
/// pg.start()?;
/// let (one, other) = (pg.database()?, pg.database()?);
/// assert_ne!(one.url(), other.url());
/// # Ok::<(), summon::Error>(())
/// ```
pub struct Database {
    server: Process,
    name: String,
    /// Taken when the database is given up. A template has none.
    claim: Mutex<Option<Claim>>,
    /// What a hold shows of a database that the body of a test has made.
    held: Option<Arc<ShownDatabase>>,
}

#[derive(Debug)]
struct ShownDatabase {
    url: String,
    server: Process,
}

impl Thing for ShownDatabase {
    fn shown(&self) -> Option<Shown> {
        let is_up = self.server.is_running();
        let lines = match is_up {
            true => url_and_client(self.url.clone()).collect(),
            false => vec![format!("gone, since {} does not run", self.server.name())],
        };
        Some(Shown {
            name: "database".to_owned(),
            is_up,
            lines,
            process: None,
        })
    }
}

/// A panic of the test leaves the claim as it was.
impl UnwindSafe for Database {}
impl RefUnwindSafe for Database {}

/// A function that fills the template.
pub(crate) type Template = fn(&Database) -> Result<(), String>;

impl Database {
    /// Gets a database on this server.
    pub(crate) fn of(server: &Process) -> Result<Database, Error> {
        let claim = server.claim_database()?;
        Ok(Database {
            server: server.handle(),
            name: claim.name.clone(),
            claim: Mutex::new(Some(claim)),
            held: None,
        })
    }

    /// Gets a database that the body of a test has.
    pub(crate) fn of_body(server: &Process) -> Result<Database, Error> {
        Setting::get()?;
        let mut database = Database::of(server)?;
        let held = Arc::new(ShownDatabase {
            url: database.url(),
            server: server.handle(),
        });
        hold::note(&held);
        database.held = Some(held);
        Ok(database)
    }

    /// Fills the template of a server by this function.
    pub(crate) fn fill_by(server: &Process, template: Template) {
        let of = server.handle();
        let fill = move |name: &str| {
            let database = Database {
                server: of.handle(),
                name: name.to_owned(),
                claim: Mutex::new(None),
                held: None,
            };
            let what = format!("the template function of {}", of.name());
            let filled = of.handle();
            setup::run_within(DATABASE_LIMIT, &what, Some(&of), move || {
                filled.while_filling(|| template(&database))
            })
        };
        server.fill_template_by(Box::new(fill));
    }

    /// Gives the database up. The guard may drop it from now on.
    pub(crate) fn give_up(&self) {
        drop(self.lock().take());
    }

    /// Notes that the test has failed. Returns whether that is new.
    pub(crate) fn fail(&self) -> bool {
        self.lock().as_ref().is_some_and(Claim::fail)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Claim>> {
        self.claim.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the URL, such as `postgres://postgres@127.0.0.1:5432/orders_adds_7`.
    ///
    /// ```no_run
    /// # let pg = summon::servers::Postgres::new();
    /// # pg.start()?;
    /// let db = pg.database()?;
    /// assert_eq!(db.url(), pg.url(db.name()));
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn url(&self) -> String {
        self.server.url(self.name())
    }

    /// Returns the name: the shortened name of the test, and a number. On a
    /// [`Redis`](crate::servers::Redis) it is only the number.
    ///
    /// ```no_run
    /// # let pg = summon::servers::Postgres::new();
    /// # pg.start()?;
    /// println!("psql --dbname {}", pg.database()?.name());
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the process of the server.
    ///
    /// ```no_run
    /// # let pg = summon::servers::Postgres::new();
    /// # pg.start()?;
    /// assert_eq!(pg.database()?.server().port(), pg.port());
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn server(&self) -> &Process {
        &self.server
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.held.is_some() {
            hold::at_drop();
        }
        // The report of a fixture's user has the URL. Another server is about to stop.
        if thread::panicking() && self.fail() && self.server.is_fixture() {
            let server = escaped(self.server.name());
            eprintln!(
                "\nthe database of this failed test stays until {server} stops or 16 later tests have failed: {}",
                escaped(self.url())
            );
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("name", &self.name())
            .field("server", &self.server)
            .finish()
    }
}
