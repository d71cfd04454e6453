//! Pulls an image once for all test processes of the run: the first process pulls it, and the others wait for
//! that process. It leaves a note in the session of the run, for processes that come later.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::pull::Wanted;
use crate::error::Error;
use crate::progress::Progress;
use crate::session::{Session, base};
use crate::sys::fd::AsFd;
use crate::sys::rendezvous::{self, Role};
use crate::sys::{runner, wait};

/// The time-out of a pull. The time-out of a start does not include the pull.
const LIMIT: Duration = Duration::from_secs(30 * 60);
/// The pause after an unclear answer: another test process is between two system calls.
const MOMENT: Duration = Duration::from_millis(1);

impl Wanted<'_> {
    /// Returns a name that is unique for the image, engine, and run.
    pub(super) fn key(&self) -> String {
        let run = match runner::current() {
            Some(runner) => runner.id.clone(),
            None => std::process::id().to_string(),
        };
        let what = (self.engine.program(), self.image, self.platform);
        // Equal in all processes of the run, since it has no random seed.
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let digest = hasher.hash_one(format!("{run} {what:?}"));
        format!("pull-{digest:016x}")
    }

    /// Returns the session of the run, with the notes about pulls. `None` without a runner: then no other
    /// process belongs to the run.
    fn notes() -> Option<Session> {
        let runner = runner::current()?;
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let run = hasher.hash_one(("pulls", &runner.id));
        Session::shared(&format!("run-{:.12}", format!("{run:016x}"))).ok()
    }

    /// Pulls the image once in this process. Threads that come later get the same result.
    pub(super) fn pull_once_here(&self, always: bool) -> Result<(), Error> {
        type Results = BTreeMap<String, Arc<OnceLock<Result<(), Error>>>>;
        static RESULTS: Mutex<Results> = Mutex::new(BTreeMap::new());
        let mut results = RESULTS.lock().unwrap_or_else(PoisonError::into_inner);
        let result = Arc::clone(results.entry(self.key()).or_default());
        // Pulls of other images go on meanwhile.
        drop(results);
        result.get_or_init(|| self.pull_once(always)).clone()
    }

    /// Pulls the image, unless another process of the run does so now.
    pub(super) fn pull_once(&self, always: bool) -> Result<(), Error> {
        let deadline = Instant::now() + LIMIT;
        let broken =
            |error: std::io::Error| self.absent(&format!("and it can't be pulled: {error}"));
        let mut has_waited = false;
        loop {
            match base()
                .and_then(|base| rendezvous::meet(&base, &self.key()))
                .map_err(broken)?
            {
                // Others wait until the place is dropped. A process that dies frees it too.
                Role::First(_place) => {
                    // Another process may have pulled the image before this one got the place.
                    let notes = if always { Wanted::notes() } else { None };
                    let is_noted = || {
                        notes
                            .as_ref()
                            .is_some_and(|it| it.recall(&self.key()).is_some())
                    };
                    let is_new = !always || has_waited || is_noted();
                    if is_new && self.inspect()?.is_some() {
                        return Ok(());
                    }
                    self.pull(deadline)?;
                    // Before the place is dropped: the next process then finds the note.
                    if let Some(notes) = notes {
                        notes.remember(&self.key(), b"");
                    }
                    return Ok(());
                }
                Role::Later(other) => {
                    has_waited = true;
                    self.await_end(&other, deadline)?;
                }
                Role::Unclear => drop(wait::sleep(&[], Some(Instant::now() + MOMENT))),
            }
        }
    }

    /// Waits until the other process has pulled the image, or has given up.
    fn await_end(&self, other: &rendezvous::Connected, deadline: Instant) -> Result<(), Error> {
        let mut progress = Progress::new(Instant::now());
        loop {
            let until = progress.due().min(deadline);
            match wait::sleep(&[other.stream.as_fd()], Some(until)) {
                Ok(false) if Instant::now() < deadline => {}
                Ok(false) => {
                    let why = format!("and pid {} has not pulled it within {LIMIT:?}", other.pid);
                    return Err(self.absent(&why).timeout());
                }
                Ok(true) | Err(_) => return Ok(()),
            }
            let pid = other.pid;
            progress.say(&format!(
                "waiting for pid {pid}, which pulls the image {}",
                self.image
            ));
        }
    }
}
