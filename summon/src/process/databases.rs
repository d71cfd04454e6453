//! Databases of a process, which its guard makes.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use super::Process;
use super::launched::Launched;
use super::parts::Fill;
use crate::error::Error;
use crate::guard::{Answer, Guarded, Server, ServerKind, State};
use crate::progress::Progress;
use crate::sys::memory::Memory;
use crate::trace::test_name;

/// The time-out for a database, and for the template function, for which the first one waits.
pub(crate) const DATABASE_LIMIT: Duration = Duration::from_secs(10 * 60);

/// The time-out for the end of a guard that answers no more.
const KNOWN: Duration = Duration::from_secs(1);

/// What clients say if their server has no room for a file or for a table: the errno, and MariaDB's
/// `ER_DISK_FULL` and `ER_RECORD_FILE_FULL`. The error of a test's client is only text.
const NO_ROOM: [&str; 3] = ["No space left on device", "ERROR 1021 ", "ERROR 1114 "];

/// The template functions that run: the addresses of their servers, and their threads.
static FILLING: Mutex<Vec<(usize, ThreadId)>> = Mutex::new(Vec::new());

/// A template function that runs until the drop, also if it panics.
struct Filling(usize, ThreadId);

impl Drop for Filling {
    fn drop(&mut self) {
        filling().retain(|it| *it != (self.0, self.1));
    }
}

fn filling() -> MutexGuard<'static, Vec<(usize, ThreadId)>> {
    FILLING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A claim on a database. Dropping it gives the database up.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) name: String,
    launched: Arc<Launched>,
    has_failed: AtomicBool,
}

impl Process {
    /// Returns another handle on this process.
    pub(crate) fn handle(&self) -> Process {
        Process {
            parts: Arc::clone(&self.parts),
        }
    }

    /// Sets what fills the template of the databases. Without it, the template is empty.
    pub(crate) fn fill_template_by(&self, fill: Fill) {
        let _ = self.parts.fill.set(fill);
    }

    /// Calls the function that fills the template. It must not ask for a database of this server: that
    /// waits for the template.
    pub(crate) fn while_filling<T>(&self, fill: impl FnOnce() -> T) -> T {
        let (server, thread) = (self.address(), thread::current().id());
        filling().push((server, thread));
        let _filling = Filling(server, thread);
        fill()
    }

    fn address(&self) -> usize {
        Arc::as_ptr(&self.parts).addr()
    }

    /// Returns what a long wait for a database may wait for. The guard has said `delay`.
    fn awaited(&self, delay: Option<&str>) -> String {
        let name = self.name();
        // Another test may have called the function, so this is no error.
        match filling().iter().any(|(it, _)| *it == self.address()) {
            true => format!(
                "waiting for a database of {name}, whose template function still runs in this process; \
                 if that function itself waits for this thread, it waits for itself, and should use the \
                 database that it gets"
            ),
            false => match delay {
                Some(why) => format!("waiting for a database of {name}: {why}"),
                None => format!("waiting for a database of {name}"),
            },
        }
    }

    /// Returns a hint if a client says that the server has no room.
    pub(crate) fn hint_by_client(&self, said: &str) -> Option<String> {
        let is_full = NO_ROOM.iter().any(|it| said.contains(it));
        is_full.then(|| self.hint_at_full_memory()).flatten()
    }

    /// Returns a hint for a server that has no room, if its data is in memory.
    fn hint_at_full_memory(&self) -> Option<String> {
        let path = Memory::find()?.path;
        let is_there = self.dir().starts_with(path);
        is_there.then(|| {
            format!(
                "the data of {} is in memory ({}), which is full; to keep it on disk, set `SUMMON_MEMORY=0`, or \
                 `in_memory = false` beside `template`",
                self.name(),
                path.display()
            )
        })
    }

    /// Gets a database for the test on this thread.
    pub(crate) fn claim_database(&self) -> Result<Claim, Error> {
        let test = test_name();
        let failure = format!("{} has no database for {test}", self.name());
        let (name, launched) = self.ask_for_database(&failure, |guarded, server| {
            guarded.want_database(test.clone(), server)
        })?;
        let has_failed = AtomicBool::new(false);
        Ok(Claim {
            name,
            launched,
            has_failed,
        })
    }

    /// Lets the databases that others create on this server be copies of the template. Does nothing without a
    /// template, and on a server on which summon makes no databases or which it has not started.
    pub(crate) fn share_template(&self) -> Result<(), Error> {
        let kind = self.parts.declaration.spec.server_kind;
        let can_share = kind.is_some_and(ServerKind::has_own_template);
        let has_template = self.parts.fill.get().is_some();
        if !can_share || !has_template || self.parts.life.launched().is_none() {
            return Ok(());
        }
        let failure = format!("{} can't share its template", self.name());
        self.ask_for_database(&failure, Guarded::want_defaults)?;
        Ok(())
    }

    /// Asks the guard by `order`. Fills the template if the guard wants that. Returns the name of the database.
    fn ask_for_database(
        &self,
        failure: &str,
        order: impl FnOnce(&Guarded, Server) -> io::Result<u64>,
    ) -> Result<(String, Arc<Launched>), Error> {
        let none = |why: &str| {
            let declaration = &self.parts.declaration;
            declaration.error(format!("{failure}: {why}"))
        };
        if filling().contains(&(self.address(), thread::current().id())) {
            return Err(none(
                "its template function asked for one, and would wait for itself; use the database that \
                 it gets",
            ));
        }
        let Some(kind) = self.parts.declaration.spec.server_kind else {
            return Err(none(
                "summon makes databases only on `servers::Mariadb`, `Postgres`, and `Redis`",
            ));
        };
        let Some(launched) = self.parts.life.launched() else {
            if self.is_fixture() && !self.parts.life.is_reused() {
                return Err(none("the fixture has ended, as this process ends"));
            }
            let error = none("summon makes databases only on a server that it has started");
            return Err(error.fact("hint", "call `start` first, without `reuse`"));
        };
        let failed = |why: &dyn std::fmt::Display| self.explain(format!("{failure}: {why}"), None);
        let addr = self.addr();
        let url = self.url("");
        let server = Server { kind, addr, url };
        let guarded = &launched.guarded;
        let ended = |state: &State| state.gone || state.exit.is_some();
        let lost = |error: io::Error| match guarded.is_ours() {
            // The socket may refuse an order before the end of the guard is known.
            true if guarded
                .wait_until(Instant::now() + KNOWN, &[], ended)
                .is_ok_and(|state| state.is_some_and(|state| state.guard_died)) =>
            {
                failed(&"its guard was killed")
            }
            true => failed(&"the server has ended"),
            false => failed(&error),
        };
        let number = order(guarded, server).map_err(lost)?;
        let began = Instant::now();
        let mut progress = Progress::new(began);
        let mut delay = None;
        loop {
            let until = progress.due().min(began + DATABASE_LIMIT);
            let answer = guarded.wait_for_database(number, until);
            match answer.map_err(lost)? {
                Some(Answer::Database(name)) => return Ok((name, launched)),
                Some(Answer::Delayed(why)) => delay = Some(why),
                Some(Answer::Shared) => return Ok((String::new(), launched)),
                Some(Answer::Fill(name)) => {
                    let fill = self.parts.fill.get();
                    let filled = fill.map_or(Ok(()), |fill| fill(&name));
                    let failure = filled.err().map(|error| error.to_string());
                    guarded.fill_template(name, failure).map_err(lost)?;
                }
                Some(Answer::Failed(report)) => return Err(Error::new(report)),
                Some(Answer::Refused { why, has_no_room }) => {
                    let hint = has_no_room.then(|| self.hint_at_full_memory());
                    return Err(failed(&why).hints(hint.flatten()));
                }
                None if began.elapsed() >= DATABASE_LIMIT => {
                    guarded.cancel_database(number);
                    let awaited = self.awaited(delay.as_deref());
                    let why = format!("it takes too long: {awaited}");
                    return Err(failed(&why).timeout());
                }
                None => progress.say(&self.awaited(delay.as_deref())),
            }
        }
    }
}

impl Claim {
    /// Notes that the test has failed: its database stays. Returns whether that is new.
    pub(crate) fn fail(&self) -> bool {
        !self.has_failed.swap(true, Ordering::Relaxed)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        let has_failed = *self.has_failed.get_mut();
        self.launched.guarded.give_up_database(name, has_failed);
    }
}
