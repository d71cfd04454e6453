//! The owner's side: a process asks the guard of a server for databases.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::guarded::Guarded;
use crate::guard::databases::{Answer, DatabaseOrder, Server};
use crate::guard::protocol::message::Order;

impl Guarded {
    /// Asks for a database for this test. Returns the number of the answers.
    pub(crate) fn want_database(&self, test: String, server: Server) -> io::Result<u64> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        self.order(&Order::Database(DatabaseOrder::Want {
            number,
            test,
            server,
        }))?;
        Ok(number)
    }

    /// Asks that `CREATE DATABASE` copies the template. Returns the number of the answers.
    pub(crate) fn want_defaults(&self, server: Server) -> io::Result<u64> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        self.order(&Order::Database(DatabaseOrder::WantDefaults {
            number,
            server,
        }))?;
        Ok(number)
    }

    /// Waits for the next answer with this number. Returns `None` at the deadline, and an error if the
    /// guard has ended.
    pub(crate) fn wait_for_database(
        &self,
        number: u64,
        deadline: Instant,
    ) -> io::Result<Option<Answer>> {
        let mut answer = None;
        let known = self.wait_until(deadline, &[], |state| {
            answer = self.received.take_answer(number);
            answer.is_some() || state.gone || state.exit.is_some()
        })?;
        match answer {
            None if known.is_some() => Err(io::ErrorKind::ConnectionAborted.into()),
            answer => Ok(answer),
        }
    }

    /// Reports that the template is filled, or the report of the failure.
    pub(crate) fn fill_template(&self, name: String, failure: Option<String>) -> io::Result<()> {
        self.order(&Order::Database(DatabaseOrder::Filled { name, failure }))
    }

    /// Reports that nobody waits for the answers with this number any more.
    pub(crate) fn cancel_database(&self, number: u64) {
        // A dead guard makes none.
        let _ = self.order(&Order::Database(DatabaseOrder::Cancel { number }));
    }

    /// Reports that the test with this database has ended.
    pub(crate) fn give_up_database(&self, name: String, has_failed: bool) {
        // A dead guard has given it up.
        let _ = self.order(&Order::Database(DatabaseOrder::Done { name, has_failed }));
    }
}
