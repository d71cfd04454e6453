//! A turn that one thread of a run's processes has at a time.

use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;

use super::base::{Base, SHARED};
use crate::sys::dir::Dir;
use crate::sys::{Lock, runner};

/// A turn. The lock on a directory keeps others from taking it, and ends with this process. If the
/// process is killed, its warden removes the directory, as it does with other files of the run.
#[derive(Debug)]
pub(crate) struct RunTurn {
    base: Base,
    name: OsString,
    /// Locked until it is closed.
    _dir: Dir,
}

impl RunTurn {
    /// Takes the turn called `what`. Returns `None` if another thread or process has it.
    pub(crate) fn try_take(what: &str) -> io::Result<Option<RunTurn>> {
        let base = Base::own()?;
        let mut run = DefaultHasher::new();
        match runner::current() {
            Some(runner) => runner.id.hash(&mut run),
            None => std::process::id().hash(&mut run),
        }
        let name = OsString::from(format!("{SHARED}-{:016x}-{what}", run.finish()));
        base.has(&name)?;
        let dir = base.dir.enter_locked(&name, Lock::Nobody)?;
        Ok(dir.map(|_dir| RunTurn { base, name, _dir }))
    }
}

impl Drop for RunTurn {
    fn drop(&mut self) {
        // Before the lock ends. A forked child may hold a copy of the descriptor, and with it the
        // lock. The next turn is a new directory, which that copy does not lock.
        let _ = self.base.dir.remove_empty(&self.name);
    }
}
