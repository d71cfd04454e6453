//! A turn that one thread of a run's processes has at a time.

use std::ffi::{OsStr, OsString};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::time::{Duration, SystemTime};

use super::base::{Base, SHARED};
use crate::sys::dir::Dir;
use crate::sys::{Lock, runner};

/// The file with the latest end of a turn, in seconds of the system's clock.
pub(super) const END: &str = ".end";

/// A turn. The lock on a directory keeps others from taking it, and ends with this process. If the
/// process is killed, its warden removes the directory, as it does with other files of the run.
#[derive(Debug)]
pub(crate) struct RunTurn {
    base: Base,
    name: OsString,
    /// Locked until it is closed.
    dir: Dir,
}

impl RunTurn {
    /// Takes the turn called `what` for this time. Returns `None` if another thread or process has it.
    ///
    /// A process that is halted keeps its turn. When the time of that turn is over, others take the turn
    /// with the next number.
    pub(crate) fn try_take(what: &str, limit: Duration) -> io::Result<Option<RunTurn>> {
        let base = Base::own()?;
        let mut run = DefaultHasher::new();
        match runner::current() {
            Some(runner) => runner.id.hash(&mut run),
            None => std::process::id().hash(&mut run),
        }
        let run = run.finish();
        let mut number = 0_u32;
        loop {
            let name = OsString::from(format!("{SHARED}-{run:016x}-{what}{number}"));
            base.has(&name)?;
            if let Some(dir) = base.dir.enter_locked(&name, Lock::Nobody)? {
                // Without the file, others wait until the lock ends.
                let _ = note_end(&dir, SystemTime::now() + limit);
                return Ok(Some(RunTurn { base, name, dir }));
            }
            if !is_overdue(&base.dir, &name) {
                return Ok(None);
            }
            number += 1;
        }
    }
}

fn note_end(dir: &Dir, end: SystemTime) -> io::Result<()> {
    let end = end.duration_since(SystemTime::UNIX_EPOCH);
    let end = end.map_err(io::Error::other)?.as_secs() + 1;
    // A killed holder may have left its own.
    let _ = dir.remove_file(OsStr::new(END));
    // One write: a reader finds all of the number, or none.
    dir.create(OsStr::new(END))?
        .write_all(format!("{end}\n").as_bytes())
}

/// Returns whether the turn's time is over although a process has it.
fn is_overdue(base: &Dir, name: &OsStr) -> bool {
    let read = || -> io::Result<String> {
        let mut text = String::new();
        let mut file = base.enter(name)?.append(OsStr::new(END))?;
        file.read_to_string(&mut text)?;
        Ok(text)
    };
    let end = read().ok().and_then(|text| text.trim().parse().ok());
    let end = end.map(|end| SystemTime::UNIX_EPOCH + Duration::from_secs(end));
    end.is_some_and(|end| SystemTime::now() > end)
}

impl Drop for RunTurn {
    fn drop(&mut self) {
        // Before the lock ends. A forked child may hold a copy of the descriptor, and with it the
        // lock. The next turn is a new directory, which that copy does not lock.
        let _ = self.dir.remove_file(OsStr::new(END));
        let _ = self.base.dir.remove_empty(&self.name);
    }
}
