//! Where one process keeps its files.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::names::{Name, file_name, numbered, short_file_name};
use super::{Base, Claim, Session, Streams, Sweep, Written, name_of, open_base, streams};
use crate::error::{Error, Source};
use crate::progress;
use crate::sys;
use crate::sys::dir::Dir;
use crate::sys::maker::Maker;
use crate::sys::users::Access;

/// Where one process keeps its files, across its restarts. Dropping it removes them.
#[derive(Debug)]
pub(crate) struct Home {
    dir: PathBuf,
    /// Where the directory is, if not in the session: other users can't get in there.
    base: Option<Base>,
    /// Its two streams apart, for those who want them so. Dropped before the log, which has the claim
    /// on their names too.
    streams: OnceLock<Arc<Streams>>,
    log: Arc<Log>,
    /// The name of the directory. Dropped after that is removed.
    _name: Option<Name>,
}

/// The log of a process. It is removed with its last holder, unless an error that was shown has
/// named it: then somebody will want to read it.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    /// Open, so that it is the log whatever a service does to the file of its name.
    file: File,
    named: AtomicBool,
    /// How long it was when the process first became ready.
    ready_at: OnceLock<u64>,
    /// The process that removes it; `None` where another test process does.
    maker: Option<Maker>,
    /// Dropped after the file is removed.
    _name: Option<Name>,
    /// Dropped after the files are removed.
    claim: Option<Claim>,
    /// Dropped after the file is removed, so that the session's directory is empty then.
    session: Arc<Session>,
}

impl Home {
    /// Makes one in that session, or in that of this process.
    #[cfg(test)]
    pub(crate) fn create(
        name: &str,
        session: Option<Arc<Session>>,
        access: Access,
    ) -> Result<Home, Error> {
        Home::of_test(name, None, session, access)
    }

    /// Makes one in that session, or in that of this process. The log is called after the test, too,
    /// unless processes share the session.
    pub(crate) fn of_test(
        name: &str,
        test: Option<&str>,
        session: Option<Arc<Session>>,
        access: Access,
    ) -> Result<Home, Error> {
        let test = test.map(short_file_name);
        Home::try_create(&file_name(name), test.as_deref(), session, access).map_err(|error| {
            let uid = access.user.map_or_else(sys::user, |user| user.uid);
            let base = match access.is_open() {
                true => open_base(sys::user()),
                false => format!("summon-{uid}"),
            };
            let base = std::env::temp_dir().join(base);
            Error::new(format!("no private directory for {name}: {error}"))
                .fact("directory", base.display().to_string())
        })
    }

    fn try_create(
        name: &str,
        test: Option<&str>,
        session: Option<Arc<Session>>,
        access: Access,
    ) -> io::Result<Home> {
        let session = session.map_or_else(Session::current, Ok)?;
        // Tests that run in parallel may well call their processes alike.
        let mut lost = 0;
        for numbered in numbered(name) {
            // What is shared belongs to no test.
            let test = test.filter(|_| !session.is_shared);
            let of_test = test.map(|test| format!("{test}.{name}"));
            match Home::try_name(&numbered, of_test.as_deref(), &session, access) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                // Somebody may just have removed the directory for other users, which was empty.
                Err(error) if error.kind() == io::ErrorKind::NotFound && lost < super::TRIES => {
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
        access: Access,
    ) -> io::Result<Home> {
        // Before anything else, so that whoever finds that of a dead process has all its files.
        let claim = match session.is_shared {
            true => Some(Claim::take(session, name)?.ok_or(io::ErrorKind::AlreadyExists)?),
            false => None,
        };
        // Taken first and given back last, so that nobody removes what belongs to the next one of that
        // name, even if a service has removed its own directory or log.
        let taken = Name::take(session, name.to_owned())?;
        let log = Arc::new(match of_test {
            Some(of_test) => Log::create_numbered(session, of_test)?,
            None => Log::create(session, name, claim)?,
        });
        if keeps_all() {
            log.name_it();
        }
        let base = match access.is_open() {
            true => Some(Base::open()?),
            false => access.user.map(Base::of_user).transpose()?,
        };
        let dir = match &base {
            None => session.path.join(name),
            Some(base) => base.path.join(format!("{}-{name}", session.name())),
        };
        let place = base.as_ref().map_or(&session.dir, |base| &base.dir);
        let made = place.make(name_of(&dir))?;
        let home = Home {
            dir,
            base,
            streams: OnceLock::new(),
            log,
            _name: Some(taken),
        };
        if let Some(user) = access.user {
            made.give(user)?;
        }
        made.set_mode(access.mode)?;
        Ok(home)
    }

    /// That of a process which another test process has started, and whose files it removes.
    pub(crate) fn of_others(
        dir: PathBuf,
        log: PathBuf,
        is_split: bool,
        session: Arc<Session>,
    ) -> io::Result<Home> {
        let streams = OnceLock::new();
        // Not in this process's own directory of logs: another program may have made them.
        let logs_dir = Dir::open(log.parent().unwrap_or(&log))?;
        if is_split {
            let streams_of = Streams::of_others(&session, &logs_dir, &log)?;
            let _ = streams.set(Arc::new(streams_of));
        }
        let log = Arc::new(Log {
            file: logs_dir.append(name_of(&log))?,
            path: log,
            named: AtomicBool::new(false),
            ready_at: OnceLock::new(),
            maker: None,
            _name: None,
            claim: None,
            session,
        });
        Ok(Home {
            dir,
            base: None,
            streams,
            log,
            _name: None,
        })
    }

    /// Whether it is that of the process which this one was forked from.
    pub(crate) fn is_copy(&self) -> bool {
        self.log.is_copy()
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The directory, opened where it was made.
    pub(crate) fn open_dir(&self) -> io::Result<Dir> {
        self.place().enter(name_of(&self.dir))
    }

    /// Where all of this session is.
    pub(crate) fn session_dir(&self) -> &Path {
        &self.log.session.path
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// The log, for whoever reads or names it.
    pub(crate) fn share_log(&self) -> Arc<Log> {
        Arc::clone(&self.log)
    }

    /// Where lines are looked for that were written after these places, or after those where the run
    /// has begun: in each stream by itself if they are apart.
    pub(crate) fn written(&self, log: u64, streams: Option<[u64; 2]>) -> Vec<(Written, u64)> {
        let Some(apart) = self.streams.get() else {
            return vec![(Written::Log(self.share_log()), log)];
        };
        let from = streams.unwrap_or_else(|| apart.begun()).into_iter();
        let part = |(index, from)| (Written::Stream(Arc::clone(apart), index), from);
        from.enumerate().map(part).collect()
    }

    /// The log for its writer, which appends.
    pub(crate) fn open_log(&self) -> io::Result<File> {
        self.log.file.try_clone()
    }

    /// The two streams apart, once they are there.
    pub(crate) fn streams(&self) -> Option<&Arc<Streams>> {
        self.streams.get()
    }

    /// The two streams apart, for their writer.
    pub(crate) fn open_streams(&self) -> io::Result<[File; 2]> {
        if self.streams.get().is_none() {
            let made = Streams::create(&self.log.session, &self.log.path)?;
            let _ = self.streams.set(Arc::new(made));
        }
        let files = self.streams.get().map(|streams| streams.files());
        let [stdout, stderr] = files.ok_or(io::ErrorKind::NotFound)?;
        Ok([stdout.try_clone()?, stderr.try_clone()?])
    }

    /// What a guard removes in our place.
    pub(crate) fn sweep(&self) -> io::Result<Sweep> {
        let session = &self.log.session;
        let claim = self.log.claim.as_ref();
        let claim = claim.map(|claim| io::Result::Ok((claim.path(), claim.share()?)));
        Ok(Sweep {
            session: session.dir.try_clone()?,
            logs: session.logs_dir.try_clone()?,
            homes: self.place().try_clone()?,
            tree: self.dir.clone(),
            log: self.log.path.clone(),
            streams: streams::paths(&self.log.path).to_vec(),
            socket: None,
            claim: claim.transpose()?,
            parents: session.dirs(),
        })
    }

    fn place(&self) -> &Dir {
        self.base
            .as_ref()
            .map_or(&self.log.session.dir, |base| &base.dir)
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
            // Unless others have something there.
            let _ = fs::remove_dir(&base.path);
        }
    }
}

impl Log {
    /// Makes the one of that name.
    fn create(session: &Arc<Session>, name: &str, claim: Option<Claim>) -> io::Result<Log> {
        let file_name = format!("{name}.log");
        let taken = Name::take(session, file_name.clone())?;
        Ok(Log {
            file: session.logs_dir.create(file_name.as_ref())?,
            path: session.logs.join(file_name),
            named: AtomicBool::new(false),
            ready_at: OnceLock::new(),
            maker: Some(Maker::here()),
            _name: Some(taken),
            claim,
            session: Arc::clone(session),
        })
    }

    /// Makes the first whose name is free.
    fn create_numbered(session: &Arc<Session>, name: &str) -> io::Result<Log> {
        for name in numbered(name) {
            match Log::create(session, &name, None) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made,
            }
        }
        Err(io::Error::other("no free name"))
    }

    /// The process is ready: what comes now is written during a test.
    pub(crate) fn note_ready(&self) {
        let length = || self.file.metadata().map_or(0, |log| log.len());
        self.ready_at.get_or_init(length);
    }

    fn is_copy(&self) -> bool {
        self.maker.is_some_and(|maker| !maker.is_here())
    }

    /// Whether it is this process that removes it.
    fn is_ours(&self) -> bool {
        self.maker.is_some_and(Maker::is_here)
    }
}

impl Source for Log {
    fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self) -> &File {
        &self.file
    }

    fn ready_at(&self) -> Option<u64> {
        self.ready_at.get().copied()
    }

    fn name_it(&self) {
        self.named.store(true, Ordering::Relaxed);
        if self.is_copy() {
            return;
        }
        // For a guard that may have to clean up after this process.
        let _ = sys::private::keep(&self.file);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        let logs_dir = &self.session.logs_dir;
        let _ = match self.named.load(Ordering::Relaxed) {
            true => sys::holes::leave(&self.file, logs_dir, name_of(&self.path)),
            false => logs_dir.remove_file(name_of(&self.path)),
        };
    }
}

/// Whether the user wants to see the logs of tests that pass, too.
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
