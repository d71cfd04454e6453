//! The files of one process.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use once_cell::sync::OnceCell;

use super::base::{Base, TRIES, name_of, open_base, stream_logs};
use super::claim::Claim;
use super::file_names::{file_name, numbered, short_file_name};
use super::log::Log;
use super::memory;
use super::names::Name;
use super::streams::{Streams, Written};
use super::{Session, Sweep};
use crate::error::{Error, Source};
use crate::progress;
use crate::sys;
use crate::sys::dir::Dir;
use crate::sys::users::Access;

/// The requirements on a private directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    pub(crate) access: Access,
    /// Whether it should be in memory, if there is room.
    pub(crate) in_memory: bool,
    /// Whether programs in it are executed.
    pub(crate) executes: bool,
}

/// The directory and the log of one process, across its restarts. Dropping it removes them.
#[derive(Debug)]
pub(crate) struct Home {
    dir: PathBuf,
    /// The parent directory, if it is outside of the session, which other users can't enter.
    base: Option<Base>,
    /// Logs of the two streams, if wanted. Dropped before the log, since its claim protects their
    /// names too.
    streams: OnceCell<Arc<Streams>>,
    log: Arc<Log>,
    /// The name of the directory. Dropped after the directory was removed.
    _name: Option<Name>,
}

impl Home {
    /// Makes a home in this session, or else in the session of this process.
    #[cfg(test)]
    pub(crate) fn create(
        name: &str,
        session: Option<Arc<Session>>,
        access: Access,
    ) -> Result<Home, Error> {
        let site = Site {
            access,
            in_memory: false,
            executes: false,
        };
        Home::of_test(name, None, session, site)
    }

    /// Makes a home in this session, or else in the session of this process. The name of the log
    /// includes the test, unless the session is shared.
    pub(crate) fn of_test(
        name: &str,
        test: Option<&str>,
        session: Option<Arc<Session>>,
        site: Site,
    ) -> Result<Home, Error> {
        let (test, access) = (test.map(short_file_name), site.access);
        Home::try_create(&file_name(name), test.as_deref(), session, site).map_err(|error| {
            let uid = access.user.map_or_else(sys::user, |user| user.uid);
            let base = match access.is_open() {
                true => open_base(sys::user()),
                false => format!("summon-{uid}"),
            };
            let temp = std::env::temp_dir();
            let hint = (!temp.is_dir()).then(|| {
                let temp = temp.display();
                format!("create the directory {temp}, or set TMPDIR to another one")
            });
            Error::new(format!("no private directory for {name}: {error}"))
                .fact("directory", temp.join(base).display().to_string())
                .hints(hint)
        })
    }

    fn try_create(
        name: &str,
        test: Option<&str>,
        session: Option<Arc<Session>>,
        site: Site,
    ) -> io::Result<Home> {
        let session = session.map_or_else(Session::current, Ok)?;
        // Parallel tests may use the same name for their processes.
        let mut lost = 0;
        for numbered in numbered(name) {
            // A shared process belongs to no test.
            let test = test.filter(|_| !session.is_shared);
            let of_test = test.map(|test| format!("{test}.{name}"));
            match Home::try_name(&numbered, of_test.as_deref(), &session, site) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                // Another process may have removed the empty base of another user just now.
                Err(error) if error.kind() == io::ErrorKind::NotFound && lost < TRIES => {
                    lost += 1;
                }
                made => return made,
            }
        }
        Err(io::Error::other("no free name"))
    }

    fn try_name(
        name: &str,
        of_test: Option<&str>,
        session: &Arc<Session>,
        site: Site,
    ) -> io::Result<Home> {
        let access = site.access;
        // The claim comes first. A process that later finds it dead must find all files under its
        // name.
        let claim = match session.is_shared {
            true => Some(
                Claim::take(&session.dir, &session.path, name)?
                    .ok_or(io::ErrorKind::AlreadyExists)?,
            ),
            false => None,
        };
        // Taken first and released last. Otherwise this process could remove files of the next
        // process with that name, for example after a service has removed its own directory.
        let taken = Name::take(session, name.to_owned())?;
        let log = Arc::new(match of_test {
            Some(of_test) => Log::create_numbered(session, of_test)?,
            None => Log::create(session, name, claim)?,
        });
        if keeps_all() {
            log.name_it();
        }
        let wants_memory = site.in_memory && !access.is_open();
        let memory = wants_memory.then(|| memory::base(access.user, site.executes));
        let memory = memory.flatten();
        let is_in_memory = memory.is_some();
        let base = match memory {
            Some(memory) => Some(memory),
            None if access.is_open() => Some(Base::open()?),
            None => access.user.map(Base::of_user).transpose()?,
        };
        let dir = match &base {
            None => session.path.join(name),
            Some(base) if is_in_memory => base.path.join(name),
            Some(base) => base.path.join(format!("{}-{name}", session.name())),
        };
        let place = base.as_ref().map_or(&*session.dir, |base| &base.dir);
        let made = place.make(name_of(&dir))?;
        let home = Home {
            dir,
            base,
            streams: OnceCell::new(),
            log,
            _name: Some(taken),
        };
        if let Some(user) = access.user {
            made.give(user)?;
        }
        if access.is_open() {
            made.set_mode(access.mode)?;
        }
        Ok(home)
    }

    /// Opens the home of a process that another test process has started. That test process removes
    /// it.
    pub(crate) fn of_others(
        dir: PathBuf,
        log: PathBuf,
        is_split: bool,
        session: Arc<Session>,
    ) -> io::Result<Home> {
        let streams = OnceCell::new();
        // The log's own directory, and not this process's directory for logs: another program may
        // have made the log.
        let logs_dir = Dir::open(log.parent().unwrap_or(&log))?;
        if is_split {
            let streams_of = Streams::of_others(&session, &logs_dir, &log)?;
            let _ = streams.set(Arc::new(streams_of));
        }
        let log = Arc::new(Log::of_others(log, &logs_dir, session)?);
        Ok(Home {
            dir,
            base: None,
            streams,
            log,
            _name: None,
        })
    }

    /// Returns whether this is a forked child's copy.
    pub(crate) fn is_copy(&self) -> bool {
        self.log.is_copy()
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Opens the directory where it was made.
    pub(crate) fn open_dir(&self) -> io::Result<Dir> {
        self.place().enter(name_of(&self.dir))
    }

    /// Returns the session's directory.
    pub(crate) fn session_dir(&self) -> &Path {
        &self.log.session.path
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Returns the log, for reading or naming it.
    pub(crate) fn share_log(&self) -> Arc<Log> {
        Arc::clone(&self.log)
    }

    /// Returns the files to search for lines, each with the position to start from: the log, or
    /// both streams if they are recorded separately. Without `streams`, their search starts where
    /// the run began.
    pub(crate) fn written(&self, log: u64, streams: Option<[u64; 2]>) -> Vec<(Written, u64)> {
        let Some(apart) = self.streams.get() else {
            return vec![(Written::Log(self.share_log()), log)];
        };
        let from = streams.unwrap_or_else(|| apart.begun()).into_iter();
        let part = |(index, from)| (Written::Stream(Arc::clone(apart), index), from);
        from.enumerate().map(part).collect()
    }

    /// Returns the log for appending.
    pub(crate) fn open_log(&self) -> io::Result<File> {
        self.log.file.try_clone()
    }

    /// Returns the two streams, if they are recorded separately.
    pub(crate) fn streams(&self) -> Option<&Arc<Streams>> {
        self.streams.get()
    }

    /// Returns the files of the two streams for appending.
    pub(crate) fn open_streams(&self) -> io::Result<[File; 2]> {
        let make = || Streams::create(&self.log.session, &self.log.path).map(Arc::new);
        let [stdout, stderr] = self.streams.get_or_try_init(make)?.files();
        Ok([stdout.try_clone()?, stderr.try_clone()?])
    }

    /// Returns the files that a guard removes in the owner's place.
    pub(crate) fn sweep(&self) -> io::Result<Sweep> {
        let session = &self.log.session;
        let claim = self.log.claim.as_ref();
        let claim = claim.map(|claim| io::Result::Ok((claim.path().to_owned(), claim.share()?)));
        Ok(Sweep {
            session: Arc::clone(&session.dir),
            logs: Arc::clone(&session.logs_dir),
            homes: match &self.base {
                None => Arc::clone(&session.dir),
                Some(base) => Arc::new(base.dir.try_clone()?),
            },
            tree: self.dir.clone(),
            log: self.log.path.clone(),
            streams: stream_logs(&self.log.path).to_vec(),
            socket: None,
            claim: claim.transpose()?,
            parents: session.dirs(),
        })
    }

    fn place(&self) -> &Dir {
        self.base
            .as_ref()
            .map_or(&*self.log.session.dir, |base| &base.dir)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if !self.log.is_ours() {
            return;
        }
        let parent = self.dir.parent().unwrap_or(&self.dir);
        for left in self.place().remove(name_of(&self.dir), parent) {
            progress::say(&left.to_string());
        }
        if let Some(base) = &self.base {
            // Fails if other processes have files there.
            let _ = fs::remove_dir(&base.path);
        }
    }
}

/// Returns whether the user also wants the logs of passing tests.
fn keeps_all() -> bool {
    std::env::var_os("SUMMON_KEEP").is_some_and(|keep| !keep.is_empty() && keep != "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_of_one_name_are_apart_and_go_when_dropped() {
        let (one, two) = (
            Home::create("redis", None, Access::PRIVATE).unwrap(),
            Home::create("redis", None, Access::PRIVATE).unwrap(),
        );
        assert_ne!(one.dir(), two.dir());
        let found = Dir::open(one.dir()).and_then(|dir| dir.found());
        assert!(found.is_ok_and(|dir| dir.is_of(sys::user())));
        one.open_log().unwrap();
        let log = one.place().look("redis.log".as_ref());
        assert!(log.is_ok_and(|log| log.is_of(sys::user())));
        let (dir, log) = (one.dir().to_owned(), one.log().path.clone());
        drop(one);
        assert!(!dir.exists() && !log.exists());
        assert!(two.dir().exists());
    }

    #[test]
    fn nobody_removes_what_belongs_to_the_next_one_of_its_name() {
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    for _ in 0..200 {
                        let home = Home::create("contended", None, Access::PRIVATE).unwrap();
                        assert!(home.dir().is_dir() && home.log().path.is_file());
                        std::thread::yield_now();
                        assert!(home.dir().is_dir() && home.log().path.is_file());
                    }
                });
            }
        });
    }

    #[test]
    fn a_log_stays_if_it_was_named() {
        let home = Home::create("kept", None, Access::PRIVATE).unwrap();
        home.open_log().unwrap();
        home.share_log().name_it();
        let (dir, log) = (home.dir().to_owned(), home.log().path.clone());
        drop(home);
        assert!(!dir.exists() && log.exists());
        fs::remove_file(log).unwrap();
    }

    #[test]
    fn a_directory_that_a_service_has_removed_is_nobody_elses() {
        let one = Home::create("gone", None, Access::PRIVATE).unwrap();
        fs::remove_dir(one.dir()).unwrap();
        fs::remove_file(&one.log.path).unwrap();
        let two = Home::create("gone", None, Access::PRIVATE).unwrap();
        drop(one);
        assert!(two.dir().exists() && two.log.path.exists());
    }
}
