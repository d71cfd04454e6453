//! Databases: each test gets one of its own on a shared server.

use std::fmt;

use crate::error::Error;
use crate::process::{Claim, Process};

/// A database that belongs to one test.
///
/// summon clones it from a template ahead of the demand, so a test usually waits for about a
/// millisecond. Nobody has used it before, and nobody gets it afterwards. Its name begins with the
/// test's name.
///
/// When the value is dropped, summon ends all connections to the database, and drops it later. The
/// database of a test that panicked stays until the server stops, and summon prints its URL. If the
/// test process is killed, the server's guard does the same.
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
    claim: Claim,
}

impl Database {
    /// Gets a database on this server, as this user.
    pub(crate) fn of(server: &Process, user: &str) -> Result<Database, Error> {
        let claim = server.claim_database(user, |_| Ok(()))?;
        Ok(Database {
            server: server.handle(),
            claim,
        })
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

    /// Returns the name: that of the test, shortened, and a number.
    ///
    /// ```no_run
    /// # let pg = summon::servers::Postgres::new();
    /// # pg.start()?;
    /// println!("psql --dbname {}", pg.database()?.name());
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn name(&self) -> &str {
        &self.claim.name
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
        if std::thread::panicking() {
            self.claim.fail();
            if self.server.is_fixture() {
                eprintln!(
                    "\nthe database of this failed test stays until {} stops\n  url  {}",
                    self.server.name(),
                    self.url()
                );
            }
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
